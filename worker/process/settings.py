"""The settings of every command: environment variables with the prefix `G3N_` (contract §6)."""

import getpass
import os
import re
import socket
from ipaddress import ip_network
from textwrap import TextWrapper
from typing import Final, Literal, Self

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator

from worker.process.callers import Network, Shares
from worker.process.secured import DEVELOPMENT_CARD_KEY, PREFIX, Secured, parts_of
from worker.process.topic_rules import ORGCODE, Rule, parse

__all__ = [
    "DEVELOPMENT_CARD_KEY", "MIB", "ORGCODE", "PREFIX", "Settings", "SettingsError", "describe", "load",
]  # fmt: skip
MIB = 1 << 20
KAFKA: Final = "kafka_bootstrap_servers"

_TOPIC = re.compile(r"[A-Za-z0-9._-]{1,245}")  # Kafka's 249, less the ending of a dead-letter topic
_ROLES = ("crm_owner", "crm_worker", "crm_api", "crm_ops", "crm_audit", "crm_operator")


class SettingsError(Exception):
    """A setting is missing or invalid. The message has a line for each, and never a value."""


class Settings(Secured):
    """All settings, read once when the process starts. An empty variable counts as absent."""

    postgres_role_passwords: SecretStr = Field(
        SecretStr(""),
        description="`setup`: passwords to set for roles: crm_worker=…,crm_api=…; default: none",
    )
    orgcodes: frozenset[str] = Field(
        frozenset(),
        description="tenants to serve, comma separated; documents of others are dead letters; default: all",
    )

    topic_prefix: str = Field("", description="the prefix of every topic's name")
    topic_sales: str = Field("scm.sales", description="input: sales")
    topic_returns: str = Field("scm.returns", description="input: returns")
    topic_tenders: str = Field("scm.tenders", description="input: tender requests, captures, voids")
    topic_commands: str = Field("crm.commands", description="input: commands")
    topic_tender_outcomes: str = Field("crm.tender-outcomes", description="output: outcomes of tenders")
    topic_outcomes: str = Field("crm.outcomes", description="output: all other outcomes")
    topic_accepted: str = Field(
        "crm.accepted", description="output and input: documents that came over HTTP, in stored form"
    )
    partitions: int = Field(6, ge=1, le=10_000, description="partitions of each topic that `setup` creates")
    replication_factor: int = Field(
        -1, ge=-1, le=99, description="replicas of each topic that `setup` creates; -1: the broker's default"
    )

    consumer_group: str = Field("crm-worker", min_length=1, max_length=249, description="the Kafka consumer group")
    worker_instance: str | None = Field(
        None,
        max_length=200,
        description="name of a static member, one for each worker; default: dynamic membership",
    )
    worker_restart_follows: bool = Field(
        default=False,
        description="with G3N_WORKER_INSTANCE: true: a restart follows, so the member stays in the group after SIGTERM",
    )
    max_document_bytes: int = Field(MIB, ge=1024, description="a larger document becomes a dead letter, too_large")
    batch_documents: int = Field(2000, ge=1, le=4000, description="documents in one transaction, at most")
    batch_bytes: int = Field(4 * MIB, ge=1, description="a batch of this many bytes takes no more records")
    linger_ms: int = Field(10, ge=0, le=1000, description="milliseconds to wait, at most, for a small batch to grow")
    tender_max_age_days: int = Field(7, ge=1, description="older gift card requests are declined, too_late")

    source_card_misses_per_min: int = Field(
        10_000,
        ge=0,
        description="wrong cards a minute of one source on the topics; beyond it, no card is accepted; 0: no limit",
    )

    http_host: str = Field("127.0.0.1", description="address of /livez, /readyz and /metrics")
    http_port: int = Field(
        9464, ge=0, le=65_535, description="port of /livez, /readyz and /metrics; process i of N takes port + i; 0: off"
    )
    api_host: str = Field("127.0.0.1", description="`g3n api`: address to listen on")
    api_port: int = Field(8080, ge=0, le=65_535, description="`g3n api`: port to listen on; 0: any free port")
    api_connections: int = Field(8, ge=2, le=100, description="`g3n api`: connections to Postgres, at most")
    api_max_in_hand: int = Field(
        500,
        ge=1,
        le=4000,
        description="`g3n api`: requests in progress, at most; further ones are answered 503, overloaded",
    )
    api_max_connections: int = Field(
        1000,
        ge=16,
        le=100_000,
        description="`g3n api`: open connections, at most; beyond it, those that have waited longest are closed",
    )
    api_key_share: float = Field(
        0.25,
        gt=0,
        le=1,
        description="`g3n api`: share of the connections, and of the requests in progress, that one key may hold",
    )
    api_tenant_share: float = Field(0.5, gt=0, le=1, description="`g3n api`: the share that one tenant may hold")
    api_address_share: float = Field(0.75, gt=0, le=1, description="`g3n api`: the share that one address may hold")
    api_trusted_proxies: str = Field(
        "",
        description="`g3n api`: proxies whose X-Forwarded-For counts: addresses or networks, comma separated",
    )
    api_keyless_per_s: int = Field(
        20,
        ge=1,
        description="`g3n api`: requests a second of one address without an accepted key; ten seconds' worth at once",
    )
    api_sessions_per_key: int = Field(1000, ge=1, description="`g3n api`: open sessions of one key, at most")
    api_body_s: float = Field(
        10, gt=0, le=300, description="`g3n api`: seconds within which a body must arrive; else 408"
    )
    api_deadline_s: float = Field(
        10, gt=0, le=25, description="`g3n api`: seconds within which a request must be decided; else 503, timed_out"
    )
    api_requests_per_s: int = Field(
        100,
        ge=1,
        description="`g3n api`: requests a second of one key; ten seconds' worth at once; more are answered 429",
    )
    api_bulk_requests_per_s: int = Field(
        1000,
        ge=1,
        description="`g3n api`: requests a second of a key with the scope bulk; never less than the other limit",
    )
    api_card_misses_per_min: int = Field(
        30, ge=1, description="`g3n api`: wrong cards a minute of one key; beyond it, every card is answered 429"
    )
    api_tenant_card_misses_per_min: int = Field(
        300,
        ge=1,
        description="`g3n api`: wrong cards a minute of all keys of a tenant; both limits hold over all processes",
    )
    operator: str | None = Field(
        None, max_length=200, description="your name in the operator journal; default: user@host"
    )
    on_failure: Literal["dead_letter", "crash"] = Field(
        "dead_letter",
        description="a document on which the program fails becomes a dead letter; crash (for tests): the process ends",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="least severe level to log")
    log_format: Literal["auto", "json", "console"] = Field("auto", description="auto: JSON unless stderr is a terminal")
    tracing: bool = Field(
        default=False, description="true: send a span for each batch to OpenTelemetry, as OTEL_… variables say"
    )
    process_index: int = Field(0, ge=0, description="set by --processes: the number of this process")

    @field_validator("orgcodes", mode="before")
    @classmethod
    def _split_orgcodes(cls, value: object) -> object:
        codes = parts_of(value) if isinstance(value, str) else value
        if isinstance(codes, list) and not all(ORGCODE.fullmatch(code) for code in codes):
            raise ValueError("an orgcode has 1 to 32 characters of a-z 0-9 - _")
        return codes

    @field_validator("log_level", mode="before")
    @classmethod
    def _lower(cls, value: object) -> object:
        return value.lower() if isinstance(value, str) else value

    @field_validator("postgres_role_passwords")
    @classmethod
    def _of_roles(cls, value: SecretStr) -> SecretStr:
        roles = [part.partition("=") for part in parts_of(value.get_secret_value())]
        if not all(role in _ROLES and password for role, _, password in roles):
            raise ValueError(f"must be ROLE=PASSWORD, comma separated; the roles are {', '.join(_ROLES)}")
        return value

    @field_validator("api_trusted_proxies")
    @classmethod
    def _networks(cls, value: str) -> str:
        for part in parts_of(value):
            try:
                ip_network(part)
            except ValueError:
                raise ValueError("must be addresses or networks like 10.0.0.0/8, comma separated") from None
        return value

    @model_validator(mode="after")
    def _topics_differ(self) -> Self:
        names = [
            getattr(self, name) for name in type(self).model_fields if re.fullmatch(r"topic_(?!prefix|rules).*", name)
        ]
        if not all(_TOPIC.fullmatch(self.topic_prefix + name) for name in names):
            raise ValueError(
                "G3N_TOPIC_…: a topic's name has 1 to 245 characters of a-z A-Z 0-9 . _ -, prefix included"
            )
        if len(set(names)) != len(names):
            raise ValueError("G3N_TOPIC_…: two topics have one name")
        inputs = {self.topic_sales, self.topic_returns, self.topic_tenders, self.topic_commands}
        if {rule.topic for rule in parse(self.topic_rules)} - inputs:
            raise ValueError("G3N_TOPIC_RULES: a rule's topic is an input topic, without the prefix")
        return self

    @property
    def role_passwords(self) -> dict[str, str]:
        """Return passwords by role of the database, for `setup`."""
        parts = (part.partition("=") for part in parts_of(self.postgres_role_passwords.get_secret_value()))
        return {role: password for role, _, password in parts}

    @property
    def operator_name(self) -> str:
        """Return who runs this command, for the operator journal."""
        if self.operator is not None:
            return self.operator
        try:
            user = getpass.getuser()
        except (KeyError, OSError):  # a container's user without a name
            user = f"uid {os.getuid()}"
        return f"{user}@{socket.gethostname()}"

    @property
    def rules(self) -> tuple[Rule, ...]:
        """Return the rules of the input topics, by full name."""
        rules = parse(self.topic_rules)
        return tuple(rule._replace(topic=self.topic_prefix + rule.topic) for rule in rules)

    @property
    def api_shares(self) -> Shares:
        """Return the shares of the API that one key, tenant and address may hold."""
        return Shares(self.api_key_share, self.api_tenant_share, self.api_address_share)

    @property
    def api_proxies(self) -> tuple[Network, ...]:
        """Return the trusted proxies."""
        return tuple(map(ip_network, parts_of(self.api_trusted_proxies)))

    @property
    def http_port_is_chosen(self) -> bool:
        """Return whether the port was set: if it is taken, that is an error then, not a warning."""
        return "http_port" in self.model_fields_set


