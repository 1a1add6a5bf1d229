"""The size of a simple sale: bytes of WAL, of tables and of the index of identities."""

import asyncpg

from tests.ledger.conftest import Open
from tests.ledger.documents import command, sold
from tests.ledger.measure import measured

CUSTOMERS, SALES, BATCH = 500, 4000, 500
WAL_BYTES = 600  # of a sale, with its share of the batch
SIZES = """
SELECT sum(pg_relation_size(oid)) FROM pg_class
WHERE relkind IN ('r', 'i') AND relnamespace = 'public'::regnamespace AND relname LIKE ANY ($1)
"""


async def test_a_sale_takes_few_bytes(another: Open, connection: asyncpg.Connection) -> None:
    """Ids are in the order of time, and other documents of the tenant come after sales in the registry of types."""
    worker = await another()
    await worker.read(command("customer.create", f"N{n}", customer_id=f"C{n}") for n in range(CUSTOMERS))
    await worker.close()
    await _read(another, range(SALES))
    before = [await connection.fetchval(SIZES, names) for names in (["%"], ["event_identity"])]
    async with measured(connection) as cost:
        await _read(another, range(SALES, 2 * SALES))
    tables, identities = [
        (await connection.fetchval(SIZES, names) - was) / SALES
        for names, was in zip((["%"], ["event_identity"]), before, strict=True)
    ]
    assert cost.wal_bytes / SALES <= WAL_BYTES
    assert tables <= 380
    assert identities <= 65


async def _read(another: Open, numbers: range) -> None:
    worker = await another()
    for first in range(numbers.start, numbers.stop, BATCH):
        part = range(first, first + BATCH)
        await worker.read(sold(f"01JQZX{n:020}", customer_id=f"C{n * 7 % CUSTOMERS}") for n in part)
    await worker.close()
