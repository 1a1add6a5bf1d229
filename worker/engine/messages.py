"""The messages of a batch: new outcomes, and the stored outcomes of duplicates."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from schemas.reasons import DeadLetterReason
from schemas.tuples import made
from worker.codec import Document, DocumentOutcome, Message, Outlet
from worker.codec.encode import ENCODER_VERSION, REPLAYED
from worker.domain.state.books import Books
from worker.engine.work import Work
from worker.ledger.queries import SQL, Connection
from worker.stored.codes import STATES
from worker.stored.event import EventFacts, VersionedOutcome
from worker.stored.outcome import OutcomeV1
from worker.stored.rows import Key

TENDER_STATE = "crm-tender-state"
Headers = tuple[tuple[str, bytes], ...]


@dataclass(slots=True)
class Applied:
    """The messages of a committed batch. `ready`: a parked document became ready, so call `catch_up` before waiting.

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


class BatchMessages:
    """Makes the messages of a batch's documents, new ones and duplicates, in the batch's order."""

    def __init__(self, outlet: Outlet) -> None:
        self._outlet = outlet
        self._known: dict[Work, tuple[EventFacts | None, Work | None]] = {}
        self._gone_on: dict[Key, OutcomeV1] = {}  # outcomes of parked documents that went on, with their messages made
        self._states: dict[tuple[int, str], str] = {}
        self.conflicts: list[Document] = []

    @property
    def duplicates(self) -> int:
        return len(self._known)

    def add_duplicate(self, work: Work, facts: EventFacts | None) -> None:
        """Note a document that an earlier batch decided. `facts`: of its row."""
        self._known[work] = (facts, None)

    def add_repeat(self, work: Work, earlier: Work) -> None:
        """Note a document that is in this batch already, as `earlier`."""
        self._known[work] = (None, earlier)

    async def add_states(self, connection: Connection, shelf: Iterable[Books]) -> None:
        """Read the present state of every tender whose outcome is published again (contract §1)."""
        keys = sorted({(work.org, work.subject) for work in self._known if work.type.startswith("scm.tender.")})
        if not keys:
            return
        self._states = await tender_states(connection, keys)
        for book in shelf:
            self._states |= {(book.org, tender.id): tender.state.value for tender in book.tenders.values()}

    def of_all(self, works: Sequence[Work]) -> list[Message]:
        """Return the messages of these documents, in their order."""
        return [message for work in works for message in self.of(work)]

    def of(self, work: Work) -> list[Message]:
        """Return the messages of one document, but for the outcome that it got after it was parked in this batch.

        Call this and `of_gone_on` in the order of the decisions: a duplicate repeats what was said before it.
        """
        if work in self._known:
            return self._of_duplicate(work)
        if work.stored_earlier is not None:
            return self._made(work, 0, work.stored_earlier)
        return self._latest(work)

    def of_gone_on(self, work: Work) -> list[Message]:
        """Return the messages of the outcome that a parked document got in this batch."""
        if work.stored_outcome is not None:
            self._gone_on[work.key] = work.stored_outcome
        return self._latest(work)

    def _latest(self, work: Work) -> list[Message]:
        if work.stored_outcome is None:
            return []
        messages = self._made(work, work.step, work.stored_outcome)
        if work.parked_unpublished and work.facts is not None:
            headers = trace_headers(work.traceparent)
            earlier = stored_messages(self._outlet, work.orgcode, work.type, work.subject, work.facts.outcomes, headers)
            return earlier + messages
        return messages

    def _made(self, work: Work, step: int, outcome: OutcomeV1) -> list[Message]:
        headers = trace_headers(work.traceparent)
        one = made(DocumentOutcome, (work.orgcode, work.type, work.subject, step, outcome, headers, ENCODER_VERSION))
        return self._outlet.messages(one)

    def _of_duplicate(self, work: Work) -> list[Message]:
        facts, earlier = self._known[work]
        outcomes: list[VersionedOutcome] = [] if facts is None else facts.outcomes
        first = None if earlier is None else earlier.stored_earlier or earlier.stored_outcome
        later = self._gone_on.get(work.key)
        outcomes = [*outcomes, *((ENCODER_VERSION, stored) for stored in (first, later) if stored is not None)]
        headers = (REPLAYED, *self._state(work), *trace_headers(work.traceparent))
        return stored_messages(self._outlet, work.orgcode, work.type, work.subject, outcomes, headers)

    def _state(self, work: Work) -> Headers:
        state = self._states.get((work.org, work.subject)) if work.type.startswith("scm.tender.") else None
        return () if state is None else ((TENDER_STATE, state.encode()),)


def stored_messages(
    outlet: Outlet, orgcode: str, type_: str, subject: str, outcomes: Sequence[VersionedOutcome], headers: Headers
) -> list[Message]:
    """Return every outcome stored for a document, byte for byte."""
    return [
        message
        for step, (version, outcome) in enumerate(outcomes)
        for message in outlet.messages(
            made(DocumentOutcome, (orgcode, type_, subject, step, outcome, headers, version))
        )
    ]


async def tender_states(connection: Connection, keys: Sequence[tuple[int, str]]) -> dict[tuple[int, str], str]:
    """Return the states of tenders by (org, tender_id). `keys` must be sorted."""
    rows = await connection.fetch(SQL["read_tender"], *zip(*keys, strict=True))
    return {keys[row["place"] - 1]: STATES[row["state"]].value for row in rows}


def trace_headers(traceparent: bytes | None) -> Headers:
    return () if traceparent is None else (("traceparent", traceparent),)
