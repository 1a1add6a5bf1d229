"""The tuned rival, as a good team would build it with FastStream's batch subscriber, SQLAlchemy Core and uvloop.

Each batch is one transaction of set-based statements: identities that are known already are found first, their digests
compared; the accounts are locked in order; events, postings and balances are written with a statement a table; the
outcomes are published and acknowledged before the offsets are committed. orjson decodes, pydantic validates. Several
processes share the partitions.

It keeps the document, so that a return could find it, and does less than the worker: no tender, return, void, lot,
expiry, deadline, policy, journal, dead letter, second tenant or masked secret, and none of the worker's limits on what
a document may hold. All of that is in its favour.
"""

import argparse
import asyncio
import gc
import hashlib
import subprocess
import sys
from typing import Annotated

import orjson
import structlog
import uvloop
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRebalanceListener, TopicPartition
from faststream import AckPolicy, FastStream
from faststream.kafka import KafkaBroker, KafkaMessage
from pydantic import AwareDatetime, BaseModel, Field
from sqlalchemy import BigInteger, Column, LargeBinary, MetaData, Table, Text, select, tuple_
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from worker.kafka import topics
from worker.process import log, settings

READ_AT_ONCE = 2000
_LOOK_EVERY_S = 0.05
_log = structlog.get_logger(__name__)

Name = Annotated[str, Field(min_length=1, max_length=64)]
Minor = Annotated[int, Field(ge=0, lt=1 << 53)]

