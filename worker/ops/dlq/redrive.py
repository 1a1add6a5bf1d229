"""Redrive dead letters: plan what each would become, then execute the plan, one canary first."""

import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, NamedTuple

from worker.codec import Document, Record, Undecodable
from worker.engine.batch import Batch
from worker.engine.dead_letters import VERSION
from worker.engine.pipeline import Pipeline
from worker.engine.rehearsal import Standing
from worker.kafka.originals import Originals, originals
from worker.kafka.security import security
from worker.ledger import inbox, operations
from worker.ledger.inbox import Chosen, Letter, LetterState
from worker.ledger.operators import Operator
from worker.ledger.pool import Pool
from worker.ledger.roles import Role
from worker.ops.running import Run
from worker.positions import Place, fingerprint
from worker.process.errors import OperatorError
from worker.process.settings import Settings

KIND: Final = "redrive"
MOST: Final = 100_000  # letters of one plan; the rest go into the next plan
_CHUNK: Final = 200
GONE, REFUSED, CHANGED, APPLIED, DISCARDED = "gone", "refused", "changed", "applied", "discarded"
_SAID: Final = {
    Standing.NEW.value: "would be decided",
    Standing.KNOWN.value: "are in the ledger already, and will be resolved",
    Standing.CONFLICT.value: "stay: the ledger knows their identity with other content",
    REFUSED: "stay: refused again",
    GONE: "stay: the topic no longer has the original",
}


class _Read(NamedTuple):
    """An original, decoded again."""

    position: Place
    record: Record
    item: Document | Undecodable


async def plan(settings: Settings, chosen: Chosen, operator: Operator, now_us: int) -> tuple[int | None, list[str]]:
    """Make a plan for the chosen open letters. Return its operation's id and the lines of the plan.

    It applies nothing. No id: the plan would apply nothing, so there is no operation.
    """
    pool = await Pool.of_interface(settings.dsn, 2, Role.OPS)
    pipeline = Pipeline.over(pool, settings)
    try:
        async with pool.transaction() as connection:
            letters = await inbox.letters(connection, chosen, LetterState.OPEN, most=MOST)
        if not letters:
            return None, [f"no dead letter of {chosen} is open"]
        verdicts, why, wanted = Counter[str](), Counter[str](), list[list[Any]]()
        async with _originals(settings) as kafka:
            for part in _parts(letters):
                await _judge(kafka, pipeline, part, now_us, (verdicts, why, wanted))
        lines = _lines(letters, verdicts, why)
        if not wanted:
            return None, [*lines, "nothing to redrive"]
        head = {"chosen": str(chosen), "version": VERSION, "verdicts": verdicts, "letters": wanted, "summary": lines}
        async with pool.transaction() as connection:
            return await operations.create(connection, KIND, operator, head, len(wanted)), lines
    finally:
        await pool.close()


async def _judge(
    kafka: Originals,
    pipeline: Pipeline,
    letters: Sequence[Letter],
    now_us: int,
    into: tuple[Counter[str], Counter[str], list[list[Any]]],
) -> None:
    verdicts, why, wanted = into
    read = await _read(kafka, pipeline, [letter.position for letter in letters], now_us)
    verdicts[GONE] += len(letters) - len(read)
    standing = await pipeline.rehearsal.standing([one.item for one in read if isinstance(one.item, Document)])
    for one in read:
        if isinstance(one.item, Undecodable):
            verdicts[REFUSED] += 1
            why[": ".join(filter(None, (one.item.reason.value, one.item.detail)))] += 1
            continue
        verdict = standing[one.item]
        verdicts[verdict.value] += 1
        if verdict is not Standing.CONFLICT:
            wanted.append([*one.position, fingerprint(one.record).checksum.hex()])


async def _read(kafka: Originals, pipeline: Pipeline, positions: Sequence[Place], now_us: int) -> list[_Read]:
    """Return the originals that still exist, decoded by this program."""
    found = await kafka.read(positions)
    records = {position: record for position in positions if (record := found[position]) is not None}
    return [_Read(position, record, pipeline.decode([record], now_us).items[0]) for position, record in records.items()]


def _parts(letters: Sequence[Letter]) -> list[Sequence[Letter]]:
    return [letters[start : start + _CHUNK] for start in range(0, len(letters), _CHUNK)]


