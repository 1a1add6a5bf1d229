"""One thing to decide, from the moment it is taken up until it is written."""

from dataclasses import dataclass, field
from typing import Any, Self

from worker.codec import Document
from worker.domain.decide import parked
from worker.domain.decisions.returns import Parked
from worker.domain.state.movements import Timer
from worker.domain.state.outcome import Outcome
from worker.stored.event import EventFacts, Source, Wait, pack_first
from worker.stored.outcome import OutcomeV1


@dataclass(slots=True, eq=False)
class Work:
    """A document from a topic or a door, a parked one that goes on, or a timer that is due."""

    orgcode: str
    type: str
    code: int
    subject: str
    received_us: int  # when the worker first read the document
    record_us: int  # when its record was written to the topic
    document: Document | None = None
    model: Any = None
    timer: Timer | None = None
    resumed: bool = False  # it was parked before
    overdue: bool = False  # its deadline has passed
    traceparent: bytes | None = None
    org: int = 0
    mark: int = 0  # its place in the batch
    # of the ledger
    stub: bool = False  # the row of its identity is there: the stub of a sale that somebody waits for
    facts: EventFacts | None = None  # of a row that is there already
    unsaid: bool = False  # what was told when it was parked is not published: it came in through a door
    waits: list[Wait] = field(default_factory=list)  # that are over
    unreadable: Exception | None = None  # why its stored document can't be read by this version of the program
    # of the decision
    outcome: Outcome | None = None
    parked: Parked | None = None
    written: OutcomeV1 | None = None  # this batch's outcome, as it is stored
    digest: bytes | None = None

    @classmethod
    def of(cls, document: Document, now_us: int, org: int) -> Self:
        """Take up a document of this tenant's number. `now_us`: when it was read, unless it says so itself."""
        return cls(
            document.orgcode, document.type, document.kind.code, document.subject,
            now_us if document.received_us is None else document.received_us, document.record_us, document,
            document.model, traceparent=document.traceparent, org=org, digest=document.digest,
        )  # fmt: skip

    @property
    def step(self) -> int:
        """Which of the document's outcomes this batch's is."""
        return len(self.facts.told) if self.facts is not None else 0

    def begin(self, mark: int) -> None:
        """Decide it anew, in this place of a batch: the attempt before was rolled back."""
        self.mark = mark
        self.outcome = self.parked = self.written = None

    def note(self, now_us: int) -> None:
        """Turn the decision into what is stored of it. Waiting is told once."""
        outcome = self.outcome
        if outcome is None and self.parked is not None and not self.resumed:
            outcome = parked(self.parked, self.model)
        if outcome is not None:
            self.written = OutcomeV1.of(outcome, self.subject, now_us)

    def facts_row(self, encoder: int) -> bytes | None:
        """`event.facts` with this batch's outcome, whose bytes an encoder of this version makes."""
        if self.written is None:
            return None
        told = (encoder, self.written)
        if self.facts is not None:
            return self.facts.pack(self.waits, told)
        document = self.document
        record = None if document is None else document.record
        version = 0 if document is None else document.kind.digest_version
        if record is None:
            return pack_first(told, version, self.received_us, self.record_us, None, self.traceparent)
        source = Source(record.topic, record.partition, record.offset)
        return pack_first(told, version, self.received_us, self.record_us, source, None)

    @property
    def key(self) -> tuple[int, int, str]:
        return self.org, self.code, self.subject
