"""Dead letters are redriven in place: planned, one canary first, never into a topic, each attempt counted."""

import json
import math
import time
from collections.abc import Callable
from datetime import UTC, datetime

import asyncpg
import pytest

from tests.kafka_io import Reading, Record, document, publish
from tests.ops.commands import g3n
from tests.ops.replaying import settings_of
from worker.engine.pipeline import Pipeline
from worker.engine.watch import show_inbox
from worker.kafka.originals import originals
from worker.kafka.topics import Topics
from worker.ledger import inbox, operations
from worker.ledger.inbox import Chosen, Entry, Letter, LetterState
from worker.ledger.operations import State
from worker.ledger.operators import Operator
from worker.ledger.pool import Pool
from worker.ops.dlq import redrive
from worker.ops.dlq.reading import FOREVER, Kept
from worker.ops.dlq.rebuild import rebuild
from worker.ops.running import Run
from worker.positions import Place
from worker.process import metrics
from worker.process.errors import OperatorError
from worker.process.settings import Settings

ADA = Operator("ada", "the tenant is served now")
With = Callable[..., Settings]


@pytest.fixture
def with_(environment: dict[str, str]) -> With:
    """Settings of this test's worker, some of them changed."""

    def made(**changed: str) -> Settings:
        return settings_of({**environment, "G3N_ON_FAILURE": "dead_letter", **changed})

    return made


@pytest.fixture
async def refused(bootstrap: str, topics: Topics, database: str, with_: With) -> list[Place]:
    """Three customers of a tenant that is not served, and one record that is not JSON: dead letters."""
    commands = topics.inputs[3]
    records = [
        document(commands, "crm.customer.create", f"K{n}", {
            "command_id": f"K{n}", "occurred_at": "2026-01-01T00:00:00Z", "actor": "desk", "customer_id": f"C{n}",
        }, orgcode="late", partition=0)
        for n in range(3)
    ]  # fmt: skip
    sent = await publish(bootstrap, [*records, Record(commands, b"{", partition=0)])
    positions = [Place(commands, 0, one.offset) for one in sent]
    pipeline = Pipeline.over(await Pool.open(database), with_(G3N_ORGCODES="acme"))
    async with originals(bootstrap) as kafka:
        found = await kafka.read(positions)
    now_us = time.time_ns() // 1000
    applied = await pipeline.apply(pipeline.decode([r for r in found.values() if r is not None], now_us), {})
    await publish(
        bootstrap, [Record(m.topic, m.value, m.key, [(n, v or b"") for n, v in m.headers]) for m in applied.messages]
    )
    await pipeline.close()
    return positions


async def letters(pool: Pool, positions: list[Place]) -> list[Letter]:
    async with pool.transaction() as connection:
        return await inbox.letters(connection, Chosen(positions=tuple(positions)))


async def test_originals_are_read_where_they_are(bootstrap: str, refused: list[Place]) -> None:
    nowhere = [Place(refused[0].topic, 0, 10_000), Place("no-such-topic", 0, 0)]
    async with originals(bootstrap) as kafka:
        found = await kafka.read([refused[2], *nowhere, refused[0]])
    subjects = {at: json.loads(record.value)["subject"] for at, record in found.items() if record is not None}
    assert subjects == {refused[0]: "K0", refused[2]: "K2"}
    assert found.keys() == {refused[0], refused[2], *nowhere}


