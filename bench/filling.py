"""Fill a ledger faster than a worker can: copy the rows that a worker wrote for one tenant to further tenants.

A copy differs only in its tenant and in the numbers of batches, documents and accounts, so an audit finds nothing wrong
with it. Its facts still name the records of the first tenant, so only an audit without `--coverage` is clean.
"""

import asyncio
from dataclasses import dataclass
from typing import Final

import asyncpg

from bench import workload
from bench.arena import Arena, Settings, say
from bench.program import Ended
from bench.shop import ORGCODE
from worker.stored.codes import PLACES

_DRAINED: Final = 500_000
_AT_ONCE: Final = 250_000

_TABLES: Final = ("policy", "customer", "account", "event", "transfer", "tender", "card_number", "timer", "consent")
_OF_BATCH: Final = frozenset({"no", "last_no", "debit_before", "credit_before"})
_OF_ACCOUNT: Final = frozenset({"account_id", "debit", "credit"})
_COLUMNS: Final = """
SELECT attname FROM pg_attribute WHERE attrelid = $1::text::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum
"""
_NUMBERS: Final = """
SELECT max(no) >> $2 AS batch, (SELECT max(id) FROM account WHERE org = $1) AS account FROM event WHERE org = $1
"""
_LATEST: Final = "SELECT (SELECT last_value FROM batch_no), (SELECT last_value FROM account_id)"
_TENANT: Final = "INSERT INTO org (id, code) OVERRIDING SYSTEM VALUE VALUES ($1, $2)"
_BATCHES: Final = """
INSERT INTO batch (no, worker, decided_at, documents, published_at)
SELECT no + $3, worker, decided_at, documents, coalesce(published_at, decided_at) FROM batch
WHERE no IN (SELECT no >> $2 FROM event WHERE org = $1)
"""
_NEXT: Final = "SELECT setval('batch_no', $1), setval('account_id', $2)"


@dataclass
class Filled:
    """A ledger of sales: how many a worker decided, and how many there are with the copies."""

    arena: Arena
    settings: Settings
    customers: int
    drained: int = 0
    sales: int = 0

    def drain(self, documents: int) -> Ended:
        """Publish sales, and let a worker decide them."""
        stream = workload.sales(self.settings["G3N_TOPIC_PREFIX"], documents, self.customers, first=self.drained)
        self.arena.publish(stream, f"{documents:,} sales after {self.sales:,}")
        ended = self.arena.run(["worker", "worker", "drain"], self.settings, "fill")
        self.drained += documents
        self.sales += documents
        return ended

    def fill(self, wanted: int) -> None:
        """Fill the ledger to about this many sales. A worker decides the first half million; the others are copies."""
        while self.drained < min(wanted, _DRAINED):
            self.drain(min(_AT_ONCE, min(wanted, _DRAINED) - self.drained))
        if copies := max(0, round((wanted - self.sales) / self.drained)):
            asyncio.run(copy(self.settings["G3N_POSTGRES_DSN"], ORGCODE, copies))
            self.sales += copies * self.drained
            say(f"{self.drained:,} sales copied {copies} times")


async def copy(dsn: str, orgcode: str, copies: int) -> None:
    """Copy the tenant's rows this many times. No worker may run meanwhile."""
    connection = await asyncpg.connect(dsn)
    try:
        org = await connection.fetchval("SELECT id FROM org WHERE code = $1", orgcode)
        [(batches, accounts)] = await connection.fetch(_NUMBERS, org, PLACES)
        columns = {table: [name for (name,) in await connection.fetch(_COLUMNS, table)] for table in _TABLES}
        # Below zero, so that the first tenant's rows stay at the ends of the indexes, where new sales cost the least.
        lowest = await connection.fetchval("SELECT least(min(id), 0) FROM org")
        for tenant in range(lowest - 1, lowest - 1 - copies, -1):
            async with connection.transaction():
                [(batch, account)] = await connection.fetch(_LATEST)
                await connection.execute(_TENANT, tenant, f"{orgcode}{tenant}")
                await connection.execute(_BATCHES, org, PLACES, batch)
                for table, names in columns.items():
                    copied = [_copied(table, name, tenant, batch, account) for name in names]
                    into = f"INSERT INTO {table} ({', '.join(names)})"
                    rows = f"SELECT {', '.join(copied)} FROM {table} WHERE org = {org}"  # noqa: S608  ours
                    await connection.execute(f"{into} {rows}")
                await connection.execute(_NEXT, batch + batches, account + accounts)
        await connection.execute("VACUUM (ANALYZE)")
    finally:
        await connection.close()


def _copied(table: str, name: str, tenant: int, batch: int, account: int) -> str:
    """Return the value of a column of a copy: a tenant, or a number after the latest batch and account."""
    if name == "org":
        return str(tenant)
    if name in _OF_BATCH:
        more = batch << PLACES
    elif name in _OF_ACCOUNT or (table, name) == ("account", "id"):
        more = account
    else:
        return name
    # Contra accounts are below zero, and all tenants share them. The number of a stub is 0.
    return f"CASE WHEN {name} > 0 THEN {name} + {more} ELSE {name} END"
