"""Reads of a ledger that has grown touch as many buffers as their answer needs, whatever the statistics say."""

from collections.abc import AsyncIterator
from typing import Final

import asyncpg
import pytest

from tests.conftest import NewDatabase
from tests.ledger.measure import buffers_of, worker_session

ROWS: Final = 100_000
AN_IMPORT_BEFORE: Final = 100

# One tenant has everything; another has as much again of what can be searched, so that no filter is a tenant's alone.
FILL: Final = """
INSERT INTO org (code) VALUES ('acme'), ('other') ON CONFLICT DO NOTHING;
INSERT INTO account (id, balance, held, deficit, version, last_no, org, kind, standing, key, currency, owner)
    SELECT n, 0, 0, 0, 1, n << 12, 1 + n % 2, n / 2 % 2, 1, 'C' || n, '', CASE WHEN n / 2 % 2 = 1 THEN 'C' || n - 2 END
    FROM generate_series({first}, {last}) n;
INSERT INTO customer (org, account_id, email_folded, phone_digits, external_ids)
    SELECT 1 + n % 2, n, CASE WHEN n % 3 = 0 THEN 'none' ELSE 'person' || n END || '@example.com',
        CASE WHEN n % 3 = 0 THEN '0' ELSE '44' || n END, jsonb_build_object('shop', n::text)
    FROM generate_series({first}, {last}) n WHERE n / 2 % 2 = 0;
INSERT INTO customer_name (org, name, account_id)
    SELECT 1 + n % 2, name, n
    FROM generate_series({first}, {last}) n,
        LATERAL (VALUES ('ada' || n % 97 || ' person' || n), ('person' || n || ' ada' || n % 97)) AS v (name)
    WHERE n / 2 % 2 = 0;
INSERT INTO consent (at_us, no, org, granted, customer_id, purpose, channel)
    SELECT n, n, 1 + n % 2, true, 'C' || n, 'marketing', '' FROM generate_series({first}, {last}) n;
INSERT INTO tender (requested_minor, approved_minor, captured_minor, refunded_minor, org, state, kind, id, sale_id,
                    extra)
    SELECT 0, 0, 0, 0, 1 + n % 2, 0, '', 'T' || n, '', '' FROM generate_series({first}, {last}) n;
INSERT INTO card_number (org, token, card_id, last4)
    SELECT 1 + n % 2, ('t' || n)::bytea, 'C' || n, lpad((n / 4 % 500)::text, 4, '0')
    FROM generate_series({first}, {last}) n WHERE n / 2 % 2 = 1;
INSERT INTO parked (received_us, record_us, due_us, org, type, ready, subject, waits_for, waits_key, sale_id, document)
    SELECT n, n, n + 1000000, 1 + n % 2, 3, false, 'R' || n, 'sale', 'S' || n, 'S' || n, ''
    FROM generate_series({first}, {last}) n;
INSERT INTO timer (due_us, not_before_us, org, kind, key)
    SELECT n, 0, 1 + n % 2, 'hold', 'T' || n FROM generate_series({first}, {last}) n;
INSERT INTO batch (no, worker, decided_at, documents, published_at)
    SELECT n, 1, now(), 1, now() FROM generate_series({first}, {last}) n;
INSERT INTO event (no, org, type, status, subject, digest, facts, record)
    SELECT n << 12, 1 + n % 2, 1, 0, 'S' || n, 'd', 'f', 'r' FROM generate_series({first}, {last}) n;
"""
HISTORY: Final = 50_000
PAGE: Final = 8_000
TRADE: Final = """
INSERT INTO event (no, org, type, status, subject, digest, facts, record)
    SELECT n << 12, 1, 1, 0, 'S' || n, decode(md5(n::text), 'hex'), decode(repeat(md5(n::text), 5), 'hex'),
           decode(repeat(md5(n::text), 4), 'hex')
    FROM generate_series({first}::bigint, {last}) n
"""
RETURNS: Final = """
UPDATE event SET record = record || 'returned'::bytea WHERE no <= {before}::bigint << 12 AND (no >> 12) % 19 = 1
"""
TABLES: Final = (
    "account", "customer", "customer_name", "consent", "tender", "card_number", "parked", "timer", "batch", "event",
)  # fmt: skip

