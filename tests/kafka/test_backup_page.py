"""Every line of docs/operations/backup.md, run against a real Postgres: what was answered is booked, and only once."""

import asyncio
import itertools
import os
import secrets
import signal
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import pytest

from devstack import launch, postgres
from devstack.process import Process
from devstack.supervisor import free_ports
from examples.playbooks.page import BOX, Step, steps
from examples.playbooks.shell import Shell
from schemas.operations import OPERATIONS
from tests.kafka import processes
from tests.kafka.processes import Start, ended, said, starting
from tests.kafka_io import Reading, document, publish
from tests.stack import execute, login
from worker.client.client import Client
from worker.client.connection import Connection
from worker.kafka.topics import Topics
from worker.ledger import api_keys

PAGE = Path(__file__).parents[2] / "docs/operations/backup.md"
BOOKED = "SELECT subject FROM event WHERE status = 0 ORDER BY 1"
CARD = "6001000000000001"
REDEMPTION = {"gift_card": {"number": CARD}, "amount_minor": 5000, "currency": "GBP"}
# Postgres's programs refuse to run as root; they become somebody else as devstack's servers do.
NOT_AS_ROOT = """#!/bin/sh
exec {python} -I -S {launch} $PPID 15 {folder} {program} "$@"
"""


def boxes() -> list[list[Step]]:
    """The commands of the page, by box."""
    lines = PAGE.read_text().splitlines()
    return [[*box] for _, box in itertools.groupby(steps(PAGE), lambda step: lines[: step.line].count(BOX))]


@dataclass
class Site:
    """A Postgres of this test's own, and a shell on its machine."""

    topics: Topics
    shell: Shell
    environment: dict[str, str]

    async def does(self, command: str) -> None:
        printed, code = await asyncio.to_thread(self.shell.run, command)
        assert code == 0, "\n".join((command, *printed))

    async def run(self, box: list[Step]) -> None:
        for step in box:
            printed, code = await asyncio.to_thread(self.shell.run, step.command)
            assert (code, step.matches(printed)) == (step.exit_code, True), "\n".join((step.command, *printed))

    async def publish(self, kind: str, id_: str, **data: object) -> None:
        command = {"command_id": id_, "occurred_at": datetime.now(UTC).isoformat(), **data}
        bootstrap = self.environment["G3N_KAFKA_BOOTSTRAP_SERVERS"]
        await publish(bootstrap, [document(self.topics.inputs[3], kind, id_, command, partition=0)])

    async def redeemed_by_http(self, start: Start, key: str) -> str:
        """Ask an API process of its own. Return the outcome's status."""
        dsn, (port,) = self.environment["G3N_POSTGRES_DSN"], free_ports(1)
        ledger: Any = await asyncpg.connect(dsn)
        _, secret = await api_keys.create(ledger, "acme", "of a test", ("giftcard:write",))
        await ledger.close()
        api = await start("api", G3N_API_PORT=str(port))
        await said(api, "started")
        async with Client(Connection(f"http://127.0.0.1:{port}", "acme", secret)) as client:
            answer = await client.call(OPERATIONS["giftcard.redeem"], REDEMPTION, idempotency_key=key)
        await _stopped(api)
        return str(answer.json()["status"])


@pytest.fixture
def variables(environment: Mapping[str, str], tmp_path: Path) -> Iterator[dict[str, str]]:
    """Those of the page, for a new Postgres that does not run yet; at the end, none runs."""
    home, programs = tmp_path / "primary", tmp_path / "bin"
    port, standby_port = free_ports(2)
    Process(postgres.create(home, secrets.token_hex(16))).finish(60)
    with (home / "data/postgresql.conf").open("a") as settings:
        settings.write(f"port = {port}\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = ''\n")
    programs.mkdir()
    for program in ("pg_basebackup", "pg_ctl", "pg_verifybackup"):
        script = NOT_AS_ROOT.format(
            python=sys.executable, launch=launch.__file__, folder=home, program=postgres.programs() / program
        )
        (programs / program).write_text(script)
        (programs / program).chmod(0o755)
    path = programs, Path(sys.executable).parent, os.environ["PATH"], postgres.programs()
    yield {
        **environment,
        "PATH": os.pathsep.join(map(str, path)),
        "G3N_POSTGRES_ADMIN_DSN": postgres.dsn(home, port).rpartition("/")[0] + "/crm",
        "PGDATA": str(home / "data"),
        "BACKUP": str(tmp_path / "backup"),
        "STANDBY": str(tmp_path / "standby"),
        "STANDBY_PORT": str(standby_port),
    }
    for running in tmp_path.glob("**/postmaster.pid"):
        os.kill(int(running.read_text().split()[0]), signal.SIGQUIT)


