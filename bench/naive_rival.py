"""The straightforward rival: asyncpg, one transaction a document, sixteen at once.

A good programmer's first version: read the records that the consumer has, handle sixteen documents at a time, each in
its own transaction (look for a duplicate, lock the account, decide, insert, update), publish the outcome, wait for the
acknowledgements, commit the offsets. Prepared statements, uvloop, and the garbage collector tuned as the worker's.

Decoding, decision, encoding and packing are the worker's own code, so
that both store the same rows with the same durability and publish the same bytes. It keeps no journal of batches and
no watermarks, knows only sales of customers who have a record, and doesn't care about a second process. All of that is
in the rival's favour.
"""

import argparse
import asyncio
import gc
import itertools
import time
from collections.abc import Sequence

import asyncpg
import structlog
import uvloop
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.structs import ConsumerRecord

from schemas.registry import DOCUMENTS
from worker.codec import Decoder, Document, DocumentOutcome, Message, Outlet
from worker.codec.encode import ENCODER_VERSION
from worker.domain.decide import Circumstances, decide
from worker.domain.state.accounts import Account, AccountType
from worker.domain.state.books import Books
from worker.domain.state.outcome import Outcome
from worker.domain.state.policy import PolicyBook
from worker.engine.work import Work
from worker.kafka import topics
from worker.process import log, settings
from worker.stored.account import account_of, pack_earned, pack_lots
from worker.stored.codes import STATUS_CODE, event_no
from worker.stored.outcome import OutcomeV1
from worker.stored.rows import ACCOUNT_READ
from worker.stored.sale import pack_sale

AT_ONCE = 16
READ_AT_ONCE = 2000
SALE = DOCUMENTS["scm.sale.completed"]

KNOWN = "SELECT 1 FROM event WHERE org = $1 AND type = $2 AND subject = $3"
LOCK = f"""
SELECT {ACCOUNT_READ}
FROM account
WHERE org = $1 AND kind = $2 AND key = $3 FOR NO KEY UPDATE
"""  # noqa: S608  a constant
INSERT_EVENT = """
INSERT INTO event (no, org, type, status, subject, digest, facts, record) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
"""
UPDATE_ACCOUNT = """
UPDATE account SET balance = $4, held = $5, deficit = $6, version = $7, lots = $8, earned = $9
WHERE org = $1 AND kind = $2 AND key = $3
"""
INSERT_TRANSFER = "INSERT INTO transfer (no, debit, credit, amount, org) VALUES ($1, $2, $3, $4, $5)"

_log = structlog.get_logger(__name__)


