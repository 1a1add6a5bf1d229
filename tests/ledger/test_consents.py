"""A decision reads the consents that count, however many a customer gave."""

import random
from collections.abc import Sequence
from typing import cast

import asyncpg
import pytest

from tests.ledger.conftest import NOW_US, Open
from tests.ledger.documents import command, sold
from tests.ledger.measure import Cost, measured
from tests.ledger.test_pipeline import DAY_US
from worker.domain.rules.consents import in_force
from worker.domain.state.books import Consent
from worker.ledger import consents
from worker.ledger.queries import Connection

AGREED = """
INSERT INTO consent (at_us, no, org, granted, customer_id, purpose, channel)
SELECT $1::bigint - n, 1, 1, n % 2 = 0, 'C', (ARRAY['marketing', 'profiling', 'service'])[1 + n % 3],
       (ARRAY['', 'email', 'sms'])[1 + n % 5 % 3]
FROM generate_series(1, $2::integer) n
"""
MANY, PROBES = 5000, 20
GROWS = 1.3
WHO = ((1, "C0"), (1, "C1"), (2, "C0"))
CAMPAIGN = {"id": "spring", "from": "2020-01-01T00:00:00Z", "to": "2099-01-01T00:00:00Z", "factor": "3",
            "needs_consent": "marketing"}  # fmt: skip


async def test_a_sale_of_a_customer_of_many_consents(another: Open, connection: asyncpg.Connection) -> None:
    worker = await another()
    policy = {"policy": {"earn": {"campaigns": [CAMPAIGN]}}, "effective_from": "2000-01-01T00:00:00Z"}
    await worker.read([command("policy.put", "P", **policy), command("customer.create", "N", customer_id="C")])
    await worker.close()
    await connection.execute(AGREED, NOW_US - DAY_US, 5)
    few = await _cost(another, connection, "Y")
    await connection.execute(AGREED, NOW_US - DAY_US, MANY)
    many = await _cost(another, connection, "O")
    assert many.buffers <= GROWS * few.buffers, (few, many)


async def _cost(another: Open, connection: asyncpg.Connection, name: str) -> Cost:
    """Measure sales that come one at a time."""
    async with measured(connection) as cost:
        worker = await another()
        for n in range(PROBES):
            await worker.read([sold(f"{name}{n}", customer_id="C")])
        await worker.close()
    return cost


@pytest.mark.parametrize("many", [consents.FEW, 6 * consents.FEW, 300])
async def test_the_consents_that_are_read_answer_as_all_do(connection: asyncpg.Connection, many: int) -> None:
    """At any instant from the one asked for, whichever are of the same instant."""
    rng = random.Random(many)
    said = [
        Consent(f"C{n % 2}", rng.choice(["marketing", "service"]), rng.choice(["", "a", "b", "c"]),
                rng.random() < 0.5, rng.randrange(many // 2))
        for n in range(2 * many)
    ]  # fmt: skip
    rows = [(one.at_us, no, 1, one.granted, *one[:3]) for no, one in enumerate(said)]
    names = ("at_us", "no", "org", "granted", "customer_id", "purpose", "channel")
    await connection.copy_records_to_table("consent", records=rows, columns=names)
    for since_us in (0, many // 4, many // 3):
        keys = [(org, id_, purpose, since_us) for org, id_ in WHO for purpose in consents.PURPOSES]
        read = await consents.read(cast("Connection", connection), keys)
        assert {org for org, _ in read} == {1}
        for at_us in range(since_us, many // 2):
            assert _counts([one for _, one in read], at_us) == _counts(said, at_us)


def _counts(said: Sequence[Consent], at_us: int) -> dict[tuple[str, str], dict[str, Consent]]:
    asked = ((id_, purpose) for id_ in ("C0", "C1") for purpose in ("marketing", "service"))
    return {
        key: in_force(one for one in said if one[:2] == key and one.at_us <= at_us) for key in asked
    }  # fmt: skip
