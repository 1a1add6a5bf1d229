"""The worker as whoever runs it sees it: commands, exit statuses, signals, ports."""

import asyncio
import contextlib
import json
import os
import signal
import socket
from pathlib import Path

import asyncpg
import pytest
import typer

from devstack.supervisor import free_ports
from tests.kafka.conftest import until
from tests.kafka.processes import Start, customer, ended, get, said
from tests.kafka_io import Reading, publish
from worker.app import connect
from worker.app.setup import setup
from worker.cli import running
from worker.kafka.topics import Topics
from worker.process import settings
from worker.process.errors import OperatorError, Unavailable
from worker.web import health


async def test_setup_does_it_once(start: Start, empty_database: str, topic_prefix: str) -> None:
    env = {"G3N_POSTGRES_DSN": empty_database, "G3N_TOPIC_PREFIX": topic_prefix + "new-", "G3N_PARTITIONS": "3"}
    code, first, _ = await ended(await start("worker", "setup", **env))
    assert code == 0
    assert first.count(": created, 3 partitions") == 12
    assert "migration 0001_ledger: applied" in first
    code, second, _ = await ended(await start("setup", **env))
    assert code == 0
    assert second.count(": exists, 3 partitions") == 12
    assert second.startswith("database: up to date\n")


async def test_wrong_settings_leave_with_2_and_no_secret(start: Start) -> None:
    code, _, err = await ended(await start("run", G3N_CARD_KEY="5ec2e7" * 5, G3N_HTTP_PORT="x"))
    assert code == 2
    assert "G3N_CARD_KEY is invalid: must be hex of at least 32 bytes" in err
    assert "G3N_HTTP_PORT is invalid" in err
    assert "5ec2e7" not in err


async def test_a_database_url_that_cannot_be_used_leaves_with_2_and_shows_no_password(
    start: Start, database: str, tmp_path: Path
) -> None:
    server = database.rpartition("@")[2]
    for command, wrong in ("run", "s3cr#t"), ("setup", "s3cr/t"), ("drain", "s3[cr"):
        code, _, err = await ended(await start(command, G3N_POSTGRES_DSN=f"postgresql://u:{wrong}@{server}"))
        assert (code, "G3N_POSTGRES_DSN is invalid: can't be read" in err, "s3" in err) == (2, True, False)
    nowhere = {"HOME": str(tmp_path)}  # without a root certificate
    code, _, err = await ended(await start("run", G3N_POSTGRES_DSN=f"{database}?sslmode=verify-full", **nowhere))
    assert (code, "G3N_POSTGRES_DSN is invalid: " in err, database in err) == (2, True, False)


async def test_another_card_key_leaves_with_2_and_one_line(start: Start) -> None:
    assert "adopted: the database had recorded none" in (await ended(await start("setup")))[1]
    for command in ("run", "drain", "api"):
        code, _, err = await ended(await start(command, G3N_CARD_KEY="0f" * 32))
        assert (code, err.count("\n")) == (2, 1), err
        assert err.startswith("g3n: G3N_CARD_KEY is not the key of this database: its rows use the key with the finger")
        assert "0f0f" not in err


async def test_a_second_group_and_other_topics_are_refused_until_they_are_adopted(
    start: Start, topics: Topics, connection: asyncpg.Connection
) -> None:
    assert (await ended(await start("drain")))[0] == 0
    for other, said_of_it in (
        ({"G3N_CONSUMER_GROUP": "another"}, "G3N_CONSUMER_GROUP is another, and this is the ledger of the group"),
        ({"G3N_TOPIC_SALES": "crm.outcomes-2"}, f"this is the ledger of the topic {topics.inputs[0]} too"),
    ):
        code, _, err = await ended(await start("drain", **other))
        assert (code, err.count("\n")) == (2, 1), err
        assert err.startswith(f"g3n: {said_of_it}")
    moved = {"G3N_CONSUMER_GROUP": "another"}
    assert (await ended(await start("adopt", "settings", "--reason", "renamed", **moved)))[0] == 0
    assert (await ended(await start("drain", **moved)))[0] == 0
    await connection.execute("UPDATE guard SET value = '99' WHERE name = 'digest_version'")
    code, _, err = await ended(await start("drain", **moved))
    assert code == 2
    assert "the program is older than the ledger, whose rows use digest version 99" in err
    noted = await connection.fetchrow("SELECT action, reason FROM operator_journal")
    assert tuple(noted or ()) == ("adopt settings", "renamed")