def load(*, kafka: bool = True) -> Settings:
    """Return the settings of this process. `kafka`: it needs Kafka.

    Raises SettingsError, which names every missing or invalid setting at once.
    """
    given = _given()
    lines = [_line(KAFKA, "missing", "")] if kafka and KAFKA not in given else []
    try:
        chosen = Settings.model_validate(given)
    except ValidationError as error:
        lines += [
            _line(str(part["loc"][0]) if part["loc"] else "", part["type"], part["msg"])
            for part in error.errors(include_input=False, include_context=False, include_url=False)
        ]
    if lines:
        raise SettingsError("\n".join(["settings are missing or invalid:", *sorted(lines)]))
    return chosen


def _given() -> dict[str, str]:
    """Return the variables of the environment, by the setting's name."""
    given = {name.upper(): value for name, value in os.environ.items() if value}
    return {name.removeprefix(PREFIX).lower(): value for name, value in given.items() if name.startswith(PREFIX)}


def _line(field: str, kind: str, message: str) -> str:
    message = message.removeprefix("Value error, ")
    if not field:
        return f"  {message}"
    name = PREFIX + field.upper()
    if kind == "missing":
        return f"  {name} is missing: {Settings.model_fields[field].description}"
    return f"  {name} is invalid: {message}"


def describe(columns: int) -> str:
    """Return each setting, for `--help`: variable, description, default. No line is longer than `columns`."""
    names = {PREFIX + name.upper(): field for name, field in Settings.model_fields.items()}
    margin = max(map(len, names)) + 2
    lines = TextWrapper(max(columns, 2 * margin), subsequent_indent=" " * margin, break_on_hyphens=False)
    return "\n".join(
        lines.fill(
            f"{name:<{margin}}{field.description}"
            + ("  (required)" if field.is_required() else _default(field.default))
        )
        for name, field in names.items()
    )


def _default(value: object) -> str:
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    return f"  [{value}]" if value or value == 0 else ""
