"""One tenant decided in memory, as the pipeline does it: identities, decisions, what waits, what is due.

A document finds only what `needs` names for it, so that a decision cannot read what the ledger would not have loaded.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any, TypeVar

import orjson
import ormsgpack

from schemas.registry import DOCUMENTS
from schemas.scalars import DAY_US
from tests.domain.written import Written
from worker.codec import Document, DocumentOutcome, Keyring, Outlet
from worker.domain.decide import DECISIONS, Circumstances, decide, parked
from worker.domain.decisions import deadlines, needs
from worker.domain.decisions.needs import Needs
from worker.domain.state.accounts import Account, AccountType
from worker.domain.state.books import Books
from worker.domain.state.movements import Timer
from worker.domain.state.outcome import Outcome
from worker.domain.state.policy import PolicyBook
from worker.domain.state.sale import Return
from worker.ledger.load import accounts_of
from worker.stored.outcome import OutcomeV1
from worker.stored.packing import pack, unpack

Data = dict[str, Any]
Identity = tuple[str, str]
K = TypeVar("K")
V = TypeVar("V")

ORG = "acme"
KEY = b"k" * 32
OUTLET = Outlet("crm.outcomes", "crm.tender-outcomes", "crm-worker")


@cache
def keyring(org: str = ORG) -> Keyring:
    return Keyring(org, (KEY,))


def document(type_: str, data: Data, record_us: int, org: str = ORG, *, trusted: bool = False) -> Document:
    """A document as the codec makes it of `data`; `trusted`: as for an API key with the scope card:trusted."""
    doctype = DOCUMENTS[type_]
    keys = keyring(org)
    model = doctype.validate(data, keys)
    digest = keys.digest(doctype, model)
    return Document(org, type_, data[doctype.id_field], doctype, model, digest, keys, record_us, trusted=trusted)


class Guarded(dict[K, V]):
    """The whole state. A decision sees only the rows that were loaded for it, and those that it made."""

    def __init__(self) -> None:
        super().__init__()
        self.loaded: set[K] = set()

    def _look(self, key: K) -> None:
        if key not in self.loaded and dict.__contains__(self, key):
            raise AssertionError(f"{key} was not loaded: its type's needs do not name it")

    def __getitem__(self, key: K) -> V:
        self._look(key)
        return super().__getitem__(key)

    def get(self, key: K, default: Any = None) -> Any:  # noqa: ANN401  as dict has it
        self._look(key)
        return super().get(key, default)

    def __contains__(self, key: object) -> bool:
        self._look(key)  # type: ignore[arg-type]
        return super().__contains__(key)

    def __setitem__(self, key: K, value: V) -> None:
        self.loaded.add(key)
        super().__setitem__(key, value)


@dataclass
class Known:
    """An identity: its content, and every outcome so far."""

    digest: bytes
    outcomes: list[OutcomeV1] = field(default_factory=list)


@dataclass
class Waiting:
    """A parked document. `ready`: what it waited for has come."""

    type: str
    subject: str
    stored: Data
    received_us: int
    record_us: int
    due_us: int
    waits_for: tuple[str, str]
    ready: bool = False


class Room:
    """`read` a document, `work` off what became ready; both give what is published, as dicts."""

    def __init__(self, org: str = ORG) -> None:
        self.org = org
        self.books = Books(1, org, PolicyBook([]))
        self.accounts: Guarded[tuple[AccountType, str], Any] = Guarded()
        self.sales: Guarded[str, Any] = Guarded()
        self.tenders: Guarded[str, Any] = Guarded()
        self.entries: Guarded[Identity, Any] = Guarded()
        self.members: Guarded[str, Any] = Guarded()
        self.books.accounts, self.books.sales = self.accounts, self.sales
        self.returns: Guarded[str, Any] = Guarded()
        self.books.tenders, self.books.entries, self.books.returns = self.tenders, self.entries, self.returns
        self.books.members = self.members
        self.known: dict[Identity, Known] = {}
        self.parked: dict[Identity, Waiting] = {}
        self.timers: dict[tuple[str, str], Timer] = {}
        self.outcomes: list[Outcome] = []
        self.written = Written()
        self._mark = 0

    # --- what comes in

    def read(self, document: Document, received_us: int) -> list[Data]:
        """A document → what is published because of it."""
        identity = type_, subject = document.type, document.subject
        known = self.known.get(identity)
        if known is not None and known.digest != document.digest:
            return [{"dead_letter": "conflict", "type": type_, "subject": subject}]
        if known is not None:
            again = (self._told(type_, subject, step, stored) for step, stored in enumerate(known.outcomes))
            return [{**item, "replayed": True} for told in again for item in told]
        self.known[identity] = Known(document.digest)
        stored = document.doctype.dump(document.model)
        waiting = Waiting(type_, subject, stored, received_us, document.record_us, 0, ("", ""))
        return self._decide(waiting, document.model, received_us, trusted=document.trusted)

    def _decide(
        self,
        document: Waiting,
        model: Any,  # noqa: ANN401  one model a type
        now_us: int,
        *,
        resumed: bool = False,
        overdue: bool = False,
        trusted: bool = False,
    ) -> list[Data]:
        wanted = Needs(self.org)
        DECISIONS[document.type].needs(model, wanted)
        self._begin(wanted, document.received_us)
        at = Circumstances(document.record_us, resumed=resumed, overdue=overdue, trusted=trusted)
        result = decide(document.type, model, self.books, at)
        identity = (document.type, document.subject)
        if isinstance(result, Outcome):
            self.parked.pop(identity, None)
            outcome = result
        else:
            days = self.books.policies.at(model.occurred_at).policy.park_deadline_days
            document.due_us = document.received_us + days * DAY_US
            document.waits_for, document.ready = (result.waits_for, result.key), False
            self.parked[identity] = document
            outcome = parked(result, model)
        self._noted()
        if resumed and not isinstance(result, Outcome):
            return []
        self.outcomes.append(outcome)
        stored = OutcomeV1.restore(unpack(pack(OutcomeV1.of(outcome, document.subject, now_us).members())))
        self.known[identity].outcomes.append(stored)
        return self._told(document.type, document.subject, len(self.known[identity].outcomes) - 1, stored)

    def _begin(self, wanted: Needs, now_us: int) -> None:
        for store in (self.accounts, self.sales, self.tenders, self.entries, self.returns, self.members):
            store.loaded.clear()
        undone = self._undone(wanted)
        for token in wanted.tokens:
            if token in self.books.cards:
                wanted.accounts[AccountType.CARD, self.books.cards[token]] = None
        self.sales.loaded.update(wanted.sales)
        self.entries.loaded.update(wanted.entries)
        sales = [dict.__getitem__(self.sales, id_) for id_ in wanted.sales if dict.__contains__(self.sales, id_)]
        self.tenders.loaded.update(wanted.tenders)
        self.tenders.loaded.update(id_ for returned in undone for id_, _ in returned.refunds)
        self.accounts.loaded.update(wanted.accounts)
        self.accounts.loaded.update(key for returned in undone for key in accounts_of(returned))
        for sale in sales:
            self.tenders.loaded.update(wanted.tenders_with(sale))
            self.accounts.loaded.update((sale.account, (AccountType.POINTS, sale.customer_id)))
            self.accounts.loaded.update((AccountType.CARD, line.card_id) for line in sale.lines.values())
            self.accounts.loaded.update((AccountType.CARD, card_id) for card_id, _ in sale.loads)
        for store in (self.tenders, self.entries):
            for found in [store[key] for key in store.loaded if key in store]:  # type: ignore[index]
                self.accounts.loaded.update((found.account, (AccountType.POINTS, found.customer_id)))
        self._led_to(wanted)
        self._mark += 1
        self.books.begin(self._mark, now_us)

    def _led_to(self, wanted: Needs) -> None:
        """Load the accounts that others lead to, and the ids and members that lead to them."""
        for key in list(self.accounts.loaded):
            account = self.accounts.get(key)
            while account is not None and account.target is not None:
                self.accounts.loaded.add(account.target)
                account = self.accounts[account.target]
        for end in self._ends(wanted):
            self.accounts.loaded.update(self.books.leading.get((end.type, end.key), ()))
        self.members.loaded.update(wanted.members_of)
        for pool in wanted.members_of:
            for key in self.members.get(pool, ()):
                self.members[pool][key] = dict.__getitem__(self.accounts, (AccountType.POINTS, key)).standing

    def _ends(self, wanted: Needs) -> Iterator[Account]:
        """The accounts of which all that lead to them are wanted."""
        for customer_id in wanted.ids_of:
            if (holder := self.books.holder(customer_id)) is not None:
                yield self.books.person(holder)
        yield from (card for ref in wanted.replaced_by if (card := self.books.card(ref)) is not None)

    def _undone(self, wanted: Needs) -> list[Return]:
        """The returns that are voided, whose sales are wanted, too."""
        self.returns.loaded.update(wanted.returns)
        undone = [self.returns[id_] for id_ in wanted.undone if id_ in self.returns]
        wanted.sales |= {returned.sale_id: None for returned in undone if returned.sale_id}
        return undone

    def _noted(self) -> None:
        """Keep the changes of the decision as the ledger would, and the deadlines that it set."""
        self.written.keep(self.books)
        for timer in self.books.timers:
            self.timers.setdefault((timer.kind, timer.key), timer)
        for waiting in self.parked.values():
            about = ("sale", waiting.stored.get("sale_id"))
            itself = ("return" if waiting.type == "scm.return.completed" else "", waiting.subject)
            woken = {waiting.waits_for, about, itself} & self.books.woken.keys()
            waiting.ready |= bool(woken)
        self.books.timers.clear()
        self.books.woken.clear()

    def _told(self, type_: str, subject: str, step: int, stored: OutcomeV1) -> list[Data]:
        messages = OUTLET.messages(DocumentOutcome(self.org, type_, subject, step, stored))
        return [orjson.loads(message.value or b"") for message in messages]

    # --- what waits, what is due

    def work(self, now_us: int, *, deadlines_too: bool = True) -> Iterator[Data]:
        """Everything that may go on at `now_us`, until there is nothing left."""
        while due := [*self._ready(now_us), *(self._due(now_us) if deadlines_too else [])]:
            yield from due

    def in_turn(self) -> Iterator[Data]:
        """What waited for the document that was read last, and goes on right after it."""
        while told := self._ready(0):
            yield from told

    def _ready(self, now_us: int) -> list[Data]:
        told: list[Data] = []
        ready = [waiting for waiting in self.parked.values() if waiting.ready or waiting.due_us <= now_us]
        for waiting in sorted(ready, key=lambda waiting: waiting.received_us):
            model = DOCUMENTS[waiting.type].restore(ormsgpack.unpackb(ormsgpack.packb(waiting.stored)))
            told += self._decide(waiting, model, now_us, resumed=True, overdue=not waiting.ready)
        return told

    def _due(self, now_us: int) -> list[Data]:
        told: list[Data] = []
        for timer in sorted(
            (timer for timer in self.timers.values() if timer.due_us <= now_us), key=lambda t: t.due_us
        ):
            del self.timers[timer.kind, timer.key]
            wanted = Needs()
            needs.deadline(timer, wanted)
            self._begin(wanted, now_us)
            outcome = deadlines.due(timer, self.books)
            self._noted()
            if outcome is not None:
                subject = timer.key if timer.kind in ("hold", "forfeit") else f"{timer.key}\n{now_us}"
                self.outcomes.append(outcome)
                told += self._told(outcome.notice, subject, 0, OutcomeV1.of(outcome, subject, now_us))
        return told
