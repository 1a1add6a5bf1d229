"""A database of every release, migrated by today's code: the same answers, no conflict, the same balances."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass

import asyncpg
import pytest

from tests.codec.records import envelope
from tests.ledger.conftest import BROKEN_CHAINS, said
from tests.upgrade import release
from tests.upgrade.release import Recorded, Said
from tests.upgrade.worker import Clocked
from worker.codec import Message
from worker.ledger.setup import set_up
from worker.stored.account import last4_of
from worker.stored.folded import folded

YEAR_US = 366 * 86_400_000_000
HELD = "SELECT org, kind, key, balance, held, deficit, version, standing FROM account ORDER BY 1, 2, 3"
TENDERS = "SELECT org, id, state, approved_minor, captured_minor, refunded_minor FROM tender ORDER BY 1, 2"
EVENTS = "SELECT count(*) FROM event WHERE digest IS NOT NULL"
LEDGER = (HELD, TENDERS, EVENTS, "SELECT count(*), sum(amount) FROM transfer", "SELECT * FROM imbalance", BROKEN_CHAINS)


@dataclass
class Upgraded:
    """A release's database under today's code. `before`: what the ledger held when it was restored."""

    release: str
    documents: list[Recorded]
    published: dict[str, Said]
    before: list[list[tuple[object, ...]]]
    connection: asyncpg.Connection
    worker: Clocked

    async def held(self) -> list[list[tuple[object, ...]]]:
        return await _held(self.connection)


async def _held(connection: asyncpg.Connection) -> list[list[tuple[object, ...]]]:
    return [[tuple(row) for row in await connection.fetch(statement)] for statement in LEDGER]


@pytest.fixture(params=release.releases())
async def upgraded(request: pytest.FixtureRequest, empty_database: str) -> AsyncIterator[Upgraded]:
    connection = await asyncpg.connect(empty_database)
    await release.restore(connection, request.param)
    before = await _held(connection)
    await set_up(empty_database)
    documents = release.documents(request.param)
    worker = await Clocked.open(empty_database, max(one.timestamp_ms for one in documents) * 1000)
    yield Upgraded(request.param, documents, release.published(request.param), before, connection, worker)
    await worker.close()
    await connection.close()


def shown(messages: list[Message]) -> list[Said]:
    return [Said.of(message) for message in messages]


async def test_every_document_is_answered_again_with_the_same_bytes(upgraded: Upgraded) -> None:
    for one in upgraded.documents:
        messages = await (upgraded.worker.read([one]) if one.topic else upgraded.worker.ask(one))
        assert shown(messages) == [upgraded.published[id_] for id_ in one.outcomes], (one.org, one.type, one.subject)
    assert await upgraded.held() == upgraded.before


async def test_rows_of_the_release_are_found(upgraded: Upgraded) -> None:
    """By name, e-mail and phone; a card by the last four that its account has packed."""
    fetch = upgraded.connection.fetch
    profiles = await fetch("SELECT name, email, phone, name_folded, email_folded, phone_digits FROM customer")
    assert [folded(*row[:3]) for row in profiles] == [tuple(row[3:]) for row in profiles]
    cards = await fetch(
        "SELECT a.extra, n.last4 FROM card_number n"
        " JOIN account a ON a.org = n.org AND a.kind = 1 AND a.key = n.card_id"
    )
    assert [(last4_of(card["extra"]) or "").upper() for card in cards] == [card["last4"] for card in cards]
    assert len(cards) > 1
    assert any(name for name, *_ in profiles)


async def test_unpublished_outcomes_are_published_with_the_same_bytes(upgraded: Upgraded) -> None:
    """Outcomes and notices alike, as if the release had died before it published anything."""
    await upgraded.connection.execute("UPDATE batch SET worker = 0, published_at = NULL")
    swept = {said.id: said for said in shown(await upgraded.worker.sweep())}
    assert swept == upgraded.published
    assert await upgraded.held() == upgraded.before


async def test_open_work_of_the_release_goes_on(upgraded: Upgraded) -> None:
    """Deadlines pass, every tender and every sale is voided: each stored row is read, changed and written."""
    upgraded.worker.now_us += YEAR_US
    messages = await upgraded.worker.rest()
    latest_ms = max(one.timestamp_ms for one in upgraded.documents)
    voidable = ("scm.tender.requested", "scm.sale.completed")
    voids = [_void(one, latest_ms) for one in upgraded.documents if one.type in voidable]
    messages += await upgraded.worker.read(voids)
    messages += await upgraded.worker.rest()
    final = {(one["orgcode"], one["subject"]) for one in said(messages) if one["data"]["status"] != "parked"}
    assert {(void.org, void.subject) for void in voids} <= final
    assert await upgraded.connection.fetchval("SELECT sum(held) FROM account") == 0
    assert await upgraded.connection.fetch("SELECT * FROM imbalance") == []
    assert await upgraded.connection.fetch(BROKEN_CHAINS) == []


async def test_a_return_that_the_release_decided_is_not_undone(upgraded: Upgraded) -> None:
    """0.1.0 did not store what undoing it takes, so its void is rejected, and moves nothing."""
    returns = [one for one in upgraded.documents if one.type == "scm.return.completed"]
    latest_ms = max(one.timestamp_ms for one in upgraded.documents)
    told = said(await upgraded.worker.read([_void(one, latest_ms) for one in returns]))
    voids = [one["data"] for one in told if one["type"] == "crm.outcome.return.voided"]
    assert len(voids) == len(returns)
    assert {(one["status"], one.get("reason")) for one in voids} == {("rejected", "invalid_state"), ("applied", None)}
    assert (await upgraded.held())[:2] == upgraded.before[:2]


def _void(one: Recorded, timestamp_ms: int) -> Recorded:
    noun = one.type.split(".")[1]
    type_ = f"scm.{noun}.voided"
    data = {f"{noun}_id": one.subject, "occurred_at": "2026-11-20T12:00:00Z"}
    value = json.dumps(envelope(type_, one.subject, data, orgcode=one.org))
    return Recorded(one.org, type_, one.subject, "scm.sales", timestamp_ms, value, ())
