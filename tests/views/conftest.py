"""A shop: documents in words go through the real pipeline and a real Postgres, and the ledger is asked about them."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import pytest

from schemas.operations import OPERATIONS
from tests.domain.room import KEY
from tests.language.documents import Clock, build, card_number
from tests.language.words import words
from tests.ledger.conftest import NOW_US, Worker, record, said
from worker.codec import Decoder, Outlet
from worker.ledger.pool import Pool
from worker.views import READINGS, Context

Data = dict[str, Any]
NOW = datetime.fromtimestamp(NOW_US // 1_000_000, UTC)


@dataclass
class Shop:
    """Documents happen now unless they say otherwise; the caller is the tenant acme, without the scope card:trusted."""

    worker: Worker
    desk: Context
    clock: Clock = field(default_factory=lambda: Clock(NOW))
    now_us: int = NOW_US  # the worker's clock

    async def tell(self, *texts: str, org: str = "acme") -> list[Data]:
        """One document after the other, each a batch; the data of every outcome."""
        return [data for text in texts for data in await self.tell_together(text, org=org)]

    async def tell_together(self, *texts: str, org: str = "acme") -> list[Data]:
        """All in one batch."""
        documents = [build(words(text, self.clock.base), self.clock) for text in texts]
        records = [record(document.type, document.data, org) for document in documents]
        return [envelope["data"] for envelope in said((await self.worker.read(records, self.now_us)).messages)]

    async def ask(self, name: str, /, *, org: str = "acme", trusted: bool = False, **body: Any) -> Data:  # noqa: ANN401
        """The answer as the JSON that an interface would give."""
        request = OPERATIONS[name].request.model_validate(body, context=self.worker.keyring(org))
        answer = await READINGS[name](replace(self.desk, trusted=trusted), org, request)
        assert type(answer) is OPERATIONS[name].answer
        told: Data = answer.model_dump(mode="json", exclude_none=True)
        return told

    async def pages(self, name: str, /, **body: Any) -> list[list[Data]]:  # noqa: ANN401
        """Page after page to the end."""
        pages = [await self.ask(name, **body)]
        while "next_cursor" in pages[-1]:
            pages.append(await self.ask(name, cursor=pages[-1]["next_cursor"], **body))
        return [page["items"] for page in pages]


def card(alias: str, pin: str | None = None) -> Data:
    """Return a card as requests name it by its number."""
    return {"number": card_number(alias)} | ({} if pin is None else {"pin": pin})


@pytest.fixture
async def shop(database: str) -> AsyncIterator[Shop]:
    pool = await Pool.open(database)
    outlet = Outlet("crm.outcomes", "crm.tender-outcomes", "crm-worker")
    worker = Worker(pool, Decoder((KEY,), frozenset(), 1 << 20), outlet, ("scm.sales",), 7, crash=True)
    yield Shop(worker, Context(pool, worker, outlet))
    await worker.close()