N: Final = ROWS // 2  # of org 1, a customer, with a card
# Statement → its arguments and how many buffers are enough for its answer: a row by its key costs four or five.
READS: Final[dict[str, tuple[tuple[str, ...], int]]] = {
    "find_customers_by_external_ids": (("1", "0", "51", "NULL", "NULL", f"""'{{"shop": "{N}"}}'""", "NULL"), 20),
    "read_customers": (("1", f"ARRAY[{N}]"), 8),
    "find_cards_by_last4": (("1", "''", "51", "'0004'"), 300),
    "list_customers": (("1", f"'C{N}'", "51"), 120),
    "list_cards": (("1", f"'C{N}'", "51"), 120),
    "read_owned": (("1", f"'C{N}'"), 10),
    "read_profiles": (("1", f"ARRAY[{N}]"), 8),
    "load_account": (("ARRAY[1]", "ARRAY[0::smallint]", f"ARRAY['C{N}']"), 8),
    "read_accounts": (("1", f"ARRAY[{N}]"), 8),
    "load_consent": (("ARRAY[1]", f"ARRAY['C{N}']", "ARRAY['marketing']", "9"), 14),
    "load_latest_consent": (("ARRAY[1]", f"ARRAY['C{N}']", "ARRAY['marketing']", "ARRAY[1::bigint]"), 20),
    "load_event": (("ARRAY[1]", "ARRAY[1::smallint]", f"ARRAY['S{N}']"), 8),
    "read_event": (("'acme'", "1::smallint", f"'S{N}'"), 10),
    "read_tender": (("ARRAY[1]", f"ARRAY['T{N}']"), 8),
    "read_tenders": (("ARRAY[1]", f"ARRAY['T{N}']"), 8),
    "load_card_number": (("ARRAY[1]", f"ARRAY['t{N + 2}'::bytea]"), 8),
    "read_parked": (("1", "3::smallint", f"'R{N}'"), 8),
    "read_waiters": (("1", "'sale'", f"'S{N}'"), 8),
    "read_unpublished_parked": (("ARRAY[1]", "ARRAY[1::smallint]", f"ARRAY['S{N}']"), 12),
    "lock_due_parked": (("1", "500"), 8),
    "lock_due_timer": (("1", "1", "500"), 12),
    "read_unpublished_batches": (("1000",), 4),
}  # fmt: skip
# Pages in the order of an index, as a search has them: without bitmaps. A third of the customers share an address and a
# number.
PAGES: Final[tuple[tuple[str, tuple[str, ...], int], ...]] = (
    ("find_names", ("1", "'ada'", "0", "'adb'", "51"), 60),
    ("find_customers_by_email", ("1", "0", "51", f"'person{N}@example.com'", "NULL", "NULL", "NULL"), 6),
    ("find_customers_by_email", ("1", f"{N}", "51", "'none@example.com'", "NULL", "NULL", "NULL"), 60),
    ("find_customers_by_phone", ("1", "0", "51", "NULL", f"'44{N}'", "NULL", "NULL"), 6),
    ("find_customers_by_phone", ("1", f"{N}", "51", "NULL", "'0'", "NULL", "NULL"), 60),
)


@pytest.fixture
async def session(new_database: NewDatabase) -> AsyncIterator[asyncpg.Connection]:
    """As a worker or the API has it; nobody analyses the tables unasked."""
    opened = await worker_session(await new_database())
    yield opened
    await opened.close()


async def _analyse(session: asyncpg.Connection) -> None:
    for table in TABLES:
        await session.execute(f"ANALYZE {table}")


async def test_reads_touch_what_their_answer_needs(session: asyncpg.Connection) -> None:
    """Without statistics, and with true ones."""
    await session.execute(FILL.format(first=1, last=ROWS))
    assert await _too_many(session) == []
    await _analyse(session)
    assert await _too_many(session) == []


async def test_reads_after_an_import_into_a_small_ledger(session: asyncpg.Connection) -> None:
    """The statistics are of the time when it was small."""
    await session.execute(FILL.format(first=1, last=AN_IMPORT_BEFORE))
    await _analyse(session)
    await session.execute(FILL.format(first=AN_IMPORT_BEFORE + 1, last=ROWS))
    assert await _too_many(session) == []


async def test_a_page_of_a_history_in_a_table_that_was_updated(session: asyncpg.Connection) -> None:
    """Sales that were returned moved to other pages, and later sales took their places, again and again."""
    await session.execute("INSERT INTO org (code) VALUES ('acme'); SET enable_seqscan = on")
    for start in range(0, HISTORY, HISTORY // 10):
        await session.execute(TRADE.format(first=start + 1, last=start + HISTORY // 10))
        await session.execute(RETURNS.format(before=start))
        await session.execute("VACUUM event")
    await session.execute("SET enable_seqscan = off")
    await session.execute("SELECT brin_summarize_new_values('event_no')")
    numbers = ", ".join(str(n << 12) for n in range(HISTORY - 1, 0, -HISTORY // 50))
    touched = await buffers_of(session, "read_causes", "1", f"ARRAY[{numbers}]")
    assert touched <= PAGE, touched


async def _too_many(session: asyncpg.Connection) -> list[tuple[str, str, int, int]]:
    """Statements and plans that touch more buffers than are enough: name, mode, touched, enough."""
    modes = ("force_custom_plan", "force_generic_plan")
    touched = [
        (name, mode, await buffers_of(session, name, *arguments, mode=mode), enough)
        for name, (arguments, enough) in READS.items()
        for mode in modes
    ]
    await session.execute("SET enable_bitmapscan = off")
    touched += [
        (name, mode, await buffers_of(session, name, *arguments, mode=mode), enough)
        for name, arguments, enough in PAGES
        for mode in modes
    ]
    await session.execute("RESET enable_bitmapscan")
    return [one for one in touched if one[2] > one[3]]
