import re
from pathlib import Path

import pytest
import yaml

from worker.process import settings

COMPOSE = Path(__file__).parents[2] / "docker-compose.yml"
RIGHT = {
    "G3N_KAFKA_BOOTSTRAP_SERVERS": "kafka-1:9092, kafka-2:9092",
    "G3N_POSTGRES_DSN": "postgresql://crm:pass-of-the-database@db/crm",
    "G3N_CARD_KEY": "ab" * 32,
}


def load(monkeypatch: pytest.MonkeyPatch, **environment: str) -> settings.Settings:
    for name in settings.Settings.model_fields:
        monkeypatch.delenv(settings.PREFIX + name.upper(), raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return settings.load()


def refusal(monkeypatch: pytest.MonkeyPatch, **environment: str) -> str:
    with pytest.raises(settings.SettingsError) as refused:
        load(monkeypatch, **environment)
    return str(refused.value)


def test_the_required_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = load(monkeypatch, **RIGHT)
    assert chosen.kafka_bootstrap_servers == "kafka-1:9092,kafka-2:9092"
    assert chosen.dsn == RIGHT["G3N_POSTGRES_DSN"]
    assert chosen.card_keys == (b"\xab" * 32,)
    assert (chosen.orgcodes, chosen.http_port, chosen.http_port_is_chosen) == (frozenset(), 9464, False)


def test_lists_and_rotation(monkeypatch: pytest.MonkeyPatch) -> None:
    old = f"{'cd' * 32}, {'ef' * 40}"
    chosen = load(
        monkeypatch,
        **RIGHT,
        G3N_CARD_KEYS_OLD=old,
        G3N_ORGCODES="acme, globex",
        G3N_HTTP_PORT="0",
        G3N_LOG_LEVEL="INFO",
    )
    assert chosen.card_keys == (b"\xab" * 32, b"\xcd" * 32, b"\xef" * 40)
    assert chosen.orgcodes == {"acme", "globex"}
    assert chosen.http_port_is_chosen


def test_an_empty_variable_is_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load(monkeypatch, **RIGHT, G3N_ORGCODES="", G3N_HTTP_PORT="", G3N_TOPIC_PREFIX="").http_port == 9464


def test_everything_missing_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    message = refusal(monkeypatch)
    assert message.splitlines()[0] == "settings are missing or invalid:"
    assert [line.split()[0] for line in message.splitlines()[1:]] == sorted(RIGHT)
    assert all(" is missing: " in line for line in message.splitlines()[1:])


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("G3N_CARD_KEY", "not-hex-zz", "G3N_CARD_KEY is invalid: must be hexadecimal"),
        ("G3N_CARD_KEY", "ab" * 31, "must be hex of at least 32 bytes"),
        ("G3N_CARD_KEYS_OLD", "ab" * 32 + ",5ec2e7", "G3N_CARD_KEYS_OLD is invalid: must be hex of at least 32 bytes"),
        ("G3N_POSTGRES_DSN", "postgresql://u:s3cr#t@db/crm", "G3N_POSTGRES_DSN is invalid: can't be read"),
        ("G3N_POSTGRES_DSN", "postgresql://u:s3cr/t@db/crm", "# as %23, / as %2F"),
        ("G3N_POSTGRES_DSN", "postgresql://u:s3cr?t@db/crm", "? as %3F"),
        ("G3N_POSTGRES_DSN", "postgresql://u:s3[cr@db/crm", "[ as %5B"),
        ("G3N_POSTGRES_DSN", "postgresql://u:s3[c]r@db/crm", "] as %5D"),
        ("G3N_POSTGRES_DSN", "postgresql://u:pw@db:port/crm", "G3N_POSTGRES_DSN is invalid: can't be read"),
        ("G3N_POSTGRES_DSN", "postgresql://u:pw@db:70000/crm", "G3N_POSTGRES_DSN is invalid: can't be read"),
        ("G3N_POSTGRES_DSN", "postgresql://u:pw@db/crm?sslmode=bogus", "sslmode must be one of disable, allow"),
        ("G3N_POSTGRES_DSN", "postgresql://u:pw@db/crm?sslrootcert=/no/ca.pem", "sslrootcert names no file"),
        ("G3N_POSTGRES_DSN", "postgresql://crm:crm@db/crm", "G3N_POSTGRES_DSN has a default password"),
        ("G3N_POSTGRES_ADMIN_DSN", "postgresql://crm:password@db", "G3N_POSTGRES_ADMIN_DSN has a default password"),
        ("G3N_POSTGRES_DSN", "mysql://hidden@h/d", "G3N_POSTGRES_DSN is invalid: must begin with postgresql://"),
        ("G3N_KAFKA_BOOTSTRAP_SERVERS", "kafka", "must be host:port"),
        ("G3N_HTTP_PORT", "70000", "G3N_HTTP_PORT is invalid: Input should be less than or equal to 65535"),
        ("G3N_BATCH_DOCUMENTS", "many", "G3N_BATCH_DOCUMENTS is invalid: Input should be a valid integer"),
        ("G3N_LOG_LEVEL", "loud", "G3N_LOG_LEVEL is invalid"),
        ("G3N_ORGCODES", "acme,Globex", "G3N_ORGCODES is invalid: an orgcode has"),
        ("G3N_TOPIC_SALES", "sales here", "a topic's name has"),
        ("G3N_KAFKA_SECURITY_PROTOCOL", "sasl_ssl", "G3N_KAFKA_USERNAME, G3N_KAFKA_PASSWORD is missing"),
        ("G3N_KAFKA_CA_FILE", "/no/ca.pem", "G3N_KAFKA_CA_FILE is invalid: there is no such file"),
        ("G3N_API_TLS_CERT_FILE", __file__, "G3N_API_TLS_CERT_FILE and G3N_API_TLS_KEY_FILE belong together"),
        ("G3N_TOPIC_RULES", "hidden", "G3N_TOPIC_RULES is invalid: must be TOPIC: TYPE"),
        ("G3N_TOPIC_RULES", "elsewhere: crm.*", "G3N_TOPIC_RULES: a rule's topic is an input topic"),
        ("G3N_TOPIC_SALES", "crm.outcomes", "two topics have one name"),
    ],
)
def test_an_invalid_setting_is_named_without_its_value(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, says: str
) -> None:
    message = refusal(monkeypatch, **{**RIGHT, name: value})
    assert says in message
    if name != "G3N_TOPIC_SALES" or " " in value:
        assert value not in message
    assert "pass-of-the-database" not in message