@pytest.fixture
async def site(variables: dict[str, str], topics: Topics, tmp_path: Path) -> AsyncIterator[Site]:
    """It has a ledger with nothing in it. Clients know of the standby that is to come."""
    with Shell(variables, tmp_path) as shell:
        made = Site(topics, shell, variables)
        await made.does("pg_ctl start --silent --wait --log first.log")
        superuser = f"{variables['G3N_POSTGRES_ADMIN_DSN'].rpartition('/')[0]}/postgres"
        dsn = await login(superuser)
        await execute(dsn, "CREATE DATABASE crm")
        both = urlsplit(dsn).netloc + f",127.0.0.1:{variables['STANDBY_PORT']}"
        variables["G3N_POSTGRES_DSN"] = f"postgresql://{both}/crm?target_session_attrs=primary"
        await made.does(f"export G3N_POSTGRES_DSN='{variables['G3N_POSTGRES_DSN']}'")
        await made.does("g3n worker setup")
        yield made


async def _stopped(*running: processes.Process) -> None:
    for process in running:
        process.terminate()
        assert (await ended(process))[0] == 0


async def test_answers_survive_a_restore_and_a_failover_without_double_spending(site: Site) -> None:
    back_up, replace, read_again, make_standby, promote = boxes()
    bootstrap, topics = site.environment["G3N_KAFKA_BOOTSTRAP_SERVERS"], site.topics
    async with (
        starting(site.environment) as start,
        Reading(bootstrap, [topics.outcomes]) as outcomes,
        Reading(bootstrap, [topics.accepted]) as accepted,
    ):
        await site.publish("crm.giftcard.issue", "I1", gift_card={"number": CARD}, amount_minor=10_000, currency="GBP")
        await site.does("g3n worker drain")
        await outcomes.take(1)
        await site.run(back_up)

        worker = await start("run")
        await site.publish("crm.giftcard.redeem", "by-kafka", **REDEMPTION)
        assert await site.redeemed_by_http(start, "by-http") == "applied"
        answered = await outcomes.take(2)
        assert {one.subject: one.data["status"] for one in answered} == {"by-kafka": "applied", "by-http": "applied"}
        [record] = await accepted.take(1)
        assert CARD.encode() not in (record.record.value or b"")
        await _stopped(worker)

        await site.run(replace)
        await site.run(read_again)
        again = await outcomes.take(2)
        assert {one.subject: one.data["status"] for one in again} == {"by-kafka": "applied", "by-http": "applied"}
        assert {one.envelope["id"] for one in again} == {one.envelope["id"] for one in answered}

        await site.run(make_standby)
        worker = await start("run")
        await said(worker, "ready")
        await site.run(promote)
        await site.publish("crm.giftcard.redeem", "more", **REDEMPTION)
        [refused] = await outcomes.take(1)
        assert (refused.data["status"], refused.data["reason"]) == ("rejected", "insufficient_balance")
        await _stopped(worker)
    ledger = await asyncpg.connect(site.environment["G3N_POSTGRES_DSN"])
    assert [row["subject"] for row in await ledger.fetch(BOOKED)] == ["I1", "by-http", "by-kafka"]
    assert await ledger.fetchval("SELECT balance FROM account WHERE kind = 1") == 0
    await ledger.close()
