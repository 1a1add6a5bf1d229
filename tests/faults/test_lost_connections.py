"""Postgres ends the workers' sessions under load, as an administrator or a failover does: they go on, once each."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from typing import TYPE_CHECKING

import asyncpg
import pytest

from tests.e2e import trade
from tests.e2e.place import Place, place
from tests.e2e.process import running
from tests.faults.test_crash import assert_nothing_lost_or_doubled, documents, publish_all, the_numbers
from tests.kafka_io import publish

if TYPE_CHECKING:
    from subprocess import Popen

    from tests.stack import Servers

SLICE = 4  # documents published between two terminations
WORKERS = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
# Which sessions end as soon as the second query finds some: all while one is at work, those at work, idle ones.
WHICH = {
    "all": ("true", "state <> 'idle'"),
    "busy": ("state <> 'idle'", "state <> 'idle'"),
    "idle": ("state = 'idle' AND random() < 0.5", "state = 'idle'"),
}


@pytest.fixture(scope="module")
def made(stack: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Workers as in production: a lost connection must not be blamed on a document either."""
    settings = {"G3N_BATCH_DOCUMENTS": "40", "G3N_ON_FAILURE": "dead_letter"}
    with place(stack, tmp_path_factory.mktemp("lost"), **settings) as one:
        publish_all(one, [trade.card(number, 0) for name in WHICH for number in the_numbers(name)])
        assert one.drain() == 0
        yield one


@pytest.mark.parametrize("which", WHICH)
def test_terminated_sessions_are_lost_connections(made: Place, which: str) -> None:
    sent = documents(which)
    random.Random(which).shuffle(sent)
    logged = made.log.stat().st_size
    with running(made.environment, made.log, "--processes", "2") as workers:
        _wait_until_started(made, workers, logged)
        ended = asyncio.run(_under_load(made, workers, sent, which))
        assert workers.poll() is None, made.log.read_text()[-3000:]
    assert workers.returncode == 0, made.log.read_text()[-3000:]
    assert ended > 10, "sessions ended while they were needed"
    assert made.drain() == 0
    assert_nothing_lost_or_doubled(made, which, sent)


def _wait_until_started(made: Place, workers: Popen[bytes], logged: int) -> None:
    """A worker whose sessions end each time that it tries to start gives up after a while, as it should."""
    while workers.poll() is None and made.log.read_text()[logged:].count('"event": "started"') < 2:
        pass


async def _under_load(made: Place, workers: Popen[bytes], sent: list[trade.Sent], which: str) -> int:
    """Publish them slice by slice, and after each slice end sessions; how many."""
    what, when = WHICH[which]
    ended = 0
    connection = await asyncpg.connect(made.dsn)
    try:
        for at in range(0, len(sent), SLICE):
            await publish(made.bootstrap, [one.record(made) for one in sent[at : at + SLICE]])
            while workers.poll() is None and not await connection.fetchval(f"SELECT count(*) {WORKERS} AND {when}"):
                pass
            ended += len(await connection.fetch(f"SELECT pg_terminate_backend(pid) {WORKERS} AND {what}"))
    finally:
        await connection.close()
    return ended
