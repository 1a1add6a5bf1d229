"""Plan a replay: decide the whole range in memory, over one snapshot of the ledger, and report the changes."""

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import worker
from schemas.scalars import format_instant
from worker.codec.encode import ENCODER_VERSION
from worker.engine.batch import Batch
from worker.engine.pipeline import Pipeline
from worker.kafka import topics
from worker.kafka.ranges import Range, Ranges
from worker.ledger.card_keys import fingerprint
from worker.ledger.overlay import Overlay
from worker.ops.replay.selection import Selection
from worker.ops.replay.tally import AccountChange, Tally
from worker.process.errors import OperatorError
from worker.process.settings import Settings

FORMAT: Final = 1
SLICE: Final = 1000  # records that are decided, fingerprinted and applied together


class Outcomes(StrEnum):
    """Which outcomes a replay publishes: none, those of documents that it decides, or also the stored ones again."""

    NONE = "none"
    NEW = "new"
    ALL = "all"


@dataclass(slots=True)
class Plan:
    """`head`: JSON with everything but the single accounts. `reads`: the rows that the plan depends on
    (`Overlay.reads`).
    """

    head: dict[str, Any]
    accounts: Callable[[], Iterator[AccountChange]]
    reads: dict[bytes, bytes]


async def plan(  # noqa: PLR0913  the last ones are for tests
    settings: Settings,
    kafka: Ranges,
    overlay: Overlay,
    selection: Selection,
    outcomes: Outcomes,
    to: str | None = None,
    *,
    progress: Callable[[int, int], None] = lambda *_: None,
    clock_us: Callable[[], int] = lambda: time.time_ns() // 1000,
    size: int = SLICE,
) -> Plan:
    """Decide the records of the ranges. `to`: the topic that gets the outcomes. `size`: records in a slice.

    `progress` gets the numbers of finished and of all offsets. Raises OperatorError and Unavailable.
    """
    found = await kafka.within(selection.topics, selection.bounds, selection.partitions)
    names = topics.from_settings(settings)
    if to is not None:
        if to in (*names.inputs, *names.dead_letters):
            raise OperatorError(f"{to} is an input or a dead-letter topic: --to names a topic of the requester")
        await kafka.require([to], "create the requester's topic first")
    tally = Tally(overlay.orgcode, frozenset(names.dead_letters))
    overlay.committed = tally.add
    pipeline = Pipeline.over(overlay, settings)
    prints: list[str] = []
    total = sum(one.end - one.start for one in found)
    async for part in kafka.slices(found, size):
        now_us = clock_us()
        batch = pipeline.decode(part.records, now_us)
        chosen = selection.of(batch.items)
        messages = (await pipeline.apply(Batch(chosen, now_us), {})).messages
        while (applied := await pipeline.decide_ready(now_us)) is not None:
            messages += applied.messages
        tally.count(batch.items, chosen, messages)
        prints.append(part.fingerprint)
        progress(sum(part.after[one.at] - one.start for one in found), total)
    head = {
        "format": FORMAT,
        "made_at": format_instant(clock_us()),
        "outcomes": outcomes.value,
        "to": to,
        "selection": selection.to_json(),
        "ranges": [list(one) for one in found],
        "slice_records": size,
        "slices": prints,
        **await versions(settings, overlay),
        "orgs": {str(org): code for org, code in overlay.orgs.items()},
        "tally": tally.to_json(),
    }
    return Plan(head, lambda: tally.accounts, overlay.reads)


async def versions(settings: Settings, overlay: Overlay) -> dict[str, Any]:
    """Return the other dependencies of decisions, besides documents and rows: code, card keys, policies."""
    rows = await overlay.snapshot.fetch(
        "SELECT o.code, count(*) AS versions FROM policy p JOIN org o ON o.id = p.org GROUP BY o.code ORDER BY o.code"
    )
    return {
        "code": code_version(),
        "keys": [fingerprint(key).hex() for key in settings.card_keys],
        "policies": {row["code"]: row["versions"] for row in rows},
    }


def code_version() -> str:
    """Return the program's version and a fingerprint of its source, because builds from checkouts share a version."""
    digest = hashlib.blake2b(digest_size=6)
    root = Path(worker.__file__).parent
    for path in sorted((*root.rglob("*.py"), *root.rglob("*.sql"), *(root.parent / "schemas").glob("*.py"))):
        digest.update(path.read_bytes())
    return f"{version('g3n-crm')}+{digest.hexdigest()} encoder {ENCODER_VERSION}"


def ranges_of(head: Mapping[str, Any]) -> list[Range]:
    """Return the ranges that a plan reads."""
    return [Range(*one) for one in head["ranges"]]
