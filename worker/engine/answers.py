"""The messages of a batch: new outcomes, and the stored outcomes of duplicates."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import structlog

from schemas.reasons import DeadLetterReason, Reason
from schemas.scalars import DAY_US
from worker.codec import Document, Message, Outlet
from worker.codec.encode import ENCODER_VERSION, REPLAYED
from worker.domain.decisions.deadlines import NOTICES
from worker.domain.state.books import Books
from worker.domain.state.outcome import TenderPart
from worker.engine.work import Work
from worker.ledger.queries import SQL, Connection
from worker.process import metrics
from worker.stored.codes import STATES
from worker.stored.event import EventFacts, Told

TENDER_STATE = "crm-tender-state"
CARD_FROZEN = NOTICES["frozen"]
_log = structlog.get_logger(__name__)
Headers = tuple[tuple[str, bytes], ...]


@dataclass(slots=True)
class Applied:
    """The messages of a committed batch. `ready`: a parked document became ready, so call `work` before waiting.

    Publish `accepted` first, then `messages`. `to_callers` has every outcome so far for each document of an interface,
    or the reason why there is none; a worker publishes these outcomes later.
    """

    messages: list[Message] = field(default_factory=list)
    batch_no: tuple[int, ...] = ()
    ready: bool = False
    to_callers: dict[Document, list[Message] | DeadLetterReason] = field(default_factory=dict)
    accepted: list[Message] = field(default_factory=list)

    def add(self, other: "Applied") -> None:
        self.to_callers |= other.to_callers
        self.messages += other.messages
        self.accepted += other.accepted
        self.batch_no += other.batch_no
        self.ready |= other.ready


class Answers:
    """Collects the duplicates of a batch, and makes the messages of all its documents in the batch's order."""

    def __init__(self, outlet: Outlet) -> None:
        self._outlet = outlet
        self._known: dict[Work, tuple[EventFacts | None, Work | None]] = {}
        self._states: dict[tuple[int, str], str] = {}
        self.conflicts: list[Document] = []

    @property
    def duplicates(self) -> int:
        return len(self._known)

    def stored(self, work: Work, facts: EventFacts | None) -> None:
        """Note a document that an earlier batch decided. `facts`: of its row."""
        self._known[work] = (facts, None)

    def same(self, work: Work, earlier: Work) -> None:
        """Note a document that is already in this batch."""
        self._known[work] = (None, earlier)

    async def add_states(self, connection: Connection, shelf: Iterable[Books]) -> None:
        """Read the present state of every tender whose outcome is published again (contract §1)."""
        keys = sorted({(work.org, work.subject) for work in self._known if work.type.startswith("scm.tender.")})
        if not keys:
            return
        self._states = await tender_states(connection, keys)
        for book in shelf:
            self._states |= {(book.org, tender.id): tender.state.value for tender in book.tenders.values()}

    def messages(self, works: Sequence[Work]) -> list[Message]:
        """Return the messages in the order of the documents."""
        return [message for work in works for message in self.of(work)]

    def of(self, work: Work) -> list[Message]:
        """Return the messages of one document."""
        if work in self._known:
            return self._again(work)
        if work.written is None:
            return []
        headers = trace(work.traceparent)
        messages = self._outlet.messages(
            work.orgcode, work.type, work.subject, work.step, work.written, headers, ENCODER_VERSION
        )
        if work.unsaid and work.facts is not None:
            earlier = again(self._outlet, work.orgcode, work.type, work.subject, work.facts.told, headers)
            return earlier + messages
        return messages

    def _again(self, work: Work) -> list[Message]:
        facts, earlier = self._known[work]
        outcomes: list[Told] = facts.told if facts is not None else []
        if earlier is not None and earlier.written is not None:
            outcomes = [(ENCODER_VERSION, earlier.written)]
        headers = (REPLAYED, *self._state(work), *trace(work.traceparent))
        return again(self._outlet, work.orgcode, work.type, work.subject, outcomes, headers)

    def _state(self, work: Work) -> Headers:
        state = self._states.get((work.org, work.subject)) if work.type.startswith("scm.tender.") else None
        return () if state is None else ((TENDER_STATE, state.encode()),)


def again(
    outlet: Outlet, orgcode: str, type_: str, subject: str, outcomes: Sequence[Told], headers: Headers
) -> list[Message]:
    """Return every outcome stored for a document, byte for byte."""
    return [
        message
        for step, (version, outcome) in enumerate(outcomes)
        for message in outlet.messages(orgcode, type_, subject, step, outcome, headers, version)
    ]


async def tender_states(connection: Connection, keys: Sequence[tuple[int, str]]) -> dict[tuple[int, str], str]:
    """Return the states of tenders by (org, tender_id). `keys` must be sorted."""
    rows = await connection.fetch(SQL["read_tender"], *zip(*keys, strict=True))
    return {keys[row["place"] - 1]: STATES[row["state"]].value for row in rows}


def trace(traceparent: bytes | None) -> Headers:
    return () if traceparent is None else (("traceparent", traceparent),)


def count(works: Sequence[Work]) -> None:
    """Count the outcomes of a committed batch in the metrics, and log the cards that wrong PINs froze."""
    for work in works:
        if work.outcome is not None and work.outcome.notice == CARD_FROZEN:
            _log.warning("card_frozen_by_pins", orgcode=work.orgcode, card_id=work.outcome.gift_cards[0].card_id)
    answered = Counter(
        (work.type, work.outcome.status, work.outcome.reason or "")
        if work.outcome is not None
        else (work.type, "parked", work.parked.reason if work.parked is not None else "")
        for work in works
        if work.written
    )
    metrics.count_documents(answered)
    for work in works:
        if work.model is not None and not work.resumed and work.record_us - work.model.occurred_at > DAY_US:
            metrics.LATE_DAYS.observe((work.record_us - work.model.occurred_at) / DAY_US)
        if work.written and work.outcome is not None:
            if work.outcome.mismatch is not None:
                metrics.MISMATCHES.labels(work.outcome.mismatch.value).inc()
            for what, amount in work.outcome.missing.items():
                metrics.MISSING.labels(what).inc(amount)
    _count_orphans(part for work in works if work.written and work.outcome is not None for part in work.outcome.tenders)


def _count_orphans(parts: Iterable[TenderPart]) -> None:
    for part in parts:
        if part.reason is Reason.NOT_IN_SALE:
            metrics.ORPHANS.labels("captured" if part.listed else "released").inc()