class Rival:
    """Handles sales one by one."""

    def __init__(self, chosen: settings.Settings, pool: asyncpg.Pool, org: int) -> None:
        names = topics.from_settings(chosen)
        self._decoder = Decoder(chosen.card_keys, chosen.orgcodes, chosen.max_document_bytes)
        self._outlet = Outlet(names.outcomes, names.tender_outcomes, chosen.consumer_group)
        self._pool = pool
        self._org = org
        self._numbers = itertools.count(1)
        self._policies = PolicyBook([])

    async def handle(self, record: ConsumerRecord) -> list[Message]:
        """Handle a document in one transaction. Return the messages to publish; none for a duplicate."""
        now_us = time.time_ns() // 1000
        document = self._decoder.decode(record, now_us)
        if not isinstance(document, Document) or document.doctype is not SALE:
            raise TypeError("the rival knows only sales")
        work = Work.of(document, now_us, self._org)
        async with self._pool.acquire() as connection, connection.transaction():
            if await connection.fetchval(KNOWN, *work.key):
                return []
            written = await self._apply(connection, work, now_us)
        return self._outlet.messages(DocumentOutcome(work.orgcode, work.type, work.subject, 0, written))

    async def _apply(self, connection: asyncpg.pool.PoolConnectionProxy, work: Work, now_us: int) -> OutcomeV1:
        books = Books(self._org, work.orgcode, self._policies)
        row = await connection.fetchrow(LOCK, self._org, AccountType.POINTS, work.model.customer_id)
        account = books.accounts[AccountType.POINTS, work.model.customer_id] = account_of(row)
        books.begin(0, now_us)
        outcome = decide(work.type, work.model, books, Circumstances(work.record_us))
        if not isinstance(outcome, Outcome):
            raise TypeError("a sale never waits")
        work.outcome = outcome
        work.store(now_us)
        await self._write(connection, work, books, account)
        assert work.stored_outcome is not None  # noqa: S101  `store` made it of the outcome
        return work.stored_outcome

    async def _write(
        self, connection: asyncpg.pool.PoolConnectionProxy, work: Work, books: Books, account: Account
    ) -> None:
        batch = next(self._numbers)
        no = event_no(batch, 0)
        assert work.outcome is not None  # noqa: S101  the caller's
        await connection.execute(
            INSERT_EVENT, no, work.org, work.code, STATUS_CODE[work.outcome.status], work.subject, work.digest,
            work.facts_row(ENCODER_VERSION, batch), pack_sale(books.sales[work.subject]),
        )  # fmt: skip
        await connection.execute(
            UPDATE_ACCOUNT, work.org, account.type, account.key, account.balance, account.held, account.deficit,
            account.version, pack_lots(account), pack_earned(account),
        )  # fmt: skip
        for transfer in books.transfers:
            debit, credit = (side.id if isinstance(side, Account) else side for side in transfer[1:3])
            await connection.execute(INSERT_TRANSFER, no, debit, credit, transfer.amount, work.org)


async def handle_all(rival: Rival, records: Sequence[ConsumerRecord]) -> list[Message]:
    """Handle sixteen documents at once. Return their messages in the order of the records."""
    messages_of: list[list[Message]] = [[] for _ in records]
    places = iter(range(len(records)))

    async def handler() -> None:
        for place in places:
            messages_of[place] = await rival.handle(records[place])

    await asyncio.gather(*(handler() for _ in range(AT_ONCE)))
    return [message for messages in messages_of for message in messages]


async def drain(chosen: settings.Settings, documents: int) -> None:
    """Handle this many documents, from the beginning of the sales topic."""
    names = topics.from_settings(chosen)
    consumer = AIOKafkaConsumer(
        names.inputs[0], bootstrap_servers=chosen.kafka_bootstrap_servers, group_id=chosen.consumer_group,
        enable_auto_commit=False, auto_offset_reset="earliest",
    )  # fmt: skip
    producer = AIOKafkaProducer(
        bootstrap_servers=chosen.kafka_bootstrap_servers, enable_idempotence=True, max_batch_size=1 << 20, linger_ms=1
    )
    async with asyncpg.create_pool(chosen.dsn, min_size=AT_ONCE, max_size=AT_ONCE) as pool, consumer, producer:
        rival = Rival(chosen, pool, await pool.fetchval("SELECT id FROM org"))
        while not consumer.assignment():
            await consumer.getmany(timeout_ms=10, max_records=1)
        await consumer.seek_to_beginning()
        gc.freeze()
        gc.set_threshold(100_000, 50, 50)
        _log.info("assigned")
        while documents:
            got = await consumer.getmany(timeout_ms=1000, max_records=min(documents, READ_AT_ONCE))
            records = [record for part in got.values() for record in part]
            messages = await handle_all(rival, records)
            sent = [await producer.send(message.topic, message.value, message.key) for message in messages]
            await asyncio.gather(*sent)
            await consumer.commit()
            documents -= len(records)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.naive_rival", description="Settings are the worker's.")
    parser.add_argument("documents", type=int)
    chosen = settings.load()
    log.configure(chosen.log_level, "json")
    uvloop.run(drain(chosen, parser.parse_args().documents))


if __name__ == "__main__":
    main()
