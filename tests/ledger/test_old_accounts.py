"""A document on an account of ten years costs little more than one on a new account."""

import random

import asyncpg
import pytest

from schemas.scalars import format_instant
from tests.codec.records import Record
from tests.ledger.conftest import NOW_US, Open, record
from tests.ledger.documents import command
from tests.ledger.measure import cost_of
from tests.ledger.test_pipeline import DAY_US

PROBES = 20
OLD = 1.5
# After so many days of buying daily, no row grows any more: it has a year of tiers and 30 days, a year of lots and the
# latest 100 that have expired. `tests/domain/test_bounds.py` has ten years.
DAYS = 500
LIVES = {"with points of a year": 365, "whose points have all expired": 3}


def _earn(name: str, day: int) -> Record:
    at = format_instant(NOW_US - day * DAY_US)
    points = random.Random(name).randrange(1, 300)
    return record("crm.loyalty.earn", {"command_id": name, "occurred_at": at, "customer_id": "C", "points": points})


@pytest.mark.parametrize("life", LIVES.values(), ids=LIVES)
async def test_an_account_of_many_days(another: Open, connection: asyncpg.Connection, life: int) -> None:
    worker = await another()
    policy = {"policy": {"earn": {"expire_days": life}}, "effective_from": "2000-01-01T00:00:00Z"}
    await worker.read([command("policy.put", "P", **policy), command("customer.create", "N", customer_id="C")])
    await worker.read([_earn("first", DAYS)])
    await worker.rest()
    await worker.close()
    young = await cost_of(another, connection, [_earn(f"Y{n}", DAYS) for n in range(PROBES)])
    worker = await another()
    for first in range(DAYS, 0, -100):
        await worker.read(_earn(f"E{day}", day) for day in range(first, first - 100, -1))
        await worker.rest()
    await worker.close()
    old = await cost_of(another, connection, [_earn(f"O{n}", 0) for n in range(PROBES)])
    assert old.buffers <= OLD * young.buffers, (young, old)
    assert old.wal_bytes <= OLD * young.wal_bytes, (young, old)
