"""Tie-out by store and business day: what the tills' documents ask, what the ledger booked, and what was published.

The tills' side comes from the records of the input topics (`claims`), the ledger's from tenders and transfers, and the
published side from the outcomes on their topics (`told`). Amounts that an outcome refuses with a reason are `short`.
Asked less short, booked and told must be equal, for each document.
"""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final, NamedTuple

from schemas.reasons import Reason
from worker.codec import Outlet
from worker.domain.state.accounts import AccountType
from worker.domain.state.outcome import TenderPart
from worker.domain.state.tender import State
from worker.engine.messages import stored_messages
from worker.ledger.queries import SQL
from worker.ledger.unpublished import Stored, stored_of
from worker.ops.audit.claims import CAPTURE, RETURN, SALE, Claim, Claims, Part
from worker.ops.audit.contents import ARCHIVED, Booked
from worker.ops.audit.finding import Finding
from worker.ops.audit.told import Found, Id, Told
from worker.stored.codes import PLACES, STATUSES

_AT_ONCE: Final = 2000
_PLAIN: Final = ("approved", "applied")
_TAKEN: Final = ("applied", "partial")
_NOTHING: Final = (0, 0)
_KINDS: Final = {"gift_card": "gift cards", "points": "points"}
Amounts = tuple[int, int]
"""Captured and refunded."""


@dataclass(slots=True)
class Line:
    """The sums of a store's day, in minor units. `documents`: how many ask."""

    orgcode: str
    store: str
    day: date
    what: str
    currency: str
    documents: int = 0
    asked: int = 0
    short: int = 0
    booked: int = 0
    told: int = 0


class _Seen(NamedTuple):
    """The latest outcome that shows a tender."""

    amounts: Amounts
    ids: tuple[Id, ...]


@dataclass(slots=True)
class _Decided:
    """A decided document that asks. `before`: its tenders as they were; `parts`: as its outcome shows them. `whole`:
    neither its status nor a gift card gives a reason for less than it asks. `refused`: nothing of it counts.
    """

    ids: tuple[Id, ...]
    refused: bool
    whole: bool
    before: Mapping[str, Amounts]
    parts: Mapping[str, TenderPart]
    cards_minor: int  # change of gift cards, as the outcome shows it
    booked_minor: int | None  # change of gift cards, as booked; None: archived


class _Sums(NamedTuple):
    what: str
    asked: int
    short: int
    booked: int
    told: int