async def test_a_redrive_applies_what_its_plan_names_and_writes_to_no_topic(
    bootstrap: str, topics: Topics, pool: Pool, connection: asyncpg.Connection, with_: With, refused: list[Place]
) -> None:
    async with pool.transaction() as written:
        gone = Place(refused[0].topic, 0, 10_000)
        await inbox.put(written, [Entry(gone, 1, "invalid", "", "0.0.9")])
    chosen = Chosen(positions=(*refused, gone))
    id_, lines = await redrive.plan(with_(), chosen, ADA, time.time_ns() // 1000)
    assert id_ is not None
    assert "        3 would be decided" in lines
    assert "        1 stay: refused again" in lines
    assert "        1 stay: the topic no longer has the original" in lines
    assert await connection.fetchval("SELECT count(*) FROM event") == 0
    async with Run.of(pool, id_, ADA) as run:
        await redrive.run(with_(), run, lambda _: None)
    async with pool.transaction() as read:
        done = await operations.get(read, id_)
    assert done is not None
    assert (done.state, done.done, done.result) == (State.DONE, 3, {"applied": 3})
    states = [one.state for one in await letters(pool, [*refused, gone])]
    assert states == [*[LetterState.RESOLVED] * 3, LetterState.OPEN, LetterState.OPEN]
    assert await connection.fetchval("SELECT count(*) FROM event WHERE digest IS NOT NULL") == 3
    async with Reading(bootstrap, (*topics.inputs, *topics.outputs)) as reading:
        assert len(await reading.rest()) == 8, "four records and four dead letters, as before"
    none, lines = await redrive.plan(with_(), Chosen(positions=(refused[3],)), ADA, time.time_ns() // 1000)
    assert none is None
    assert lines[-2].startswith("            1: not_json: data: JSON in UTF-8 (line 1,")
    assert lines[-1] == "nothing to redrive"


async def test_a_canary_that_is_refused_stops_the_redrive_and_is_counted_once(
    pool: Pool, with_: With, refused: list[Place]
) -> None:
    id_, _ = await redrive.plan(with_(), Chosen(positions=tuple(refused)), ADA, time.time_ns() // 1000)
    assert id_ is not None
    for _ in range(2):  # again: the same redrive tries it again, and is no further attempt
        with pytest.raises(OperatorError, match=r"the canary, .*@\d+, was refused again: nothing else was tried"):
            async with Run.of(pool, id_, ADA) as run:
                await redrive.run(with_(G3N_ORGCODES="acme"), run, lambda _: None)
        found = await letters(pool, refused)
        assert [one.attempts for one in found] == [2, 1, 1, 1]
        assert {one.state for one in found} == {LetterState.OPEN}
    async with Run.of(pool, id_, ADA) as run:
        await redrive.run(with_(), run, lambda _: None)
    assert [one.state.value for one in await letters(pool, refused)] == ["resolved"] * 3 + ["open"]


@pytest.mark.parametrize("discarded", [[0, 2], [0, 1, 2]])
async def test_a_redrive_leaves_letters_alone_that_were_discarded_after_its_plan(
    pool: Pool, connection: asyncpg.Connection, with_: With, refused: list[Place], discarded: list[int]
) -> None:
    id_, _ = await redrive.plan(with_(), Chosen(positions=tuple(refused)), ADA, time.time_ns() // 1000)
    assert id_ is not None
    given_up = [refused[place] for place in discarded]
    async with pool.transaction() as written:
        moved = await inbox.move(written, Chosen(positions=tuple(given_up)), LetterState.OPEN, LetterState.DISCARDED)
    assert moved == given_up
    said: list[str] = []
    async with Run.of(pool, id_, ADA) as run:
        await redrive.run(with_(), run, said.append)
    states = {one.position: one.state for one in await letters(pool, refused)}
    assert [place for place, state in states.items() if state is LetterState.DISCARDED] == given_up
    assert await connection.fetchval("SELECT count(*) FROM event WHERE digest IS NOT NULL") == 3 - len(discarded)
    async with pool.transaction() as read:
        done = await operations.get(read, id_)
    assert done is not None
    assert done.state is State.DONE
    assert {"discarded": len(discarded), "applied": 3 - len(discarded)}.items() >= (done.result or {}).items()
    assert f"{len(discarded)} discarded" in said[-1]


@pytest.mark.parametrize("killed_at", [1, 2])
async def test_a_redrive_that_is_killed_between_its_effect_and_its_cursor_goes_on_without_doing_anything_twice(
    pool: Pool, connection: asyncpg.Connection, with_: With, refused: list[Place], monkeypatch: pytest.MonkeyPatch,
    killed_at: int,
) -> None:  # fmt: skip
    id_, _ = await redrive.plan(with_(), Chosen(positions=tuple(refused)), ADA, time.time_ns() // 1000)
    assert id_ is not None
    advances = []

    async def killed(self: Run, cursor: object, documents: int) -> None:
        advances.append(documents)
        if len(advances) == killed_at:
            raise ConnectionResetError
        await advance(self, cursor, documents)

    advance = Run.advance
    monkeypatch.setattr(Run, "advance", killed)
    with pytest.raises(ConnectionResetError):
        async with Run.of(pool, id_, ADA) as run:
            await redrive.run(with_(), run, lambda _: None)
    async with Run.of(pool, id_, ADA) as run:
        await redrive.run(with_(), run, lambda _: None)
    assert [one.state.value for one in await letters(pool, refused)] == ["resolved"] * 3 + ["open"]
    assert [one.attempts for one in await letters(pool, refused)] == [1] * 4
    assert await connection.fetchval("SELECT count(*) FROM event WHERE digest IS NOT NULL") == 3
    assert await connection.fetchval("SELECT sum(documents) FROM batch") == 3


async def test_the_inbox_is_rebuilt_from_its_topics(
    pool: Pool, connection: asyncpg.Connection, with_: With, refused: list[Place]
) -> None:
    before = [(one.reason, one.type, one.subject, one.attempts) for one in await letters(pool, refused)]
    await connection.execute("TRUNCATE dead_letter, dead_letter_group")
    for _ in range(2):
        assert await rebuild(with_(), pool) == 4
        assert [(o.reason, o.type, o.subject, o.attempts) for o in await letters(pool, refused)] == before


def test_letters_can_be_redriven_as_long_as_their_topics_keep_them() -> None:
    kept = Kept({"a": 86_400_000, "b": -1})
    assert kept.until({"a": 0}) == datetime(1970, 1, 2, tzinfo=UTC)
    assert kept.until({"b": 0}) == FOREVER
    assert kept.until({"a": 0, "b": 0}) == datetime(1970, 1, 2, tzinfo=UTC)
    assert kept.until({"a": 0, "gone": 0}) is None


def test_the_metrics_say_how_many_are_open_and_how_long_the_first_is_kept() -> None:
    def value(name: str, **labels: str) -> float | None:
        return metrics.REGISTRY.get_sample_value(name, labels)

    day_ms = 86_400_000
    letters = [inbox.Open("invalid", "a", 3, day_ms), inbox.Open("invalid", "b", 1, 0), inbox.Open("failed", "b", 2, 0)]
    show_inbox(letters, {"a": 2 * day_ms, "b": -1}, now_ms=day_ms)
    assert value("g3n_dead_letters_open", reason="invalid") == 4
    assert value("g3n_dead_letters_open", reason="failed") == 2
    assert value("g3n_dead_letters_kept_seconds") == 2 * 86_400
    show_inbox(letters, {"a": day_ms, "b": day_ms}, now_ms=5 * day_ms)
    assert value("g3n_dead_letters_kept_seconds") == 0
    show_inbox([], {}, now_ms=0)
    assert value("g3n_dead_letters_open", reason="invalid") == 0
    assert value("g3n_dead_letters_kept_seconds") == math.inf


async def test_the_commands(environment: dict[str, str], refused: list[Place]) -> None:
    listed = await g3n(environment, "dlq", "list", "--json")
    assert listed.code == 0, listed.err
    first, second = json.loads(listed.out)
    assert (first["letters"], first["reason"], second["reason"]) == (3, "unknown_org", "not_json")
    assert first["redrivable_until"] > "2026"
    discarded = await g3n(environment, "dlq", "discard", str(second["id"]), "--reason", "a test of the publisher")
    assert (discarded.code, discarded.out) == (0, "1 letter: discarded\n")
    again = await g3n(environment, "dlq", "discard", str(refused[3]), "--reason", "again")
    assert (again.code, again.err) == (1, f"g3n: no letter of {refused[3]} is open\n")
    restored = await g3n(environment, "dlq", "restore", str(refused[3]), "--reason", "it was none")
    assert (restored.code, restored.out) == (0, "1 letter: open\n")
    planned = await g3n(environment, "dlq", "redrive", str(first["id"]), "--reason", "served now")
    assert planned.out.endswith("operation 1: planned. To run it: g3n worker operations resume 1\n"), planned
    ran = await g3n(environment, "operations", "resume", "1")
    assert (ran.code, ran.err.splitlines()[-1]) == (0, "operation 1: done, 3 documents")
    journal = await g3n(environment, "journal", "--json")
    assert [one["action"] for one in json.loads(journal.out)] == [
        "dlq discard", "dlq restore", "redrive plan", "operations resume", "operation done",
    ]  # fmt: skip
