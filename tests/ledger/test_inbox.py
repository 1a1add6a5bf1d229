"""The inbox of dead letters: in the batch's own transaction, one row a source position, closed by the repair."""

from collections.abc import Sequence
from typing import Any

import asyncpg
import orjson
import pytest

from tests.codec.records import Data, Record
from tests.domain.room import keyring
from tests.ledger.conftest import NOW_US, Open, Worker, record
from tests.ledger.documents import sold
from tests.ledger.measure import buffers_of
from tests.ledger.test_failures import BAD, failing
from worker.codec.interface import document
from worker.domain.decide import DECISIONS
from worker.engine.batch import Batch
from worker.engine.messages import BatchMessages
from worker.ledger import inbox
from worker.ledger.inbox import Chosen, Group, Letter, LetterState

CARD_LIKE = "6006490000000017"  # as a sale's id: nobody may read it in a dead letter


def sale(sale_id: str, **data: object) -> Data:
    (line,) = orjson.loads(sold(sale_id).value or b"")["data"]["lines"]
    return {**orjson.loads(sold(sale_id).value or b"")["data"], "lines": [line, line | {"line_id": 2}], **data}


def spoilt(sale_id: str, *path: str | int) -> Record:
    """A sale with a text where a whole number belongs."""
    data: Any = sale(sale_id)
    inner = data
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = "much"
    return record("scm.sale.completed", data)


async def groups(worker: Worker, state: LetterState = LetterState.OPEN) -> list[Group]:
    async with worker.pool.transaction() as connection:
        return await inbox.groups(connection, state)


async def letters(worker: Worker) -> list[Letter]:
    async with worker.pool.transaction() as connection:
        rows = await connection.fetch("SELECT id FROM dead_letter_group ORDER BY id")
        return [one for row in rows for one in await inbox.letters(connection, Chosen(row["id"]))]


async def states(worker: Worker) -> list[str]:
    return [one.state.value for one in await letters(worker)]


async def test_letters_with_one_cause_are_one_group(worker: Worker) -> None:
    refused = [spoilt("S1", "lines", 0, "net_minor"), spoilt("S2", "lines", 1, "net_minor"), Record(b"{", offset=900)]
    await worker.read([*refused, sold("S3")])
    both, other = await groups(worker)
    assert (both.letters, both.reason, both.path, both.type, both.orgcode) == (
        2, "invalid", "lines[].net_minor", "scm.sale.completed", "acme",
    )  # fmt: skip
    assert both.detail == "lines[0].net_minor: a whole number of minor units, without quotes"
    assert (other.letters, other.reason, other.type, other.orgcode) == (1, "not_json", "", "")
    assert both.oldest_ms == {refused[0].topic: NOW_US // 1000}
    assert orjson.loads(both.sample or b"")["subject"] == "S1"


async def test_the_same_letter_twice_is_one_row_with_attempt_two(worker: Worker) -> None:
    refused = spoilt("S1", "lines", 0, "net_minor")
    await worker.read([refused])
    await worker.read([refused])
    (letter,) = await letters(worker)
    assert (letter.attempts, letter.state, letter.subject) == (2, LetterState.OPEN, "S1")
    assert str(letter.position) == f"{refused.topic}-{refused.partition}@{refused.offset}"


@pytest.mark.parametrize("at_door", [False, True])
@pytest.mark.parametrize("sale_id", ["S1", CARD_LIKE])
async def test_the_repaired_document_resolves_it(worker: Worker, sale_id: str, at_door: bool) -> None:  # noqa: FBT001
    await worker.read([spoilt(sale_id, "lines", 0, "net_minor"), spoilt("S2", "lines", 0, "net_minor")])
    if at_door:
        repaired = document("scm.sale.completed", sale(sale_id), keyring(), NOW_US, trusted=False, traceparent=None)
        await worker.apply(Batch([repaired], NOW_US), {})
    else:
        await worker.read([record("scm.sale.completed", sale(sale_id))])
    found = await letters(worker)
    assert [one.state for one in found] == [LetterState.RESOLVED, LetterState.OPEN]
    assert found[0].subject == ("S1" if sale_id == "S1" else "***")
    assert CARD_LIKE not in repr(found)


async def test_a_letter_that_comes_after_its_repaired_document_is_resolved_from_the_start(worker: Worker) -> None:
    await worker.read([record("scm.sale.completed", sale("S1"))])
    await worker.read([spoilt("S1", "lines", 0, "net_minor")])
    assert await states(worker) == ["resolved"]


async def test_a_conflict_stays_open_though_its_document_is_there(worker: Worker) -> None:
    await worker.read([sold("S1"), sold("S1", store_id="other")])
    assert await states(worker) == ["open"]
    assert [one.reason for one in await groups(worker)] == ["conflict"]


async def test_a_batch_that_is_not_committed_leaves_no_letter(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("what can't be told must not be booked")

    with monkeypatch.context() as patch:
        patch.setattr(BatchMessages, "of", fail)
        with pytest.raises(RuntimeError):
            await worker.read([Record(b"{", offset=7), sold("S1")])
    assert await letters(worker) == []
    await worker.read([Record(b"{", offset=7), sold("S1")])
    assert await states(worker) == ["open"]


async def test_a_document_on_which_the_program_fails_is_in_the_inbox_with_the_others(
    another: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = await another(crash=False)
    with monkeypatch.context() as patch:
        patch.setitem(DECISIONS, "scm.sale.completed", failing("scm.sale.completed"))
        await worker.read([sold("S1"), sold(BAD), Record(b"{", offset=901), sold("S2")])
    assert sorted(one.reason for one in await letters(worker)) == ["failed", "not_json"]
    await worker.read([sold(BAD)])  # published again, once the program is repaired
    assert sorted(await states(worker)) == ["open", "resolved"]


FILL = """
INSERT INTO dead_letter_group (reason, path, type, orgcode, detail)
    SELECT 'invalid', 'lines[].' || n, 'scm.sale.completed', 'acme', 'lines[0].' || n || ': what would be right'
    FROM generate_series(1, 3) n;
INSERT INTO dead_letter (topic, partition, "offset", record_ms, group_id, state, subject, version, detail, identity)
    SELECT 'scm.sales', n % 6, n, n, 1 + n % 3, CASE WHEN n % 10 = 0 THEN 'resolved' ELSE 'open' END, 'S' || n, '0.1.0',
           'lines[0].net_minor: a whole number of minor units, without quotes', decode(md5(n::text), 'hex')
    FROM generate_series(1, 100000) n;
"""


async def test_a_hundred_thousand_letters_with_three_causes_are_three_groups(
    worker: Worker, connection: asyncpg.Connection
) -> None:
    await connection.execute(FILL)
    await connection.execute("VACUUM ANALYZE dead_letter")
    found: Sequence[Group] = await groups(worker)
    assert [one.letters for one in found] == [30_000] * 3
    # One pass over the rows is 2,400 pages; a look at each of them would be 100,000.
    assert await buffers_of(connection, "read_dead_letter_groups", "'open'", "NULL") < 5000