async def test_the_public_card_key_is_told_of_in_capitals(start: Start) -> None:
    [port] = free_ports(1)
    process = await start("run", G3N_HTTP_PORT=str(port), G3N_CARD_KEY=settings.DEVELOPMENT_CARD_KEY.hex())
    told = (await said(process, "development_only"))["what"]
    assert told.startswith("THE PUBLIC DEVELOPMENT CARD KEY IS IN USE")
    await said(process, "ready")
    status, body = await asyncio.to_thread(get, port, "/readyz")
    shown = json.loads(body)
    assert (status, shown["status"], shown["warnings"][0]) == (200, "ready", told)


async def test_a_server_that_may_lose_commits_is_refused(start: Start) -> None:
    code, _, err = await ended(await start("run", G3N_DEVELOPMENT="false"))
    assert (code, err.count("\n")) == (2, 1), err
    assert err.startswith("g3n: the database server can lose what it has committed: fsync=off")
    assert "full_page_writes=off" in err
    assert "synchronous_commit=off" in err


def test_giving_up_on_postgres_is_one_line(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    async def work(_chosen: settings.Settings) -> int:
        raise asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation")

    with pytest.raises(typer.Exit) as left:
        running.run(work, "explain")
    (line,) = capfd.readouterr().err.splitlines()
    entry = json.loads(line)
    assert (left.value.exit_code, entry["event"], entry["why"]) == (1, "failed", "ConnectionDoesNotExistError 08003")
    assert "frames" not in entry


async def test_a_database_that_refuses_is_said_at_once(start: Start, database: str) -> None:
    dsn = database.rpartition("/")[0] + "/nowhere"
    for command in ("setup", "run", "drain"):
        code, _, err = await ended(await start(command, G3N_POSTGRES_DSN=dsn))
        assert code == 1
        assert 'Postgres (G3N_POSTGRES_DSN) refuses: database \\"nowhere\\" does not exist' in err


@pytest.mark.parametrize(("away", "side"), [("POSTGRES_DSN", "Postgres"), ("KAFKA_BOOTSTRAP_SERVERS", "Kafka")])
async def test_setup_waits_for_a_while_only(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, away: str, side: str
) -> None:
    monkeypatch.setattr(connect, "START_S", 0.5)
    nobody = {"POSTGRES_DSN": "postgresql://crm@127.0.0.1:1/crm", "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1"}
    for name, value in {**environment, f"G3N_{away}": nobody[away]}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(Unavailable, match=rf"{side} \(G3N_{away}\) can't be reached"):
        await setup(settings.load(), lambda _: None)


async def test_a_missing_topic_says_what_to_do(start: Start) -> None:
    code, _, err = await ended(await start("run", G3N_TOPIC_SALES="nowhere"))
    assert code == 1
    assert "nowhere; `g3n worker setup` creates it" in err


async def test_sigterm_while_waiting_for_postgres(start: Start) -> None:
    process = await start("run", G3N_POSTGRES_DSN="postgresql://crm@127.0.0.1:1/crm")
    await said(process, "waiting")
    process.send_signal(signal.SIGTERM)
    assert (await ended(process))[0] == 0


@pytest.mark.parametrize(("command", "code"), [("run", 0), ("drain", 1), ("", 1)])
def test_sigterm_while_modules_are_imported(monkeypatch: pytest.MonkeyPatch, command: str, code: int) -> None:
    monkeypatch.setattr(settings, "load", lambda **_: os.kill(os.getpid(), signal.SIGTERM))
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        with pytest.raises(SystemExit) as left:
            running.run(lambda _: pytest.fail("it began all the same"), command)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    assert left.value.code == code


async def test_run_serves_health_and_metrics_and_leaves_with_0(start: Start, bootstrap: str, topics: Topics) -> None:
    [port] = free_ports(1)
    process = await start("run", G3N_HTTP_PORT=str(port))
    await said(process, "ready")
    assert await asyncio.to_thread(get, port, "/livez") == (200, '{"status":"alive"}')
    assert (await asyncio.to_thread(get, port, "/readyz"))[1].startswith('{"status":"ready"')
    async with Reading(bootstrap, [topics.outcomes]) as outcomes:
        await publish(bootstrap, [customer(topics, "C1")])
        [outcome] = await outcomes.take(1)
    assert outcome.data["status"] == "applied"
    _, shown = await asyncio.to_thread(get, port, "/metrics")
    assert 'g3n_documents_total{reason="",status="applied",type="crm.customer.create"} 1.0' in shown
    assert "g3n_serving 1.0" in shown
    process.send_signal(signal.SIGTERM)
    assert (await ended(process))[0] == 0


async def test_a_chosen_port_that_is_taken_is_an_error(start: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, _, err = await ended(await start("run", G3N_HTTP_PORT=str(port)))
        assert code == 1
        assert f"can't listen on 127.0.0.1:{port} (G3N_HTTP_HOST, G3N_HTTP_PORT): Address already in use" in err
        assert health.bind("127.0.0.1", port, "G3N_HTTP_PORT", chosen=False) is None
        with pytest.raises(OperatorError):
            health.bind("127.0.0.1", port, "G3N_HTTP_PORT", chosen=True)


async def test_connections_that_postgres_ends_are_made_again(
    start: Start, bootstrap: str, topics: Topics, connection: asyncpg.Connection
) -> None:
    process = await start("run")
    await said(process, "ready")
    async with Reading(bootstrap, [topics.outcomes]) as outcomes:
        for number in range(3):
            await publish(bootstrap, [customer(topics, f"C{number}")])
            await outcomes.take(1)
            await connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
    process.send_signal(signal.SIGTERM)
    code, _, err = await ended(process)
    assert code == 0, err


async def test_processes_drain_together(start: Start, bootstrap: str, topics: Topics) -> None:
    async with Reading(bootstrap, [topics.outcomes]) as outcomes:
        await publish(bootstrap, [customer(topics, f"C{number}") for number in range(200)])
        code, _, err = await ended(await start("drain", "--processes", "2"))
        assert (code, err.count('"drained"')) == (0, 2), err
        assert {outcome.subject for outcome in await outcomes.take(200)} == {f"C{number}" for number in range(200)}


def children(of: int) -> list[int]:
    with open(f"/proc/{of}/task/{of}/children") as listed:  # noqa: PTH123
        return [int(pid) for pid in listed.read().split()]


def alive(pid: int) -> bool:
    with contextlib.suppress(FileNotFoundError), open(f"/proc/{pid}/stat") as stat:  # noqa: PTH123
        return stat.read().rpartition(")")[2].split()[0] != "Z"
    return False


def command(pid: int) -> bytes:
    with open(f"/proc/{pid}/cmdline", "rb") as line:  # noqa: PTH123
        return line.read()


async def two_processes(start: Start) -> tuple[asyncio.subprocess.Process, list[int]]:
    """A worker of two processes that are ready, and their ids. They are forks, with sessions and names of their own."""
    parent = await start("run", "--processes", "2", G3N_WORKER_INSTANCE="one")
    for _ in range(2):
        await said(parent, "ready")
    both = children(parent.pid)
    assert len(both) == 2
    assert {command(pid) for pid in both} == {command(parent.pid)}
    assert [os.getsid(pid) for pid in both] == both
    return parent, both


async def test_a_child_that_is_killed_ends_all(start: Start) -> None:
    parent, both = await two_processes(start)
    os.kill(both[0], signal.SIGKILL)
    code, _, err = await ended(parent)
    assert code == 137
    assert '"stopped"' in err
    assert not any(map(alive, both))


async def test_no_child_outlives_a_killed_parent(start: Start) -> None:
    parent, both = await two_processes(start)
    parent.kill()
    await parent.wait()
    await until(lambda: not any(map(alive, both)))


async def test_sigterm_to_the_parent_ends_all_with_0_and_sigusr1_shows_where_their_tasks_wait(start: Start) -> None:
    parent, both = await two_processes(start)
    parent.send_signal(signal.SIGUSR1)
    assert (await said(parent, "stack"))["frames"]
    parent.terminate()
    code, _, err = await ended(parent)
    assert (code, err.count('"stopped"')) == (0, 2)
    assert "Stream._read_ahead" in err
    assert not any(map(alive, both))
