"""The settings of trust: how to reach Kafka and Postgres, card keys, and what topics may carry."""

import re
from pathlib import Path
from typing import Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationInfo, field_validator, model_validator

from worker.process import dsn as urls
from worker.process import topic_rules as rules_of_topics

PREFIX: Final = "G3N_"
CONFIG: Final = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True, validate_default=True)
# The key of docker-compose.yml, which everybody can read.
DEVELOPMENT_CARD_KEY: Final = b"development-only-key-not-a-secret"
# Of compose, of images and of habit.
_DEFAULT_PASSWORDS: Final = frozenset({"crm", "postgres", "password", "admin", "changeme", "secret"})
_CARD_KEY_BYTES: Final = 32


def parts_of(text: str) -> list[str]:
    """Return the parts of a comma separated text."""
    return [part for part in (part.strip() for part in text.split(",")) if part]


def _card_key(text: str) -> bytes:
    try:
        key = bytes.fromhex(text)
    except ValueError:
        raise ValueError("must be hexadecimal") from None
    if len(key) < _CARD_KEY_BYTES:
        raise ValueError(f"must be hex of at least {_CARD_KEY_BYTES} bytes ({2 * _CARD_KEY_BYTES} digits)")
    return key


class Secured(BaseModel):
    """The settings that are secret, or limit what others may do."""

    model_config = CONFIG

    kafka_bootstrap_servers: str = Field(
        "", description="brokers to connect to first: host:port, comma separated (required to use Kafka)"
    )
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT", description="the brokers' protocol: PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL"
    )
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"] = Field(
        "SCRAM-SHA-512", description="with SASL: PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER"
    )
    kafka_username: str = Field("", description="with SASL: the login; with OAUTHBEARER: the client's id")
    kafka_password: SecretStr = Field(
        SecretStr(""), description="with SASL: the password; with OAUTHBEARER: the client's secret"
    )
    kafka_token_url: str = Field(
        "", description="with OAUTHBEARER: the token endpoint (client credentials grant): https://…"
    )
    kafka_ca_file: Path | None = Field(None, description="with TLS: authorities to trust, PEM; default: the system's")
    kafka_cert_file: Path | None = Field(None, description="with TLS: the client's certificate, PEM")
    kafka_key_file: Path | None = Field(None, description="with TLS: the certificate's key, PEM")
    api_tls_cert_file: Path | None = Field(
        None, description="`g3n api`: serve TLS with this certificate with its chain, PEM; default: no TLS"
    )
    api_tls_key_file: Path | None = Field(None, description="`g3n api`: the certificate's key, PEM")
    postgres_dsn: SecretStr = Field(description="the ledger's database: postgresql://user:password@host:port/name")
    postgres_admin_dsn: SecretStr = Field(
        SecretStr(""),
        description="`setup`, `archive`: the same database, as a user who may create roles; default: G3N_POSTGRES_DSN",
    )
    card_key: SecretStr = Field(description="key for the HMACs of card numbers and PINs: hex of at least 32 bytes")
    card_keys_old: SecretStr = Field(SecretStr(""), description="earlier keys, comma separated, newest first")
    development: bool = Field(
        default=False,
        description="true: allow a database server that may lose commits, and default passwords",
    )
    topic_rules: str = Field(
        "",
        description="the types and tenants that an input topic may carry: TOPIC: TYPE, TYPE @ ORGCODE, ORGCODE; …;"
        " anything else becomes a dead letter, not_allowed_here; a topic without a rule may carry everything",
    )

    @field_validator("kafka_bootstrap_servers")
    @classmethod
    def _hosts(cls, value: str) -> str:
        if value and not (parts_of(value) and all(re.fullmatch(r"\S+:\d{1,5}", part) for part in parts_of(value))):
            raise ValueError("must be host:port, comma separated")
        return ",".join(parts_of(value))

    @field_validator("kafka_security_protocol", "kafka_sasl_mechanism", mode="before")
    @classmethod
    def _upper(cls, value: object) -> object:
        return value.upper() if isinstance(value, str) else value

    @field_validator("kafka_ca_file", "kafka_cert_file", "kafka_key_file", "api_tls_cert_file", "api_tls_key_file")
    @classmethod
    def _files(cls, value: Path | None) -> Path | None:
        if value is not None and not value.is_file():
            raise ValueError("there is no such file")
        return value

    @field_validator("postgres_dsn", "postgres_admin_dsn")
    @classmethod
    def _urls(cls, value: SecretStr, info: ValidationInfo) -> SecretStr:
        if info.field_name == "postgres_admin_dsn" and not value:
            return value
        wrong = urls.fault(value.get_secret_value())
        if wrong is not None:
            raise ValueError(wrong)
        return value

    @field_validator("card_key", "card_keys_old")
    @classmethod
    def _keys(cls, value: SecretStr, info: ValidationInfo) -> SecretStr:
        text = value.get_secret_value()
        for key in [text] if info.field_name == "card_key" else parts_of(text):
            _card_key(key)
        return value

    @field_validator("topic_rules")
    @classmethod
    def _rules(cls, value: str) -> str:
        rules_of_topics.parse(value)
        return value

    @model_validator(mode="after")
    def _pairs(self) -> Self:
        for cert, key in ("kafka_cert_file", "kafka_key_file"), ("api_tls_cert_file", "api_tls_key_file"):
            if (getattr(self, cert) is None) is not (getattr(self, key) is None):
                raise ValueError(f"{PREFIX}{cert.upper()} and {PREFIX}{key.upper()} belong together: one is missing")
        return self

    @model_validator(mode="after")
    def _credentials(self) -> Self:
        if not self.kafka_security_protocol.startswith("SASL"):
            return self
        missing = [name for name in ("kafka_username", "kafka_password") if not getattr(self, name)]
        if self.kafka_sasl_mechanism == "OAUTHBEARER" and not self.kafka_token_url:
            missing.append("kafka_token_url")
        if missing:
            names = ", ".join(PREFIX + name.upper() for name in missing)
            raise ValueError(f"{names} is missing: {PREFIX}KAFKA_SECURITY_PROTOCOL demands it")
        return self

    @model_validator(mode="after")
    def _no_default_passwords(self) -> Self:
        if not self.development and (names := self._with_default_passwords):
            raise ValueError(
                f"{names[0]} has a default password, which is allowed on this machine only: set another one"
                f" ({PREFIX}DEVELOPMENT=true allows it for a try)"
            )
        return self

    @property
    def _with_default_passwords(self) -> list[str]:
        """Settings that name a server outside this machine and a password that everybody knows."""
        databases = {"POSTGRES_DSN": self.postgres_dsn, "POSTGRES_ADMIN_DSN": self.postgres_admin_dsn}
        return [
            PREFIX + name
            for name, secret in databases.items()
            if urls.password(url := secret.get_secret_value()) in _DEFAULT_PASSWORDS and urls.is_remote(url)
        ]

    @property
    def for_development_only(self) -> list[str]:
        """Return a line in capitals for each setting that must not be so where real customers are."""
        warnings = []
        if DEVELOPMENT_CARD_KEY in self.card_keys:
            warnings.append(
                "THE PUBLIC DEVELOPMENT CARD KEY IS IN USE: ANYBODY CAN FIND CARD NUMBERS. SET G3N_CARD_KEY"
            )
        warnings += [
            f"A DEFAULT PASSWORD IS IN USE: SET ANOTHER ONE IN {name}" for name in self._with_default_passwords
        ]
        return warnings

    @property
    def dsn(self) -> str:
        """The database's address, password included: for the driver, never for a log."""
        return self.postgres_dsn.get_secret_value()

    @property
    def admin_dsn(self) -> str:
        """The database's address for `setup`: for the driver, never for a log."""
        return self.postgres_admin_dsn.get_secret_value() or self.dsn

    @property
    def card_keys(self) -> tuple[bytes, ...]:
        """Every key that a stored number may have been hashed with, the current one first."""
        old = parts_of(self.card_keys_old.get_secret_value())
        return tuple(map(_card_key, [self.card_key.get_secret_value(), *old]))
