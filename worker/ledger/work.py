"""One thing to decide, from the moment it is taken up until it is written."""

from dataclasses import dataclass, field
from typing import Any

from worker.codec import Document
from worker.codec.encode import facts_of
from worker.domain.decide import parked
from worker.domain.movements import Timer
from worker.domain.outcome import Outcome
from worker.domain.returns import Parked

STUB = 0  # event.no of a row that only stands for a sale that somebody waits for

Wait = list[Any]
"""A wait that is over: "sale" or "tender", its id, `event.no` of the document that ended it or None: the deadline."""


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
    facts: list[Any] | None = None  # of a row that is there already: encoder, digest version, received_us, …, outcomes
    unsaid: bool = False  # what was told when it was parked is not published: it came in through a door
    waits: list[Wait] = field(default_factory=list)  # that are over
    unreadable: Exception | None = None  # why its stored document can't be read by this version of the program
    # of the decision
    outcome: Outcome | None = None
    parked: Parked | None = None
    written: list[Any] = field(default_factory=list)  # the facts of this batch's outcome
    digest: bytes | None = None

    @property
    def step(self) -> int:
        """Which of the document's outcomes this batch's is."""
        return len(self.facts[-1]) if self.facts is not None else 0

    def begin(self, mark: int) -> None:
        """Decide it anew, in this place of a batch: the attempt before was rolled back."""
        self.mark = mark
        self.outcome = self.parked = None
        self.written = []

    def note(self, now_us: int) -> None:
        """Turn the decision into what is stored of it. Waiting is told once."""
        outcome = self.outcome
        if outcome is None and self.parked is not None and not self.resumed:
            outcome = parked(self.parked, self.model)
        if outcome is not None:
            self.written = facts_of(outcome, self.subject, now_us)

    @property
    def key(self) -> tuple[int, int, str]:
        return self.org, self.code, self.subject
