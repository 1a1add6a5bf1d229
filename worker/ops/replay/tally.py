"""Count the effects of documents on the ledger, from the rows that they change: for plans and executions alike."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import ormsgpack

from schemas.registry import BY_CODE
from worker.codec import Document, Message
from worker.codec.encode import REPLAYED
from worker.domain.state.accounts import AccountType, Contra
from worker.domain.state.tender import State
from worker.ledger.changes import Changes, Key, Row
from worker.stored.codes import NOTICE_TYPES, STATE_CODE, STATUS_CODE, STATUSES
from worker.stored.event import facts_of

_PARKED: Final = STATUS_CODE["parked"]
_AUTHORIZED: Final = STATE_CODE[State.AUTHORIZED]
POINTS: Final = "points"
_COUNTERS: Final = ("decided", "settled", "refused", "booked", "published", "repeated")
_NUMBERS: Final = ("records", "skipped", "documents")
_ACCOUNT: Final = ("balance", "held", "version")


@dataclass(slots=True)
class AccountChange:
    """An account before and after: (balance, held, version); None: it did not exist."""

    orgcode: str
    kind: str
    id: str
    unit: str
    before: tuple[int, int, int] | None
    after: tuple[int, int, int]


@dataclass(slots=True)
class Tally:
    """Counts of documents, by name; keys of the counters are tuples for the tables that people read.

    `decided`: (type, status, reason) of new documents; `settled`: the same for documents that waited and are now
    decided. `refused`: dead letters by reason. `booked`: (tenant, contra account, unit, "in" or "out") → amount that
    went from it to accounts, or to it. `published` and `repeated`: messages by topic, of new outcomes and of outcomes
    that were stored before.
    """

    orgcode: Callable[[int], str]
    dead_letters: frozenset[str]
    records: int = 0
    skipped: int = 0
    documents: int = 0
    decided: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    settled: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    booked: Counter[tuple[int, str, str, str]] = field(default_factory=Counter)
    published: Counter[str] = field(default_factory=Counter)
    repeated: Counter[str] = field(default_factory=Counter)
    _earlier_accounts: int = 0
    _accounts: dict[bytes, bytes] = field(default_factory=dict)
    _waiting: set[Key] = field(default_factory=set)
    _opened: dict[Key, tuple[str, int]] = field(default_factory=dict)

    @property
    def new(self) -> int:
        return self.decided.total()

    @property
    def known(self) -> int:
        """Count documents that the ledger has already, or that come twice in the range."""
        return self.documents - self.new - self.conflicts - self.unbookable

    @property
    def conflicts(self) -> int:
        return self.refused["conflict"]

    @property
    def unbookable(self) -> int:
        """Count decoded documents that the ledger can't take."""
        return self.refused["refused_by_database"] + self.refused["failed"]

    @property
    def parked(self) -> int:
        """Count new documents that still wait at the end."""
        return len(self._waiting)

    def count(self, items: Sequence[object], chosen: Sequence[object], messages: Sequence[Message]) -> None:
        """Count a slice of the range: its selected records and their messages."""
        self.records += len(items)
        self.skipped += len(items) - len(chosen)
        self.documents += sum(isinstance(item, Document) for item in chosen)
        for message in messages:
            if message.topic in self.dead_letters:
                self.refused[_reason(message)] += 1
            elif REPLAYED in message.headers:
                self.repeated[message.topic] += 1
            else:
                self.published[message.topic] += 1

    def add(self, changes: Changes) -> None:
        """Count the changes of one transaction."""
        for key, (before, after) in changes.rows["event"].items():
            if after is not None:
                self._event(key, before, after)
        for key, (before, after) in changes.rows["account"].items():
            if after is not None:
                self._account(key, before, after)
        for key, (before, after) in changes.rows["tender"].items():
            if after is not None:
                self._tender(key, before, after)
        for row in changes.transfers:
            self._transfer(row, changes.accounts)

    def _event(self, key: Key, before: Row | None, after: Row) -> None:
        code = key[1]
        facts = after.get("facts")
        if facts is None or (before is not None and before.get("facts") == facts):
            return
        type_ = NOTICE_TYPES.get(code) or BY_CODE[code].name
        last = facts_of(facts).last
        what = (type_, STATUSES[last.status], last.reason or "")
        waited = before is not None and before.get("digest") is not None and before.get("status") == _PARKED
        (self.settled if waited or code in NOTICE_TYPES else self.decided)[what] += 1
        if last.status == _PARKED:
            self._waiting.add(key)
        else:
            self._waiting.discard(key)

    def _account(self, key: Key, before: Row | None, after: Row) -> None:
        packed = ormsgpack.packb(key)
        known = self._accounts.get(packed)
        first = ormsgpack.unpackb(known)[1] if known else [before[name] for name in _ACCOUNT] if before else None
        now = [after[name] for name in _ACCOUNT]
        if known or first != now:
            self._accounts[packed] = ormsgpack.packb([after.get("currency") or "", first, now])

    def _tender(self, key: Key, before: Row | None, after: Row) -> None:
        was = before is not None and before["state"] == _AUTHORIZED
        is_ = after["state"] == _AUTHORIZED
        if is_ and not was:
            self._opened[key] = (after["kind"], after["approved_minor"])
        elif was and not is_:
            self._opened.pop(key, None)

    def _transfer(self, row: Row, accounts: dict[int, Row]) -> None:
        for side, way in (("debit", "in"), ("credit", "out")):
            if row[side] < 0:
                other = accounts.get(row["credit" if side == "debit" else "debit"])
                unit = POINTS if other is None else (other.get("currency") or POINTS)
                self.booked[row["org"], Contra(row[side]).name.lower(), unit, way] += row["amount"]

    @property
    def opened(self) -> Iterator[tuple[str, str, str, int]]:
        """Return (tenant, tender_id, kind, amount_minor) of each hold that was opened and is still open."""
        for (org, tender_id), (kind, amount) in self._opened.items():
            yield self.orgcode(org), tender_id, kind, amount

    @property
    def accounts(self) -> Iterator[AccountChange]:
        """Return every changed account, by tenant, type and id."""
        for packed in sorted(self._accounts):
            org, type_, id_ = ormsgpack.unpackb(packed)
            currency, before, after = ormsgpack.unpackb(self._accounts[packed])
            if before != after:
                yield AccountChange(
                    self.orgcode(org), AccountType(type_).name.lower(), id_, currency or POINTS,
                    None if before is None else tuple(before), tuple(after),
                )  # fmt: skip

    def to_json(self) -> dict[str, Any]:
        """Return the counts, for programs and for comparison; without the single accounts."""
        opened: Counter[tuple[str, str]] = Counter()
        amounts: Counter[tuple[str, str]] = Counter()
        for orgcode, _, kind, amount in self.opened:
            opened[orgcode, kind] += 1
            amounts[orgcode, kind] += amount
        return {
            "records": self.records,
            "not_selected": self.skipped,
            "known": self.known,
            "new": self.new,
            "conflict": self.conflicts,
            "parked": self.parked,
            "dead_letters": dict(sorted(self.refused.items())),
            "decided": _table(("type", "status", "reason", "documents"), self.decided),
            "settled": _table(("type", "status", "reason", "documents"), self.settled),
            "accounts": self._all_accounts(),
            "booked": _table(("orgcode", "contra", "unit", "way", "amount"), self._named_booked()),
            "holds": [
                {"orgcode": orgcode, "kind": kind, "holds": count, "amount_minor": amounts[orgcode, kind]}
                for (orgcode, kind), count in sorted(opened.items())
            ],
            "messages": [
                {"topic": topic, "new": self.published[topic], "again": self.repeated[topic]}
                for topic in sorted({*self.published, *self.repeated})
            ],
        }

    def _named_booked(self) -> Counter[tuple[str, ...]]:
        return Counter({(self.orgcode(org), *what): amount for (org, *what), amount in self.booked.items()})

    def stored(self) -> dict[str, Any]:
        """Return the counts as JSON, for `restore`: all but the single accounts and holds."""
        counters = {name: [[key, count] for key, count in getattr(self, name).items()] for name in _COUNTERS}
        return {
            **counters,
            **{name: getattr(self, name) for name in _NUMBERS},
            "accounts": self._earlier_accounts + len(self._accounts),
        }

    def restore(self, stored: dict[str, Any]) -> None:
        """Continue counting from stored counts. An account that changes before and after counts twice."""
        for name in _COUNTERS:
            counter = getattr(self, name)
            for key, count in stored[name]:
                counter[tuple(key) if isinstance(key, list) else key] += count
        for name in _NUMBERS:
            setattr(self, name, getattr(self, name) + stored[name])
        self._earlier_accounts = stored["accounts"]

    def _all_accounts(self) -> int:
        return self._earlier_accounts + sum(1 for _ in self.accounts)


def _table(names: Sequence[str], counter: Counter[Any]) -> list[dict[str, Any]]:
    return [dict(zip(names, (*key, count), strict=True)) for key, count in sorted(counter.items())]


def _reason(message: Message) -> str:
    """Return why it is a dead letter. The record may have a header of this name, too; it comes before ours."""
    return next((value or b"").decode() for name, value in reversed(message.headers) if name == "crm-reason")
