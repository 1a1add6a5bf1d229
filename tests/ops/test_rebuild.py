"""A ledger that is rebuilt from the topics is the same, byte for byte; what differs is found and named."""

import itertools
import json
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import UTC, datetime

import asyncpg
import pytest
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.structs import TopicPartition

from tests.conftest import NewDatabase
from tests.e2e.chance import scenarios
from tests.e2e.day import record
from tests.kafka_io import Record, publish
from tests.language.documents import Clock
from tests.language.play import Played, play
from tests.language.scenario import parse
from tests.ops.commands import Done, g3n
from tests.ops.replaying import settings_of
from tests.ops.test_audit import NO_TRIGGERS
from worker.codec import Document
from worker.engine.batch import Batch
from worker.engine.pipeline import Pipeline
from worker.kafka.ends import ends
from worker.kafka.topics import Topics
from worker.ledger.pool import Pool
from worker.ledger.roles import Role

# What expires: a lot, a hold, and a hold that is captured in time, whose deadline has nothing to say.
LIFE = """
## life
policy {"earn": {"expire_days": 2}}
customer C @-20d
sale S1 C 1:5000 @-9d
issue I1 G 2500
request T1 card G 300 hold_s=1 @-1h
request T2 card G 200 hold_s=1 @-1h
capture T2
return R2 S9 C 1:100
return R1 S9 C 1:100
---
sale S9 C 1:150
sale S2 C 1:100 @-4d
"""
API_REASONS = "## interface\ncustomer C\nissue I1 G 900 pin=1234\nearn E1 C 50"


class World:
    """Many tenants, whose documents come in three phases."""

    def __init__(self, topics: Topics, environment: dict[str, str]) -> None:
        self.topics = topics
        self.environment = {**environment, "G3N_DEVELOPMENT": "true"}
        self.settings = settings_of(environment)
        self.clock = Clock(datetime.now(UTC).replace(microsecond=0))
        self.played = [Played(one) for one in [*scenarios(6, 7), *parse(LIFE, "life")]]

    def phase(self, number: int) -> Iterator[Record]:
        topics = itertools.cycle(self.topics.inputs)
        for one in self.played:
            topic = next(topics)
            if number < len(one.scenario.phases):
                yield from (record(topic, one.scenario.org, made) for _, made in play(one, number, self.clock))

    async def trade(self) -> None:
        """Publish, and drain, phase by phase; some documents come in through an interface."""
        for number in range(3):
            await publish(self.settings.kafka_bootstrap_servers, self.phase(number))
            await self.drain()
            if number == 0:
                await self.ask()

    async def drain(self) -> None:
        assert (await g3n(self.environment, "worker", "drain")).code == 0

    async def ask(self, text: str = API_REASONS) -> None:
        [scenario] = parse(text, "interface")
        pipeline = Pipeline.over(await Pool.of_interface(self.settings.dsn, 1, Role.API), self.settings)
        for _, made in play(Played(scenario), 0, self.clock):
            sent = record(self.topics.inputs[0], scenario.org, made)
            batch = pipeline.decode([Read(sent)], int(self.clock.base.timestamp()) * 1_000_000)
            (document,) = batch.items
            assert isinstance(document, Document)
            document.record = None
            await pipeline.apply(Batch([document], batch.now_us), {})
        await pipeline.close()

    async def outside(self, admin: AIOKafkaAdminClient) -> object:
        """Return the offsets of the workers' group, and the ends of all topics."""
        offsets = await admin.list_consumer_group_offsets(self.settings.consumer_group)
        async with ends(self.settings.kafka_bootstrap_servers) as kafka:
            return offsets, await kafka.of([*self.topics.read, *self.topics.outputs])

    async def rebuild(self, into: str, *words: str, **settings: str) -> Done:
        return await g3n({**self.environment, **settings}, "worker", "rebuild", "--into", into, *words)


class Read:
    """A record as it would be read."""

    def __init__(self, sent: Record) -> None:
        self.topic, self.partition, self.offset, self.key = sent.topic, 0, 0, sent.key
        self.value, self.timestamp = sent.value, sent.timestamp_ms or 0
        self.headers: Sequence[tuple[str, bytes | None]] = sent.headers


