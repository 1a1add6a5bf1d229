"""The verdict on a snapshot: do nothing, have a look, or act now."""

from collections.abc import Iterator, Sequence
from enum import IntEnum
from typing import Final, NamedTuple

from schemas.reasons import DeadLetterReason
from worker.ops.status.snapshot import Snapshot

# As the alerts say it (deploy/prometheus/alerts.yml).
_TENDERS_S: Final = 3.0
_LAG_S: Final = 300.0
_STUCK_S: Final = 60.0
_KEPT_S: Final = 3 * 86_400.0
_NAMED: Final = 3
_OURS: Final = frozenset({DeadLetterReason.FAILED.value, DeadLetterReason.CONFLICT.value})


class Level(IntEnum):
    """The exit status of `g3n worker status`."""

    WELL = 0
    LOOK = 1
    ACT = 2


class Finding(NamedTuple):
    """A problem, and what to do about it."""

    level: Level
    what: str
    do: str


class Verdict(NamedTuple):
    """The worst level, and all findings, the worst first."""

    level: Level
    findings: tuple[Finding, ...]


def verdict(now: Snapshot) -> Verdict:
    """Judge a snapshot."""
    found = [*_reachable(now), *_reading(now), *_deciding(now), *_waiting(now)]
    ordered = tuple(sorted(found, key=lambda one: -one.level))
    return Verdict(ordered[0].level if ordered else Level.WELL, ordered)


def _reachable(now: Snapshot) -> Iterator[Finding]:
    if now.kafka:
        yield Finding(Level.ACT, f"Kafka: {now.kafka}", "start the brokers; check the network and G3N_KAFKA_…")
    if now.postgres:
        yield Finding(Level.ACT, f"Postgres: {now.postgres}", "start Postgres; check the network and G3N_POSTGRES_DSN")
    if now.missing:
        yield Finding(Level.ACT, f"topics are missing: {', '.join(now.missing)}", "g3n worker setup")


def _reading(now: Snapshot) -> Iterator[Finding]:
    halted = [f"{one.topic}-{one.partition}: {one.halted}" for one in now.partitions if one.halted]
    for what in halted[:_NAMED]:
        yield Finding(Level.ACT, what, "runbook PartitionHalted")
    if len(halted) > _NAMED:
        more = _counted(len(halted) - _NAMED, "more partition is", "more partitions are")
        yield Finding(Level.ACT, f"{more} halted", "runbook PartitionHalted")
    if lost := sum(one.lost for one in now.partitions):
        deleted = _counted(lost, "record was deleted before it was", "records were deleted before they were")
        yield Finding(Level.ACT, f"{deleted} read", "have them sent again")
    unknown = [f"{one.topic}-{one.partition}" for one in now.partitions if one.lag is None and not one.halted]
    if unknown:
        yield Finding(Level.LOOK, f"how far {_some(unknown)} has been read is not known", "look again in a minute")


def _deciding(now: Snapshot) -> Iterator[Finding]:
    if now.workers == 0:
        waits = f", and {_counted(now.lag, 'record waits', 'records wait')}" if now.lag else ""
        yield Finding(Level.ACT, f"no worker runs{waits}", "runbook NoWorker")
        return
    tenders_s, oldest_s = now.age_s(now.tenders), now.age_s()
    if tenders_s is not None and tenders_s > _TENDERS_S:
        yield Finding(Level.ACT, f"a tender has waited for {tenders_s:.0f} s", "runbook TendersWait")
    if oldest_s is not None and oldest_s > _STUCK_S and now.rate_per_s == 0:
        yield Finding(Level.ACT, "records wait, and nothing was decided for a minute", "runbook WorkerNotReady")
    elif oldest_s is not None and oldest_s > _LAG_S:
        yield Finding(Level.LOOK, f"the oldest record has waited for {oldest_s // 60:.0f} min", "runbook LagGrows")
    if now.workers and now.group not in ("Stable", "Empty"):
        yield Finding(Level.LOOK, f"the group is {now.group}: it divides the partitions anew", "look again in a minute")


def _waiting(now: Snapshot) -> Iterator[Finding]:
    if now.unpublished:
        batches = _counted(now.unpublished, "batch", "batches")
        yield Finding(Level.ACT, f"the outcomes of {batches} are not published", "runbook OutcomesUnpublished")
    ours = {reason: count for reason, count in now.dead_letters.items() if count and reason in _OURS}
    for reason, count in ours.items():
        runbook = "Failed" if reason == DeadLetterReason.FAILED else "Conflict"
        yield Finding(Level.ACT, f"dead letters: {count:,} {reason}", f"runbook {runbook}")
    others = [f"{count:,} {reason}" for reason, count in now.dead_letters.items() if count and reason not in _OURS]
    if others:
        yield Finding(Level.LOOK, f"dead letters: {', '.join(others)}", "g3n worker dlq list")
    if any(now.dead_letters.values()) and now.kept_s is not None and now.kept_s < _KEPT_S:
        yield Finding(
            Level.LOOK, f"a dead letter's original is kept for {now.kept_s / 3600:.0f} h more", "g3n worker dlq list"
        )
    if now.overdue:
        overdue = _counted(now.overdue, "deadline or parked document was", "deadlines or parked documents were")
        yield Finding(Level.LOOK, f"{overdue} put off", "runbook Failed")
    for one in now.operations:
        if one.state in ("failed", "interrupted"):
            yield Finding(
                Level.LOOK, f"operation {one.id} ({one.kind}) is {one.state}", f"g3n worker operations show {one.id}"
            )


def _counted(number: int, one: str, several: str) -> str:
    return f"{number:,} {one if number == 1 else several}"


def _some(names: Sequence[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")
