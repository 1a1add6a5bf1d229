"""A broker that demands TLS and a login: the worker sets up, reads, decides and publishes through it."""

from pathlib import Path

import pytest

from tests.e2e.process import run
from tests.kafka_io import Reading, document, publish
from tests.secured.certificates import Authority
from tests.secured.conftest import PASSWORD, USER, Broker, settings
from worker.app import connect
from worker.app.setup import setup
from worker.process.errors import Unavailable
from worker.process.settings import load

CREATE = {"command_id": "N", "occurred_at": "2026-03-01T10:00:00Z", "customer_id": "C"}


def done(environment: dict[str, str], log: Path, word: str) -> None:
    assert run(environment, log, word) == 0, log.read_text()


async def drained(broker: Broker, environment: dict[str, str], log: Path) -> str:
    """The status of a document that a worker with these settings was given."""
    prefix = environment["G3N_TOPIC_PREFIX"]
    done(environment, log, "setup")
    await publish(broker.plain, [document(prefix + "crm.commands", "crm.customer.create", "N", CREATE)])
    done(environment, log, "drain")
    async with Reading(broker.plain, [prefix + "crm.outcomes"]) as outcomes:
        (outcome,) = await outcomes.take(1)
    return str(outcome.data["status"])


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"])
async def test_tls_and_sasl(
    broker: Broker, authority: Authority, token_url: str, database: str, tmp_path: Path, mechanism: str
) -> None:
    login = {
        "G3N_KAFKA_SECURITY_PROTOCOL": "SASL_SSL", "G3N_KAFKA_SASL_MECHANISM": mechanism,
        "G3N_KAFKA_USERNAME": USER, "G3N_KAFKA_PASSWORD": PASSWORD, "G3N_KAFKA_CA_FILE": str(authority.cert),
        "G3N_KAFKA_TOKEN_URL": token_url if mechanism == "OAUTHBEARER" else "",
    }  # fmt: skip
    environment = {**settings(database, broker.secure, f"{mechanism.lower()}-"), **login}
    assert await drained(broker, environment, tmp_path / "log") == "applied"
    assert PASSWORD not in (tmp_path / "log").read_text()


async def test_tls_with_a_certificate_of_the_client(
    broker: Broker, authority: Authority, database: str, tmp_path: Path
) -> None:
    client = authority.sign("client")
    tls = {
        "G3N_KAFKA_SECURITY_PROTOCOL": "SSL", "G3N_KAFKA_CA_FILE": str(authority.cert),
        "G3N_KAFKA_CERT_FILE": str(client.cert), "G3N_KAFKA_KEY_FILE": str(client.key),
    }  # fmt: skip
    assert await drained(broker, {**settings(database, broker.mutual, "mutual-"), **tls}, tmp_path / "log") == "applied"


@pytest.mark.parametrize("wrong", ["password", "authority", "protocol"])
async def test_connections_that_the_broker_or_the_worker_refuses(
    broker: Broker, authority: Authority, database: str, tmp_path: Path, wrong: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connect, "START_S", 1.0)
    other = Authority(tmp_path, "other").cert
    environment = {
        **settings(database, broker.secure, "wrong-"),
        "G3N_KAFKA_SECURITY_PROTOCOL": "PLAINTEXT" if wrong == "protocol" else "SASL_SSL",
        "G3N_KAFKA_CA_FILE": str(other if wrong == "authority" else authority.cert),
        "G3N_KAFKA_USERNAME": USER,
        "G3N_KAFKA_PASSWORD": "hunter2" if wrong == "password" else PASSWORD,
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(Unavailable, match=r"Kafka \(G3N_KAFKA_BOOTSTRAP_SERVERS\) can't be reached") as refused:
        await setup(load(), lambda _: None)
    assert "hunter2" not in str(refused.value)
