"""Documents that nobody thought of, in batches of any size, are decided as one by one: same bytes, same rows."""

import random

import asyncpg

from tests.ledger.conftest import NOW_US, Open
from tests.ledger.test_planned_by_chance import documents
from worker.codec import Document, Message
from worker.engine.batch import Batch
from worker.engine.pipeline import Pipeline
from worker.ledger.setup import set_up

SEED = 12
# All that documents leave, but for the numbers of batches and of accounts, which records of returns name.
LEFT = {
    "event": "type, subject, status, digest",
    "account": "kind, key, balance, held, deficit, version, standing, lots, earned",
    "tender": "id, state, approved_minor, captured_minor, refunded_minor",
    "parked": "type, subject, waits_for, waits_key, sale_id, ready",
    "timer": "kind, key",
}


async def said(pipeline: Pipeline, batches: list[list[Document]]) -> list[Message]:
    messages: list[Message] = []
    for batch in batches:
        applied = await pipeline.apply(Batch([*batch], NOW_US), {})
        assert not applied.ready
        messages += applied.messages
    return messages


async def left(connection: asyncpg.Connection) -> dict[str, set[tuple[object, ...]]]:
    rows = {
        table: await connection.fetch(
            f"SELECT code, {names} FROM {table} JOIN (SELECT id AS org, code FROM org) o USING (org)"
        )
        for table, names in LEFT.items()
    }
    return {table: set(map(tuple, found)) for table, found in rows.items()}


async def test_batches_decide_as_one_by_one(another: Open, connection: asyncpg.Connection, empty_database: str) -> None:
    chance = random.Random(SEED)
    together = await another()
    sent = documents(chance)
    sent += chance.sample(sent, len(sent) // 10)
    decoded = together.decode(sent, NOW_US).items
    every = [item for item in decoded if isinstance(item, Document)]
    batches = []
    rest = every
    while rest:
        size = chance.choice((1, 3, 20, 100, 1500))
        batches.append(rest[:size])
        rest = rest[size:]
    told = await said(together, batches)
    await set_up(empty_database)
    alone = await another(dsn=empty_database)
    assert told == await said(alone, [[document] for document in every])
    other = await asyncpg.connect(empty_database)
    assert await left(connection) == await left(other)
    await other.close()
    assert b'"parked"' in b"".join(message.value or b"" for message in told)
