"""A plan of documents that nobody thought of, in transactions of any size, equals what the ledger then does."""

import random
from datetime import UTC, datetime

import asyncpg

from tests.codec.records import Record
from tests.e2e.chance import scenarios
from tests.language.documents import Clock
from tests.language.play import Played, play
from tests.ledger.conftest import NOW_US, Worker, record
from tests.ledger.test_overlay import NUMBERS, Planner, compared_of
from worker.codec import Message
from worker.engine.pipeline import Pipeline
from worker.ledger import changes
from worker.ledger.overlay import Overlay
from worker.stored.rows import AccountRow, EventRow, TenderRow

SEED = 2
TENANTS = 24
Parts = list[tuple[list[Record], int]]


def documents(chance: random.Random) -> list[Record]:
    """Return documents of many tenants, mixed, with each tenant's own order within a phase."""
    clock = Clock(datetime.fromtimestamp(NOW_US // 1_000_000, UTC))
    sent: list[Record] = []
    played = [Played(one) for one in scenarios(TENANTS, SEED)]
    for phase in range(3):
        queues = []
        for one in played:
            queue = []
            for _, made in play(one, phase, clock):
                queue.append(record(made.type, made.data, one.scenario.org))
                queue[-1].timestamp = int(made.stamped.timestamp()) * 1000
            queues.append(queue)
        while queues := [queue for queue in queues if queue]:
            sent.append(chance.choice(queues).pop(0))
    return sent


def parts(chance: random.Random, records: list[Record], now_us: int) -> Parts:
    """The records in transactions of any size; some are read in the same microsecond."""
    made: Parts = []
    while records:
        size = chance.choice((1, 3, 20, 100, 400))
        now_us += chance.choice((0, 1000))
        made.append((records[:size], now_us))
        records = records[size:]
    return made


async def decided(pipeline: Pipeline, made: Parts) -> list[list[Message]]:
    """Return the messages of each part, byte for byte."""
    told = []
    for part, now_us in made:
        messages = (await pipeline.apply(pipeline.decode(part, now_us), {})).messages
        while (applied := await pipeline.decide_ready(now_us)) is not None:
            messages += applied.messages
        told.append(messages)
    return told


async def test_a_plan_equals_its_execution(worker: Worker, database: str, connection: asyncpg.Connection) -> None:
    chance = random.Random(SEED)
    records = documents(chance)
    given = chance.randrange(len(records) // 2)
    await decided(worker, parts(chance, records[:given], NOW_US))
    rest = parts(chance, records[given // 2 :], NOW_US + 1_000_000)
    async with Overlay.opened(database) as overlay:
        planner = Planner(overlay)
        planned = await decided(planner, rest)
    done = await decided(worker, rest)
    for part, (before, after) in enumerate(zip(planned, done, strict=True)):
        assert before == after, f"part {part}"
    orgs = {row["code"]: row["id"] for row in await connection.fetch("SELECT id, code FROM org")}
    for table, compared in (("account", AccountRow), ("tender", TenderRow), ("event", EventRow)):
        names = [name for name in compared._fields if name not in {*NUMBERS, "org"}]
        stored = {changes.TABLES[table].key_of(row): row for row in map(dict, await connection.fetch(f"TABLE {table}"))}
        for (org, *key), after in planner.changed[table].items():
            row = stored[orgs[overlay.orgs[org]], *key]
            assert compared_of(row, names) == compared_of(after, names)