def test_no_secret_in_its_representation(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = repr(load(monkeypatch, **RIGHT, G3N_CARD_KEYS_OLD="cd" * 32))
    for secret in ("pass-of-the-database", "ab" * 32, "cd" * 32):
        assert secret not in shown


def test_help_names_every_variable() -> None:
    lines = settings.describe(10_000).splitlines()
    assert [line.split()[0] for line in lines] == ["G3N_" + name.upper() for name in settings.Settings.model_fields]
    assert sum("(required" in line for line in lines) == 3


def test_help_is_as_wide_as_the_terminal() -> None:
    wrapped = settings.describe(78)
    assert max(map(len, wrapped.splitlines())) <= 78
    assert wrapped.split() == settings.describe(10_000).split()


def test_a_command_without_kafka_needs_no_setting_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    kafka = settings.PREFIX + settings.KAFKA.upper()
    without = {name: value for name, value in RIGHT.items() if name != kafka}
    assert f"{kafka} is missing" in refusal(monkeypatch, **without)
    assert settings.load(kafka=False).kafka_bootstrap_servers == ""


def test_development_settings_are_warned_of_in_capitals(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load(monkeypatch, **RIGHT).for_development_only == []
    compose = yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))["x-worker"]["environment"]
    public = re.search(r":-([0-9a-f]+)}", compose["G3N_CARD_KEY"])
    assert public is not None
    given = {
        "G3N_CARD_KEY": public[1],
        "G3N_POSTGRES_DSN": "postgresql://crm:crm@postgres/crm",
        "G3N_DEVELOPMENT": "true",
    }
    told = load(monkeypatch, **{**RIGHT, **given}).for_development_only
    assert ["DEVELOPMENT CARD KEY" in told[0], "DEFAULT PASSWORD" in told[1]] == [True, True]
    on_this_machine = {"G3N_POSTGRES_DSN": "postgresql://crm:crm@127.0.0.1:15432/crm"}
    assert load(monkeypatch, **{**RIGHT, **on_this_machine}).for_development_only == []


@pytest.mark.parametrize(
    "right",
    [
        "postgres://crm@db",
        "postgresql://crm:p%23%2F%5Bw@db-1:5432,db-2:5433/crm?sslmode=verify-ca&target_session_attrs=primary",
        "postgresql://crm@[::1]:5432/crm?application_name=x",
        "postgresql:///crm?host=/var/run/postgresql",
    ],
)
def test_urls_that_postgres_knows(monkeypatch: pytest.MonkeyPatch, right: str) -> None:
    assert load(monkeypatch, **{**RIGHT, "G3N_POSTGRES_DSN": right}).dsn == right