def _lines(letters: Sequence[Letter], verdicts: Counter[str], why: Counter[str]) -> list[str]:
    versions = Counter(letter.version for letter in letters)
    refused_by = ", ".join(f"{version} ({count:,})" for version, count in sorted(versions.items()))
    lines = [f"{len(letters):,} open, refused by version {refused_by}; this is version {VERSION}"]
    lines += [f"{verdicts[verdict]:>9,} {text}" for verdict, text in _SAID.items() if verdicts[verdict]]
    lines += [f"{'':9}   {count:,}: {reason}" for reason, count in why.most_common(3)]
    if len(letters) == MOST:
        lines.append(f"A plan takes {MOST:,} letters; make another one for the rest.")
    return lines


async def run(settings: Settings, run: Run, say: Callable[[str], None]) -> None:
    """Apply the letters of the plan that nobody has discarded since. The first one goes alone. If it is refused, the
    operation fails and tries no other.
    """
    letters = [(Place(*where), checksum) for *where, checksum in run.operation.plan["letters"]]
    counts = Counter(run.cursor["counts"] if run.cursor else {})
    at = run.cursor["next"] if run.cursor else 0
    pool = await Pool.of_interface(settings.dsn, 2, Role.WORKER)
    pipeline = Pipeline.over(pool, settings)
    try:
        async with _originals(settings) as kafka:
            while at < len(letters):
                part = letters[at : at + _CHUNK]
                await run.turn(len(part))
                wanted = await _not_discarded(pool, part)
                if not counts[APPLIED] and wanted:  # the canary goes first, after letters that are left alone
                    wanted = wanted[:1]
                    part = part[: part.index(wanted[0]) + 1]
                counted = await _apply(kafka, pipeline, dict(wanted), run) if wanted else Counter[str]()
                if not (counts + counted)[APPLIED] and wanted:
                    raise OperatorError(f"the canary, {wanted[0][0]}, was {_first(counted)}: nothing else was tried")
                counted[DISCARDED] = len(part) - len(wanted)
                counts += counted
                at += len(part)
                await run.advance({"next": at, "counts": counts}, len(part))
                say(f"{at:,} of {len(letters):,}: " + ", ".join(f"{count:,} {what}" for what, count in counts.items()))
        await run.finish(dict(counts))
    finally:
        await pipeline.close()


async def _not_discarded(pool: Pool, part: Sequence[tuple[Place, str]]) -> list[tuple[Place, str]]:
    async with pool.transaction() as connection:
        chosen = Chosen(positions=tuple(position for position, _ in part))
        discarded = {one.position for one in await inbox.letters(connection, chosen, LetterState.DISCARDED)}
    return [(position, checksum) for position, checksum in part if position not in discarded]


def _first(counted: Counter[str]) -> str:
    return "refused again" if counted[REFUSED] else next(iter(counted), GONE)


async def _apply(kafka: Originals, pipeline: Pipeline, part: dict[Place, str], run: Run) -> Counter[str]:
    """Apply these letters, close those that worked, and count the results."""
    now_us = time.time_ns() // 1000
    read = await _read(kafka, pipeline, list(part), now_us)
    counted = Counter({GONE: len(part) - len(read)})
    same = [one for one in read if fingerprint(one.record).checksum.hex() == part[one.position]]
    counted[CHANGED] += len(read) - len(same)
    documents = {one.item: one for one in same if isinstance(one.item, Document)}
    for document in documents:
        document.record = None  # it is applied like a request of the API: the workers' sweep publishes its outcome
    applied = await pipeline.apply(Batch(list(documents), now_us), {})
    refused = [one.item for one in same if isinstance(one.item, Undecodable)]
    done: list[Place] = []
    for document, one in documents.items():
        answer = applied.to_callers[document]
        if isinstance(answer, list):
            done.append(one.position)
        else:
            refused.append(Undecodable(one.record, answer))
    counted[APPLIED] += len(done)
    counted[REFUSED] += len(refused)
    entries = await pipeline.rehearsal.entries(refused)
    async with pipeline.pool.transaction() as connection:
        if done:
            await inbox.move(connection, Chosen(positions=tuple(done)), LetterState.OPEN, LetterState.RESOLVED)
        await inbox.put(connection, entries, redrive=run.operation.id)
    return Counter({what: count for what, count in counted.items() if count})


@asynccontextmanager
async def _originals(settings: Settings) -> AsyncIterator[Originals]:
    async with originals(settings.kafka_bootstrap_servers, security=security(settings)) as kafka:
        yield kafka
