"""Pipelines on a database of the test's own, fed with records that never were in Kafka."""

import itertools
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import Any

import orjson
import pytest

from tests.codec.records import Data, Record, envelope
from tests.domain.room import KEY
from worker.codec import Decoder, Message, Outlet
from worker.engine.messages import Applied
from worker.engine.pipeline import Pipeline
from worker.ledger.pool import Pool

NOW_US = time.time_ns() // 1_000_000 * 1000
TOPICS = ("scm.sales",)
_offsets = itertools.count()
# Links between transfers that do not lead to the one before, and transfers of which no document is known: none.
BROKEN_CHAINS = """
SELECT c.* FROM (
    SELECT org, account_id, no, before,
           lag(no) OVER (PARTITION BY account_id ORDER BY no) AS expected,
           max(no) OVER (PARTITION BY account_id) AS last
    FROM (
        SELECT DISTINCT org, debit AS account_id, no, debit_before AS before FROM transfer WHERE debit > 0
        UNION SELECT DISTINCT org, credit, no, credit_before FROM transfer WHERE credit > 0
    ) e
) c JOIN account a ON a.id = c.account_id
WHERE c.before IS DISTINCT FROM c.expected OR a.last_no <> c.last
UNION ALL
SELECT t.org, t.debit, t.no, NULL, NULL, NULL FROM transfer t
WHERE NOT EXISTS (SELECT 1 FROM event WHERE event.no = t.no AND event.org = t.org)
"""


def record(type_: str, data: Data, org: str = "acme", **attributes: object) -> Record:
    """A record of a document; `data` begins with its id."""
    value = orjson.dumps(envelope(type_, str(next(iter(data.values()))), data, orgcode=org, **attributes))
    return Record(value, offset=next(_offsets), timestamp=NOW_US // 1000)


class Worker(Pipeline):
    """A pipeline that is fed by hand."""

    async def read(self, records: Iterable[Record], now_us: int = NOW_US, *, stream: bool = False) -> Applied:
        """One batch, published at once. `stream`: as a stream hands it over."""
        waived = (lambda _: False) if stream else None
        applied = await self.apply(self.decode(list(records), now_us), {("scm.sales", 0): now_us}, waived=waived)
        self.published(applied.batch_no)
        return applied

    async def rest(self) -> list[Message]:
        """Decide everything that is ready or due. Return the messages."""
        messages = []
        while (applied := await self.catch_up()) is not None:
            self.published(applied.batch_no)
            messages += applied.messages
        return messages

    async def drained(self, records: Iterable[Record]) -> list[Message]:
        return (await self.read(records)).messages + await self.rest()


Open = Callable[..., Awaitable[Worker]]


@pytest.fixture
async def another(database: str) -> AsyncIterator[Open]:
    """Opens a further worker on this test's database; `crash=False`: one that survives its own faults."""
    opened: list[Worker] = []

    async def make(*, crash: bool = True, dsn: str = database) -> Worker:
        decoder = Decoder((KEY,), frozenset(), 1 << 20)
        outlet = Outlet("crm.outcomes", "crm.tender-outcomes", "crm-worker")
        opened.append(Worker(await Pool.open(dsn), decoder, outlet, TOPICS, 7, crash=crash))
        return opened[-1]

    yield make
    for worker in opened:
        await worker.close()


@pytest.fixture
async def worker(another: Open) -> Worker:
    return await another()


def said(messages: Iterable[Message]) -> list[dict[str, Any]]:
    """The envelopes of outcomes and notices."""
    return [orjson.loads(message.value or b"") for message in messages if not message.topic.endswith("-dlt")]


def header(message: Message, name: str) -> str | None:
    return next((text.decode() for key, text in message.headers if key == name and text is not None), None)
