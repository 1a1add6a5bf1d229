"""A snapshot of the system, from the broker and the ledger. None: not known, which is not 0."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from worker.ledger.retried import Retried


@dataclass(frozen=True, slots=True)
class PartitionNow:
    """A partition of an input topic.

    `lag`: records that are not decided yet. `lost`: records that the topic deleted before they were read. `age_s`: of
    the oldest record that waits; 0: none waits. `halted`: why reading stopped; empty: it goes on.
    """

    topic: str
    partition: int
    lag: int | None
    age_s: float | None
    lost: int = 0
    halted: str = ""


@dataclass(frozen=True, slots=True)
class OperationNow:
    """An operation that is not done and not cancelled."""

    id: int
    kind: str
    state: str
    done: int
    planned: int
    eta_s: float | None = None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """`kafka`, `postgres`: why the other side can't be asked; empty: it answers. `tenders`: the topic tills wait for.

    `rate_per_s`: documents decided, over the last minute. `published_s`: median and 99th percentile of the time from
    a batch's decision to its acknowledged outcomes. `unpublished`: batches older than a minute. `overdue`: deadlines
    and parked documents that should have been decided and were put off. `kept_s`: until the original of an open dead
    letter may be deleted, None: never or not known. `retried`: workers that tried again within the last hour.
    """

    at: datetime
    tenders: str
    kafka: str = ""
    postgres: str = ""
    missing: tuple[str, ...] = ()
    group: str = "Stable"
    workers: int | None = None
    partitions: tuple[PartitionNow, ...] = ()
    rate_per_s: float | None = None
    published_s: tuple[float, float] | None = None
    unpublished: int | None = None
    parked: int | None = None
    ready: int | None = None
    overdue: int | None = None
    dead_letters: Mapping[str, int] = field(default_factory=dict)
    kept_s: float | None = None
    operations: tuple[OperationNow, ...] = ()
    retried: tuple[Retried, ...] | None = None

    @property
    def lag(self) -> int | None:
        """Return the records that wait in all partitions; None if any is not known."""
        lags = [one.lag for one in self.partitions]
        return None if None in lags or not lags else sum(lag for lag in lags if lag is not None)

    def age_s(self, topic: str | None = None) -> float | None:
        """Return the age of the oldest record that waits, in one topic or all; None if any is not known."""
        ages = [one.age_s for one in self.partitions if topic in (None, one.topic)]
        return None if None in ages or not ages else max(age for age in ages if age is not None)