@pytest.fixture
async def admin(bootstrap: str) -> AsyncIterator[AIOKafkaAdminClient]:
    opened = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await opened.start()
    yield opened
    await opened.close()


async def test_a_rebuilt_ledger_is_equal_and_what_differs_is_named(
    topics: Topics,
    environment: dict[str, str],
    admin: AIOKafkaAdminClient,
    connection: asyncpg.Connection,
    empty_database: str,
    new_database: NewDatabase,
) -> None:
    """Killed in the middle, it goes on. It publishes nothing, and the group of the workers stays where it was."""
    world = World(topics, environment)
    await world.trade()
    before = await world.outside(admin)

    killed = await world.rebuild(empty_database, G3N_FAULT="after_commit:5")
    assert killed.code == 137, killed.err
    equal = await world.rebuild(empty_database)
    assert equal.code == 0, equal.out + equal.err
    assert "rebuild: goes on where it was\n" in equal.err
    assert equal.out.endswith(
        "The topics are complete: no record was removed from them.\n\nThe two ledgers are equal.\n"
    )
    assert await world.outside(admin) == before
    rebuilt = await asyncpg.connect(empty_database)
    counts = "SELECT count(*), sum(balance), sum(held) FROM account"
    assert await rebuilt.fetchrow(counts) == await connection.fetchrow(counts)
    assert await rebuilt.fetchval("SELECT count(*) FROM batch WHERE published_at IS NULL") == 0
    await rebuilt.close()

    await connection.execute(NO_TRIGGERS)
    of_life = "org = (SELECT id FROM org WHERE code = 'life-1')"
    await connection.execute(f"UPDATE account SET balance = balance + 1 WHERE key = 'C' AND {of_life}")
    await connection.execute(f"DELETE FROM event WHERE subject = 'S2' AND {of_life}")
    await connection.execute(  # C becomes D
        "UPDATE event SET facts = decode(replace(encode(facts, 'hex'), 'a143', 'a144'), 'hex')"
        f" WHERE subject = 'S1' AND {of_life}"
    )
    different = await world.rebuild(await new_database(), "--json")
    assert different.code == 1, different.err
    told = json.loads(different.out)
    assert [one["about"] for one in told["accounts"]["first"]] == ["points account C"]
    assert {(one["orgcode"], one["about"], one["what"]) for one in told["outcomes"]["first"]} > {
        ("life-1", "scm.sale.completed S1", 'data.customer_id "D", rebuilt "C"'),
        ("life-1", "scm.sale.completed S2", "is not in the live ledger"),
    }

    removed = TopicPartition(topics.inputs[0], 0)
    await admin.delete_records({removed: RecordsToDelete(3)})
    less = await world.rebuild(await new_database(), "--json")
    assert less.code == 1, less.err
    told = json.loads(less.out)
    assert told["complete_since"] == world.clock.base.strftime("%Y-%m-%dT%H:%M:%SZ")
    assert told["missing"] == {removed.topic: 3}


async def test_refusals(
    environment: dict[str, str], topics: Topics, database: str, new_database: NewDatabase, empty_database: str
) -> None:
    world = World(topics, environment)
    assert (await g3n(world.environment, "worker", "setup")).code == 0
    live = await world.rebuild(database)
    assert (live.code, live.err) == (2, "g3n: the target is the live ledger: name an empty database\n")
    used = await new_database()
    pipeline = await Pipeline.open(settings_of({**environment, "G3N_POSTGRES_DSN": used}))
    async with pipeline.pool.transaction() as connection:
        await connection.execute("INSERT INTO org (code) VALUES ('acme')")
    await pipeline.close()
    full = await world.rebuild(used)
    assert (full.code, full.err) == (2, "g3n: the target is not empty: its table org has rows\n")
    other = await world.rebuild(empty_database, G3N_CARD_KEY="77" * 32)
    assert other.code == 2
    assert "which these settings lack" in other.err
    keyed = await new_database()
    assert (
        await g3n({**world.environment, "G3N_POSTGRES_DSN": keyed, "G3N_CARD_KEY": "77" * 32}, "worker", "setup")
    ).code == 0
    wrong = await world.rebuild(keyed)
    assert wrong.code == 2
    assert wrong.err.startswith("g3n: the target was set up with another card key: ")