TABLES = MetaData()
ACCOUNT = Table(
    "rival_account", TABLES, Column("customer_id", Text, primary_key=True), Column("points", BigInteger, nullable=False)
)
EVENT = Table(
    "rival_event",
    TABLES,
    Column("type", Text, primary_key=True),
    Column("subject", Text, primary_key=True),
    Column("digest", LargeBinary, nullable=False),
    Column("document", JSONB, nullable=False),
    Column("outcome", JSONB, nullable=False),
)
POSTING = Table(
    "rival_posting",
    TABLES,
    Column("no", BigInteger, primary_key=True),
    Column("customer_id", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("points", BigInteger, nullable=False),
)


class Line(BaseModel):
    """A line of a sale."""

    line_id: int
    sku: Name
    quantity: Name
    net_minor: Minor


class Paid(BaseModel):
    """A tender of a sale."""

    tender_id: Name
    kind: Name
    amount_minor: Minor


class Sale(BaseModel):
    """The content of an event."""

    sale_id: Name
    store_id: Name
    terminal_id: Name
    occurred_at: AwareDatetime
    currency: Name
    customer_id: Name
    lines: list[Line]
    tenders: list[Paid]


class Event(BaseModel):
    """A structured CloudEvent."""

    id: Name
    source: Name
    type: Name
    subject: Name
    orgcode: Name
    data: Sale


def _engine(chosen: settings.Settings, pool_size: int) -> AsyncEngine:
    return create_async_engine(
        chosen.dsn.replace("postgresql://", "postgresql+asyncpg://", 1), pool_size=pool_size,
        json_serializer=lambda value: orjson.dumps(value).decode(), json_deserializer=orjson.loads,
    )  # fmt: skip


class Rival:
    """Books a batch, and publishes its outcomes."""

    def __init__(self, chosen: settings.Settings) -> None:
        self._engine = _engine(chosen, pool_size=2)
        self._topic = topics.from_settings(chosen).outcomes
        self._producer = AIOKafkaProducer(
            bootstrap_servers=chosen.kafka_bootstrap_servers, enable_idempotence=True, max_batch_size=1 << 20,
            linger_ms=1,
        )  # fmt: skip

    async def start(self) -> None:
        await self._producer.start()

    async def stop(self) -> None:
        await self._producer.stop()
        await self._engine.dispose()

    async def book(self, events: list[Event], documents: list[bytes]) -> None:
        """Book a batch. Raises errors of Postgres and Kafka; then the offsets are not committed."""
        async with self._engine.begin() as connection:
            outcomes = await self._apply(connection, events, documents)
        sent = [
            await self._producer.send(
                self._topic, orjson.dumps(outcomes[event.subject]), event.data.customer_id.encode()
            )
            for event in events
        ]
        await asyncio.gather(*sent)

    async def _apply(
        self, connection: AsyncConnection, events: list[Event], documents: list[bytes]
    ) -> dict[str, dict[str, object]]:
        """Return the outcomes by subject, including those of duplicates."""
        identities = [(event.type, event.subject) for event in events]
        known = select(EVENT.c.subject, EVENT.c.digest, EVENT.c.outcome).where(
            tuple_(EVENT.c.type, EVENT.c.subject).in_(identities)
        )
        outcomes = {row.subject: (row.digest, row.outcome) for row in await connection.execute(known)}
        customers = sorted({event.data.customer_id for event in events})
        lock = select(ACCOUNT).where(ACCOUNT.c.customer_id.in_(customers)).order_by(ACCOUNT.c.customer_id)
        balances = {row.customer_id: row.points for row in await connection.execute(lock.with_for_update())}
        new, postings = [], []
        for event, document in zip(events, documents, strict=True):
            digest = hashlib.sha256(orjson.dumps(orjson.loads(document)["data"], option=orjson.OPT_SORT_KEYS)).digest()
            if event.subject in outcomes:
                if outcomes[event.subject][0] != digest:
                    raise ValueError(f"{event.subject} came with other content")
                continue
            points = _points(event.data)
            customer_id = event.data.customer_id
            balances[customer_id] = balances.get(customer_id, 0) + points
            outcome = _outcome(event, points, balances[customer_id])
            outcomes[event.subject] = digest, outcome
            row = {"type": event.type, "subject": event.subject, "digest": digest, "outcome": outcome}
            new.append({**row, "document": event.data.model_dump(mode="json")})
            postings.append({"customer_id": customer_id, "subject": event.subject, "points": points})
        if new:
            await connection.execute(insert(EVENT), new)
            await connection.execute(insert(POSTING), postings)
            put = insert(ACCOUNT)
            put = put.on_conflict_do_update(index_elements=["customer_id"], set_={"points": put.excluded.points})
            rows = [{"customer_id": key, "points": points} for key, points in sorted(balances.items())]
            await connection.execute(put, rows)
        return {subject: outcome for subject, (_, outcome) in outcomes.items()}


def _points(sale: Sale) -> int:
    """Return a point for each whole unit of the currency, like the worker's policy."""
    return sum(line.net_minor for line in sale.lines) // 100


def _outcome(event: Event, points: int, balance: int) -> dict[str, object]:
    data = {
        "status": "applied",
        "document": {"type": event.type, "subject": event.subject},
        "customer_id": event.data.customer_id,
        "points": {"earned": points, "balance": balance},
    }
    return {
        "specversion": "1.0", "id": f"o-{event.subject}", "source": "/rival", "type": "crm.outcome",
        "subject": event.subject, "orgcode": event.orgcode, "datacontenttype": "application/json", "data": data,
    }  # fmt: skip


class _Assigned(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka has no types
    def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None: ...

    def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        if assigned:
            _log.info("assigned")


async def consume(chosen: settings.Settings) -> None:
    """Handle sales until SIGTERM."""
    rival = Rival(chosen)
    broker = KafkaBroker(chosen.kafka_bootstrap_servers, logger=None)

    async def decoder(message: KafkaMessage) -> list[object]:
        return [orjson.loads(body) for body in message.body]

    @broker.subscriber(  # type: ignore[untyped-decorator]  # mypy sees no FastStream
        topics.from_settings(chosen).inputs[0], group_id=chosen.consumer_group, batch=True, max_records=READ_AT_ONCE,
        batch_timeout_ms=100, auto_offset_reset="earliest", ack_policy=AckPolicy.NACK_ON_ERROR, decoder=decoder,
        listener=_Assigned(),
    )  # fmt: skip
    async def handle(events: list[Event], message: KafkaMessage) -> None:
        await rival.book(events, list(message.body))

    app = FastStream(broker, logger=None, on_startup=[rival.start], after_shutdown=[rival.stop])
    gc.freeze()
    gc.set_threshold(100_000, 50, 50)
    await app.run()


async def _published(consumer: AIOKafkaConsumer, partitions: list[TopicPartition]) -> int:
    return sum((await consumer.end_offsets(partitions)).values())


async def drain(chosen: settings.Settings, documents: int, processes: int) -> int:
    """Start the processes, and end them when this many outcomes are published. Return their worst exit status."""
    engine = _engine(chosen, pool_size=1)
    async with engine.begin() as connection:
        await connection.run_sync(TABLES.create_all)
    await engine.dispose()
    topic = topics.from_settings(chosen).outcomes
    async with AIOKafkaConsumer(topic, bootstrap_servers=chosen.kafka_bootstrap_servers) as consumer:
        partitions = list(consumer.assignment())
        workers = [
            subprocess.Popen([sys.executable, "-m", "bench.faststream_rival"])  # noqa: ASYNC220  a bench
            for _ in range(processes)
        ]
        try:
            while await _published(consumer, partitions) < documents and not any(one.poll() for one in workers):  # noqa: ASYNC110
                await asyncio.sleep(_LOOK_EVERY_S)
        finally:
            for one in workers:
                one.terminate()
            statuses = [one.wait(30) for one in workers]
    return max(map(abs, statuses))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.faststream_rival", description="Settings are the worker's.")
    parser.add_argument("documents", type=int, nargs="?", help="start processes, and wait for this many outcomes")
    parser.add_argument("--processes", type=int, default=1)
    options = parser.parse_args()
    chosen = settings.load()
    log.configure(chosen.log_level, "json")
    if options.documents is None:
        uvloop.run(consume(chosen))
        return 0
    return uvloop.run(drain(chosen, options.documents, options.processes))


if __name__ == "__main__":
    sys.exit(main())
