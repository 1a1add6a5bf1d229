"""The statements of worker/ledger/sql: each prepares, and none reads a whole table, whatever the statistics say."""

import re
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from tests.ledger.measure import explained
from worker.ledger.pool import SESSION
from worker.ledger.queries import SQL

ROWS = 20_000
KEYS = 50

# Tables that grow with what comes in; org, policy and watermark stay small.
FILL = """
INSERT INTO org (code) VALUES ('acme');
INSERT INTO event (no, org, type, status, subject, digest, facts, record)
    SELECT n << 12, 1, 1 + n % 6, 0, 'S' || n, 'd', 'f', 'r' FROM generate_series(1, {rows}) n;
INSERT INTO account (id, balance, held, deficit, version, org, kind, standing, key, currency)
    SELECT n, 0, 0, 0, 1, 1, n % 3, 1, 'C' || n, '' FROM generate_series(1, {rows}) n;
INSERT INTO transfer (no, debit, credit, amount, org, credit_before)
    SELECT n << 12, -1, 1 + n % 100, 1, 1, (n - 100) << 12 FROM generate_series(1, {rows}) n;
INSERT INTO tender (requested_minor, approved_minor, captured_minor, refunded_minor, org, state, kind, id,
                    sale_id, extra)
    SELECT 0, 0, 0, 0, 1, 0, '', 'T' || n, '', '' FROM generate_series(1, {rows}) n;
INSERT INTO card_number (org, token, card_id, last4)
    SELECT 1, ('t' || n)::bytea, 'S' || n, 'S' || n FROM generate_series(1, {rows}) n;
INSERT INTO parked (received_us, record_us, due_us, org, type, ready, subject, waits_for, waits_key, sale_id, document)
    SELECT n, n, n, 1, 3, false, 'R' || n, 'sale', 'S' || n, 'S' || n, '' FROM generate_series(1, {rows}) n;
INSERT INTO timer (due_us, not_before_us, org, kind, key)
    SELECT n, 0, 1, 'hold', 'T' || n FROM generate_series(1, {rows}) n;
INSERT INTO customer (org, account_id, email_folded, phone_digits, external_ids)
    SELECT 1, n, 'S' || n, 'S' || n, jsonb_build_object('shop', n::text) FROM generate_series(1, {rows}) n;
UPDATE customer SET name_folded = 'S1' WHERE account_id <= {keys};
INSERT INTO customer_name (org, name, account_id) SELECT 1, 'T' || n, n FROM generate_series(1, {rows}) n;
INSERT INTO consent (at_us, no, org, granted, customer_id, purpose, channel)
    SELECT n, n, 1, true, 'C' || n, 'marketing', '' FROM generate_series(1, {rows}) n;
INSERT INTO batch (no, worker, decided_at, documents, published_at)
    SELECT n, 1, now(), 1, now() FROM generate_series(1, {rows}) n;
INSERT INTO dead_letter_group (reason, path, type, orgcode, detail) VALUES ('invalid', '', '', '', '');
INSERT INTO dead_letter (topic, partition, "offset", record_ms, group_id, state, subject, version, detail, identity)
    SELECT 'S' || n % 6, 1, n, n, 1, 'resolved', '', '', '', ('t' || n)::bytea FROM generate_series(1, {rows}) n;
INSERT INTO session (org, id, digest, api_key, scopes, expires_at)
    SELECT 1, 's-' || n, ('t' || n)::bytea, 'k', '{{}}', now() FROM generate_series(1, {rows}) n;
"""
GROWING = (
    "event", "account", "transfer", "tender", "card_number", "parked", "timer", "customer", "consent", "batch",
    "session", "customer_name",
)  # fmt: skip
# Beside audits, which read all there is.
FOR_ALL = ("read_partitions",)  # they are few
# A value of each type, the n-th of an array of KEYS.
SAMPLE = {
    "integer": "1", "smallint": "1", "bigint": "{n}", "text": "'S{n}'", "bytea": "'t{n}'::bytea",
    "jsonb": "'{{\"shop\": \"{n}\"}}'::jsonb", "boolean": "true", "timestamptz": "now()",
    "interval": "'1 hour'", "real": "0.5", "uuid": "gen_random_uuid()",
}  # fmt: skip
TOUCHES_ONLY_WHAT_IT_WANTS = (
    "load_event", "lock_account", "lock_tender", "load_card_number", "load_consent", "lock_event", "load_account",
    "read_accounts", "read_chain", "read_causes", "read_owned", "read_profiles", "list_customers",
    "find_customers_by_email", "find_customers_by_phone", "find_names",
    "find_cards_by_last4", "read_customers", "load_latest_consent",
)  # fmt: skip
NAMES = {"float4": "real", "int4": "integer", "int2": "smallint", "int8": "bigint", "bool": "boolean"}


