"""A work item: one document or deadline, from the moment when a batch takes it until it is written."""

from collections.abc import Sequence
from typing import Any, Self

from schemas.registry import BY_CODE
from schemas.tuples import made
from worker.codec import Document
from worker.domain import decide
from worker.domain.decisions.deadlines import NOTICES, notice_subject
from worker.domain.state.movements import Timer
from worker.domain.state.outcome import Outcome, Parked
from worker.ledger.deadlines import Deadline
from worker.ledger.parked import Resumable
from worker.stored.codes import NOTICE_CODES, event_no
from worker.stored.event import EventFacts, Source, Wait, facts_of, pack_first
from worker.stored.outcome import OutcomeV1
from worker.stored.parked import parked_of
from worker.stored.rows import Key


class Work:
    """A document from a topic or an interface, a parked one that goes on, or a timer that is due.

    No dataclass: mypyc leaves the constructor of one to the interpreter, and there is a work for each document.
    """

    __slots__ = (
        "awaited", "code", "decided_place", "digest", "document", "earlier", "ended", "facts", "model", "org",
        "orgcode", "outcome", "overdue", "parked", "parked_unpublished", "place", "received_us", "record_us", "resumed",
        "stored_earlier", "stored_outcome", "stub", "subject", "timer", "traceparent", "type", "unreadable", "waits",
        "woke",
    )  # fmt: skip

    def __init__(self, orgcode: str, type_: str, code: int, subject: str, received_us: int, record_us: int) -> None:
        """`received_us`: when the worker first read the document. `record_us`: when its record was written."""
        self.orgcode = orgcode
        self.type = type_
        self.code = code
        self.subject = subject
        self.received_us = received_us
        self.record_us = record_us
        self.document: Document | None = None
        self.model: Any = None
        self.timer: Timer | None = None
        self.resumed = False  # it was parked before
        self.overdue = False  # its deadline has passed
        self.traceparent: bytes | None = None
        self.digest: bytes | None = None
        self.org = 0
        self.place = 0  # in the batch
        self.decided_place = 0  # of its latest outcome: another one if it was parked in this batch and went on
        # of the ledger
        self.stub = False  # the row of its identity exists: the stub of a sale that a document waits for
        self.facts: EventFacts | None = None  # of a row that exists already
        self.parked_unpublished = False  # its outcome `parked` came through an interface, and is not published yet
        self.unreadable: Exception | None = None  # why this version of the program can't read its stored document
        self.waits: Sequence[Wait] = ()  # that are over
        # of the decision
        self.outcome: Outcome | None = None
        self.parked: Parked | None = None
        self.awaited: tuple[str, str] | None = None  # (what, id) for which it waits now
        self.ended: Sequence[tuple[str, str, int]] = ()  # waits that ended in this batch: what, id, place of the cause
        self.earlier: Outcome | None = None  # `parked`, if it was parked in this batch and went on
        self.stored_earlier: OutcomeV1 | None = None
        self.stored_outcome: OutcomeV1 | None = None  # this batch's outcome, as it is stored
        self.woke: Sequence[Work] = ()  # works that got their outcomes right after this one, because of it

    @classmethod
    def of(cls, document: Document, now_us: int, org: int) -> Self:
        """Make the work of a document. `org`: the tenant's number. `now_us`: when it was read, if it doesn't say."""
        received_us = now_us if document.received_us is None else document.received_us
        doctype = document.doctype
        work = cls(document.orgcode, document.type, doctype.code, document.subject, received_us, document.record_us)
        work.document, work.model, work.digest = document, document.model, document.digest
        work.traceparent = document.traceparent
        work.org = org
        return work

    @classmethod
    def of_parked(cls, row: Resumable) -> Self:
        """Make the work of a parked document. It is `unreadable` if another version of the program stored it in a form
        that this version lacks.
        """
        org, code, subject = row.key
        doctype = BY_CODE.get(code)
        type_ = doctype.name if doctype else f"type {code}"
        work = cls(row.orgcode, type_, code, subject, row.received_us, row.record_us)
        work.org = org
        work.resumed, work.overdue = True, row.overdue
        work.facts, work.parked_unpublished = row.facts, row.parked_unpublished
        try:
            document = parked_of(row.document)
            work.model = BY_CODE[code].restore(document.model)
        except Exception as error:  # noqa: BLE001  whatever is wrong with it, the others go on
            work.unreadable = error
            return work
        work.traceparent = document.traceparent
        work.waits = document.waits
        work.awaited = row.wait.waits_for, row.wait.key
        return work

    @classmethod
    def of_deadline(cls, deadline: Deadline, now_us: int) -> Self:
        """Make the work of a deadline that has passed."""
        timer = deadline.timer
        subject = notice_subject(timer, now_us)
        work = cls(deadline.orgcode, NOTICES[timer.kind], NOTICE_CODES[timer.kind], subject, now_us, now_us)
        work.timer, work.org = timer, deadline.org
        return work

    @property
    def step(self) -> int:
        """Return the place of `stored_outcome` among the document's outcomes."""
        before = len(self.facts.outcomes) if self.facts is not None else 0
        return before if self.stored_earlier is None else before + 1

    def reset(self) -> None:
        """Forget the decision: the attempt was rolled back."""
        self.outcome = self.parked = self.stored_outcome = None

    def wait(self, parked: Parked) -> None:
        """Note that the decision was to wait."""
        self.parked = parked
        self.awaited = parked.waits_for, parked.key

    def go_on(self, place: int) -> None:
        """End the wait, because of the document at this place. If this batch parked the work, keep that outcome."""
        assert self.awaited is not None  # noqa: S101  it waits
        self.ended = [*self.ended, (*self.awaited, place)]
        if self.parked is not None and not self.resumed:
            self.earlier = decide.parked(self.parked, self.model)
        self.awaited = self.parked = None
        self.resumed = True

    def store(self, now_us: int) -> None:
        """Turn the decision into its stored form. The outcome `parked` is published once."""
        if self.earlier is not None:
            self.stored_earlier = OutcomeV1.of(self.earlier, self.subject, now_us)
        outcome = self.outcome
        if outcome is None and self.parked is not None and not self.resumed:
            outcome = decide.parked(self.parked, self.model)
        if outcome is not None:
            self.stored_outcome = OutcomeV1.of(outcome, self.subject, now_us)

    def waits_until(self, batch: int) -> list[Wait]:
        """Return all waits that are over, with those that ended in this batch."""
        return [*self.waits, *(Wait(what, id_, event_no(batch, place)) for what, id_, place in self.ended)]

    def facts_row(self, encoder: int, batch: int) -> bytes | None:
        """Return `event.facts` with this batch's outcomes, which the encoder of this version encodes."""
        earlier, latest = self.stored_earlier, self.stored_outcome
        first = latest if earlier is None else earlier
        if first is None:
            return None
        if self.facts is not None:
            return self.facts.pack(self.waits_until(batch), (encoder, first))
        document = self.document
        record = None if document is None else document.record
        version = 0 if document is None else document.doctype.digest_version
        source = None if record is None else made(Source, (record.topic, record.partition, record.offset))
        traceparent = self.traceparent if record is None else None
        packed = pack_first((encoder, first), version, self.received_us, self.record_us, source, traceparent)
        if earlier is None or latest is None:
            return packed
        return facts_of(packed).pack(self.waits_until(batch), (encoder, latest))

    @property
    def key(self) -> Key:
        return self.org, self.code, self.subject