@dataclass(slots=True)
class TieOut:
    """`claims` are complete before `check` runs, which fills `lines`."""

    connection: Any
    outlet: Outlet
    claims: Claims
    told: Told
    progress: Callable[[str], None]
    lines: list[Line] = field(default_factory=list)
    _tenders: dict[tuple[str, str], _Seen] = field(default_factory=dict)
    _owners: dict[tuple[str, str], str] = field(default_factory=dict)  # the sale that a tender pays: the first
    _decided: dict[tuple[str, str, str], _Decided] = field(default_factory=dict)
    _sold_cards: frozenset[tuple[str, str | None]] = frozenset()

    async def check(self) -> AsyncIterator[Finding]:
        """Return each outcome that is not as published, then each document whose three amounts differ."""
        await self.told.begin(PLACES)
        self._sold_cards = frozenset(
            (one.orgcode, one.subject) for one in self.claims.found.values() if one.loads_minor
        )
        await self._read_ledger()
        async for finding in self.told.read():
            yield finding
        rows = await self._rows()
        by_line: dict[tuple[Any, ...], Line] = {}
        for at, claim in self.claims.found.items():
            for one in self._sums(claim, self._decided.get(at), rows):
                key = claim.orgcode, claim.store, claim.day, one.what, claim.currency
                line = by_line.setdefault(key, Line(*key))
                line.documents += 1
                for name in ("asked", "short", "booked", "told"):
                    setattr(line, name, getattr(line, name) + getattr(one, name))
                if not one.asked - one.short == one.booked == one.told:
                    less = f", {one.short} of it refused" if one.short else ""
                    what = f"{one.what}: {one.asked} asked{less}, {one.booked} booked, {one.told} told"
                    where = f" ({claim.store or 'no store'}, {claim.day})"
                    yield Finding("tie-out", claim.orgcode, f"{claim.type} {claim.subject}{where}", what)
        self.lines += [by_line[key] for key in sorted(by_line)]

    async def _read_ledger(self) -> None:
        archived = await self.connection.fetchval(ARCHIVED)
        booked = Booked(await self.connection.cursor(SQL["audit_booked"]))
        moved: Mapping[tuple[int, int], list[tuple[int, str, int]]] = {}
        done, latest = 0, -1
        async for row in self.connection.cursor(SQL["audit_outcomes"], *[None] * 5, prefetch=_AT_ONCE):
            one, no = stored_of(row, maybe_published=True), row["no"]
            messages = stored_messages(self.outlet, one.orgcode, one.type, one.subject, one.outcomes, ())
            ids = self.told.expect(no, no >> PLACES << PLACES, one.outcomes[-1][1].time_us, messages)
            if no != latest:  # documents of two tenants may have one number
                latest, moved = no, await booked.until(no)
            cards = sum(amount for type_, _, amount in moved.get((no, one.org), ()) if type_ == AccountType.CARD)
            self._decide(one, ids, None if no < archived else cards)
            done += 1
            if not done % _AT_ONCE:
                self.progress(f"tie-out: {done:,} documents")

    def _decide(self, one: Stored, ids: tuple[Id, ...], booked_minor: int | None) -> None:
        last = one.outcomes[-1][1]
        parts = {part.tender_id: part for part in (last.tender, *last.tenders) if part is not None}
        claim = self.claims.found.get((one.orgcode, one.type, one.subject))
        if claim is not None:
            before = {id_: self._amounts(one.orgcode, id_) for id_ in parts}
            cards = sum(card.change_minor for card in last.gift_cards if card.currency == claim.currency)
            refused = STATUSES[last.status] == "rejected"
            whole = STATUSES[last.status] in _PLAIN and not any(card.reason for card in last.gift_cards)
            made = _Decided(ids, refused, whole, before, parts, cards, booked_minor)
            self._decided[one.orgcode, one.type, one.subject] = made
            if claim.type == SALE and not refused:
                for id_, part in parts.items():
                    if part.reason != Reason.INVALID_STATE:
                        self._owners.setdefault((one.orgcode, id_), one.subject)
        if one.type == CAPTURE and STATUSES[last.status] not in _TAKEN:
            self.claims.captures.pop((one.orgcode, one.subject), None)
        for id_, part in parts.items():
            self._tenders[one.orgcode, id_] = _Seen((part.captured_minor, part.refunded_minor), ids)

    def _amounts(self, orgcode: str, tender_id: str) -> Amounts:
        seen = self._tenders.get((orgcode, tender_id))
        return _NOTHING if seen is None else seen.amounts

    async def _rows(self) -> dict[tuple[str, str], Amounts]:
        """Return what the ledger's tenders say of those that the tills name."""
        wanted = {(one.orgcode, part.tender_id) for one in self.claims.found.values() for part in one.parts}
        rows: dict[tuple[str, str], Amounts] = {}
        named = sorted(wanted)
        for keys in (named[start : start + _AT_ONCE] for start in range(0, len(named), _AT_ONCE)):
            found = await self.connection.fetch(SQL["audit_captured"], *zip(*keys, strict=True))
            rows |= {keys[row["place"] - 1]: (row["captured_minor"], row["refunded_minor"]) for row in found}
        return rows

    # --- one document

    def _sums(self, claim: Claim, decided: _Decided | None, rows: Mapping[tuple[str, str], Amounts]) -> Iterator[_Sums]:
        pays = claim.type == SALE
        for part in claim.parts:
            what = f"{'paid with' if pays else 'refunded to'} {_KINDS[part.kind]}"
            if decided is None:
                yield _Sums(what, part.amount_minor, 0, 0, 0)
            elif pays:
                yield self._paid(what, claim, part, decided, rows)
            else:
                yield self._refunded(what, claim, part, decided, rows)
        if claim.loads_minor:
            what = "loaded on gift cards" if pays else "refunded to other gift cards"
            yield _Sums(what, claim.loads_minor, 0, 0, 0) if decided is None else self._loaded(what, claim, decided)

    def _paid(
        self, what: str, claim: Claim, part: Part, decided: _Decided, rows: Mapping[tuple[str, str], Amounts]
    ) -> _Sums:
        at = claim.orgcode, part.tender_id
        asked = min(part.amount_minor, self.claims.captures.get(at, part.amount_minor))
        mine = decided.parts.get(part.tender_id)
        nothing = decided.refused or self._owners.get(at) != claim.subject
        if mine is None or nothing or mine.state == State.VOIDED:  # before the sale, so all of it was given back
            return _Sums(what, asked, 0 if mine is None and decided.whole else asked, 0, 0)
        latest = self._tenders[at]
        captured = latest.amounts[0]
        excused = not decided.whole or mine.reason is not None or mine.state != State.CAPTURED
        short = max(0, asked - captured) if excused else 0
        told = self._told(latest.ids, part.tender_id, "captured_minor", captured)
        return _Sums(what, asked, short, rows.get(at, _NOTHING)[0], told)

    def _refunded(
        self, what: str, claim: Claim, part: Part, decided: _Decided, rows: Mapping[tuple[str, str], Amounts]
    ) -> _Sums:
        at = claim.orgcode, part.tender_id
        mine = decided.parts.get(part.tender_id)
        if mine is None:
            return _Sums(what, part.amount_minor, 0 if decided.whole else part.amount_minor, 0, 0)
        before = decided.before[part.tender_id][1]
        given = mine.refunded_minor - before
        short = max(0, part.amount_minor - given) if not decided.whole or mine.reason is not None else 0
        told = self._told(decided.ids, part.tender_id, "refunded_minor", mine.refunded_minor, before)
        latest = self._tenders[at]
        # A difference between the ledger's tender and its latest outcome is the latest return's.
        booked = given + (rows.get(at, _NOTHING)[1] - latest.amounts[1] if latest.ids == decided.ids else 0)
        return _Sums(what, part.amount_minor, short, booked, told)

    def _loaded(self, what: str, claim: Claim, decided: _Decided) -> _Sums:
        """What came to gift cards is the change of all cards, less that of the cards that pay or are refunded."""
        paid = 0
        for id_, part in decided.parts.items():
            captured, refunded = decided.before[id_]
            if part.points is None:
                paid += part.captured_minor - captured - (part.refunded_minor - refunded)
        loaded, told = decided.cards_minor + paid, 0
        match self.told.found(decided.ids):
            case Found.OTHERWISE:
                cards = [card for id_ in decided.ids for card in self.told.forged.get(id_, {}).get("gift_cards", ())]
                told = paid + sum(card["change_minor"] for card in cards if card["currency"] == claim.currency)
            case Found.AS_STORED | Found.EXCUSED:
                told = loaded
        asked = claim.loads_minor
        if claim.type == RETURN and loaded < asked and (claim.orgcode, claim.sale_id) in self._sold_cards:
            asked = loaded  # it takes back the load of a card that the sale sold, and does not say how much that is
        short = max(0, asked - loaded) if not decided.whole else 0
        return _Sums(what, asked, short, loaded if decided.booked_minor is None else decided.booked_minor + paid, told)

    def _told(self, ids: tuple[Id, ...], tender_id: str, name: str, stored: int, before: int = 0) -> int:
        """Return an amount of a tender as it was published, less what it was `before`; 0 if it was not."""
        match self.told.found(ids):
            case Found.MISSING:
                return 0
            case Found.OTHERWISE:
                for id_ in ids:
                    data = self.told.forged.get(id_, {})
                    for part in (data.get("tender"), *data.get("tenders", ())):
                        if part and part["tender_id"] == tender_id:
                            return int(part[name]) - before
        return stored - before