@pytest.fixture
async def session(database: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection as a worker has it, on tables that were filled and never analysed."""
    opened = await asyncpg.connect(database, server_settings=SESSION)
    await opened.execute(FILL.format(rows=ROWS, keys=KEYS))
    yield opened
    await opened.close()


async def test_every_statement_prepares(connection: asyncpg.Connection) -> None:
    for name, text in SQL.items():
        statement = await connection.prepare(text)
        numbers = {int(number) for number in re.findall(r"\$(\d+)", text)}
        assert len(statement.get_parameters()) == len(numbers) == max(numbers, default=0), name


async def test_no_statement_reads_a_whole_table(session: asyncpg.Connection) -> None:
    never = await session.fetchval("SELECT count(*) FROM pg_stat_user_tables WHERE last_analyze IS NOT NULL")
    assert never == 0
    for name in sorted(name for name in SQL if not name.startswith("audit_") and name not in FOR_ALL):
        for mode in ("force_custom_plan", "force_generic_plan"):
            plan = await _plan(session, name, mode)
            scans = [node for node in _nodes(plan) if _grows(node)]
            read = {node["Node Type"] for node in scans if node["Node Type"] != "ModifyTable"}
            assert read <= {"Index Scan", "Index Only Scan", "Bitmap Heap Scan"}, (name, mode, plan)
            assert not {node["Node Type"] for node in _nodes(plan)} & {"Hash Join", "Merge Join"}, (name, mode)


async def test_reads_by_key_touch_only_their_rows(session: asyncpg.Connection) -> None:
    """The promise of EXPLAIN holds in a run: only wanted rows are read."""
    for name in TOUCHES_ONLY_WHAT_IT_WANTS:
        plan = await _plan(session, name, "force_generic_plan", "ANALYZE, ")
        for node in _nodes(plan):
            if _grows(node):
                assert float(str(node["Actual Rows"])) * float(str(node["Actual Loops"])) <= KEYS, (name, node)
                assert node.get("Rows Removed by Filter", 0) == 0, (name, node)


async def _plan(session: asyncpg.Connection, name: str, mode: str, options: str = "") -> dict[str, Any]:
    types = [parameter.name for parameter in (await session.prepare(SQL[name])).get_parameters()]
    return await explained(session, name, [_argument(type_) for type_ in types], mode, options)


def _argument(type_: str) -> str:
    base, array, _ = type_.partition("[]")
    base = NAMES.get(base, base)
    if array:
        return f"ARRAY[{', '.join(SAMPLE[base].format(n=n) for n in range(1, KEYS + 1))}]::{base}[]"
    return f"{SAMPLE[base].format(n=1)}::{base}"


def _grows(node: dict[str, object]) -> bool:
    name = str(node.get("Relation Name"))
    return name in GROWING or name.startswith("transfer_")


def _nodes(plan: dict[str, object]) -> list[dict[str, object]]:
    inner: list[dict[str, object]] = plan.get("Plans", [])  # type: ignore[assignment]
    return [plan, *(node for child in inner for node in _nodes(child))]
