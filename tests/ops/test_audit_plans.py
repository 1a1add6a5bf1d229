"""An audit of a ledger that was never analysed reads each table a few times, and each key by its index."""

from collections.abc import AsyncIterator
from typing import Any, Final

import asyncpg
import orjson
import pytest

from tests.ledger.measure import buffers_of
from tests.ledger.test_reads import FILL
from worker.ledger.queries import SQL
from worker.ledger.roles import Role
from worker.ops.audit import book
from worker.ops.snapshot import snapshot

ROWS: Final = 20_000
TRANSFERS: Final = """
INSERT INTO transfer (no, debit, credit, amount, org) SELECT n << 12, -1, n, 1, 1 + n % 2 FROM generate_series(1, {0}) n
"""
PAGES: Final = """
SELECT sum(pg_table_size(oid) / 8192)::bigint FROM pg_class
WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
"""
# A check reads no table more often than this.
TIMES: Final = 4
WHOLE: Final[dict[str, tuple[str, ...]]] = {
    **{f"audit_{name}": tuple(map(str, arguments)) for name, arguments in book.CHECKS.items()},
    "audit_booked": (), "audit_trial_balance": ("NULL",), "audit_liability": ("NULL",),
    "audit_voided_sales": ("2", "1"),
}  # fmt: skip
# So many keys that reading the whole table would be cheaper: but an audit asks for ever more of them.
KEYS: Final = f"FROM generate_series(1, {ROWS // 10}) n)"
KEYED: Final = {
    "audit_captured": (f"(SELECT array_agg('acme'::text) {KEYS}", f"(SELECT array_agg('T' || n) {KEYS}"),
    "audit_coverage": (
        f"(SELECT array_agg('acme'::text) {KEYS}", f"(SELECT array_agg(1::smallint) {KEYS}",
        f"(SELECT array_agg('S' || n) {KEYS}",
    ),
    "audit_deadlines": (
        f"(SELECT array_agg(1) {KEYS}", f"(SELECT array_agg('hold'::text) {KEYS}",
        f"(SELECT array_agg('T' || n) {KEYS}",
    ),
    "audit_letters": (
        f"(SELECT array_agg('scm.sales'::text) {KEYS}", f"(SELECT array_agg(0) {KEYS}",
        f"(SELECT array_agg(n::bigint) {KEYS}",
    ),
}  # fmt: skip
LETTERS: Final = """
INSERT INTO dead_letter ("offset", record_ms, group_id, partition, state, topic, subject, version, detail)
    SELECT n, n, 1, 0, 'open', 'scm.sales', '', '', '' FROM generate_series(1, {0}) n
"""


@pytest.fixture
async def auditor(database: str, connection: asyncpg.Connection) -> AsyncIterator[Any]:
    await connection.execute(FILL.format(first=1, last=ROWS))
    await connection.execute(TRANSFERS.format(ROWS))
    await connection.execute(LETTERS.format(ROWS))
    async with snapshot(database, Role.AUDIT, "g3n-audit") as opened:
        yield opened


async def test_no_statistics_make_an_audit_take_the_square_of_the_rows(auditor: Any) -> None:  # noqa: ANN401  asyncpg
    pages = await auditor.fetchval(PAGES)
    read = {name: await buffers_of(auditor, name, *arguments) for name, arguments in WHOLE.items()}
    assert {name: buffers for name, buffers in read.items() if buffers > TIMES * pages} == {}
    for name, arguments in KEYED.items():
        assert _scanned(await _plan(auditor, name, arguments)) == set(), name


async def _plan(auditor: Any, name: str, arguments: tuple[str, ...]) -> dict[str, Any]:  # noqa: ANN401  asyncpg
    values = [await auditor.fetchval(f"SELECT {argument}") for argument in arguments]
    plan: list[dict[str, Any]] = orjson.loads(await auditor.fetchval(f"EXPLAIN (FORMAT JSON) {SQL[name]}", *values))
    return plan[0]["Plan"]  # type: ignore[no-any-return]


def _scanned(plan: dict[str, Any]) -> set[str]:
    """The tables that are read as a whole, but for the tenants'."""
    here = {plan["Relation Name"]} if plan["Node Type"] == "Seq Scan" and plan["Relation Name"] != "org" else set()
    return here.union(*(_scanned(part) for part in plan.get("Plans", ())))
