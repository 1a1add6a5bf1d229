"""The inbox of dead letters: a row for each source position, in groups by reason, path, type and tenant.

The row says where the original is; the original itself stays in its topic. A letter is *open* until its repaired
document is in the ledger (*resolved*, by the transaction that decides the document) or an operator discards it.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, NamedTuple

from worker.ledger.queries import SQL, Connection
from worker.positions import Place

SAMPLE_BYTES: Final = 4096
_INDEX: Final = re.compile(r"\[\d+\]")
_PATH: Final = re.compile(r"[A-Za-z_*][\w.*\[\]]{0,127}", re.ASCII)


class LetterState(StrEnum):
    """The state of a dead letter, as stored."""

    OPEN = "open"
    RESOLVED = "resolved"
    DISCARDED = "discarded"


@dataclass(frozen=True, slots=True)
class Entry:
    """A dead letter on its way into the inbox. A member that could not be read is empty or None.

    `identity` is the HMAC of its document's identity, None if the letter can't be resolved by it. `type_code` and
    `known_subject` look the document up and are not stored: a subject may be a card number.
    """

    position: Place
    record_ms: int
    reason: str
    detail: str
    version: str
    sample: bytes | None = None
    type: str = ""
    orgcode: str = ""
    subject: str = ""
    identity: bytes | None = None
    type_code: int | None = None
    known_subject: str | None = None
    attempts: int = 1

    @property
    def group(self) -> tuple[str, str, str, str]:
        """Return the key of its group: reason, path, type, tenant."""
        return self.reason, path(self.detail), self.type, self.orgcode


def path(detail: str) -> str:
    """Return the path of the document's first fault, without the indexes of lists: `lines[].net_minor`."""
    place, colon, _ = detail.partition(": ")
    if colon and _PATH.fullmatch(place):
        return _INDEX.sub("[]", place)
    missing = detail.partition(" is missing")[0] if " is missing" in detail else ""
    return missing if _PATH.fullmatch(missing) else ""


async def put(
    connection: Connection, entries: Collection[Entry], *, rebuilt: bool = False, redrive: int | None = None
) -> None:
    """Write letters in the caller's transaction. A position that exists already gets another attempt.

    `rebuilt`: the letters come from the dead-letter topics, each with its number of attempts; existing rows stay.
    `redrive`: the operation that tried them again; it counts each letter once.
    """
    latest = {entry.position: entry for entry in entries}
    letters = [latest[position] for position in sorted(latest)]
    if not letters:
        return
    groups = {entry.group: (entry.detail, entry.sample) for entry in reversed(letters)}
    rows = [(*group, *groups[group]) for group in sorted(groups)]
    await connection.execute(SQL["insert_dead_letter_groups"], *map(list, zip(*rows, strict=True)))
    columns = zip(*map(_row, letters), strict=True)
    await connection.execute(SQL["upsert_dead_letters"], *map(list, columns), rebuilt, redrive)


def _row(entry: Entry) -> tuple[Any, ...]:
    return (
        *entry.position, entry.record_ms, *entry.group, entry.subject, entry.version, entry.detail, entry.identity,
        entry.type_code, entry.known_subject, entry.attempts,
    )  # fmt: skip


async def resolve(connection: Connection, identities: Sequence[bytes]) -> None:
    """Mark the open letters of documents that this transaction decides as resolved."""
    await connection.execute(SQL["resolve_dead_letters"], identities)


# --- for operators ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Group:
    """Letters with one reason, path, type and tenant. `oldest_ms` by topic: the earliest record's timestamp."""

    id: int
    reason: str
    path: str
    type: str
    orgcode: str
    detail: str
    sample: bytes | None
    letters: int
    first_at: datetime
    last_at: datetime
    oldest_ms: dict[str, int]


@dataclass(frozen=True, slots=True)
class Letter:
    """A dead letter as stored, with the members of its group."""

    position: Place
    record_ms: int
    first_at: datetime
    last_at: datetime
    closed_at: datetime | None
    attempts: int
    redrive: int | None
    state: LetterState
    subject: str
    version: str
    detail: str
    group_id: int
    reason: str
    path: str
    type: str
    orgcode: str


@dataclass(frozen=True, slots=True)
class Chosen:
    """The letters that a command names: a group, or positions."""

    group: int | None = None
    positions: tuple[Place, ...] = ()

    def __str__(self) -> str:
        if self.group is not None:
            return f"group {self.group}"
        first = str(self.positions[0])
        return first if len(self.positions) == 1 else f"{first} and {len(self.positions) - 1} more"


async def groups(
    connection: Connection, state: LetterState = LetterState.OPEN, group: int | None = None
) -> list[Group]:
    """Return the groups that have letters in this state, the largest first."""
    found: dict[int, Group] = {}
    for row in await connection.fetch(SQL["read_dead_letter_groups"], state.value, group):
        values = dict(row)
        oldest = {values.pop("topic"): values.pop("oldest_ms")}
        one = found.get(values["id"])
        if one is not None:
            values["letters"] += one.letters
            values["first_at"] = min(values["first_at"], one.first_at)
            values["last_at"] = max(values["last_at"], one.last_at)
            oldest |= one.oldest_ms
        found[values["id"]] = Group(**values, oldest_ms=oldest)
    return sorted(found.values(), key=lambda one: (-one.letters, one.id))


async def letters(
    connection: Connection,
    chosen: Chosen,
    state: LetterState | None = None,
    *,
    after: Place | None = None,
    most: int = 1000,
) -> list[Letter]:
    """Return letters in the order of their positions. `after` and `most` bound those of a group."""
    wanted = None if state is None else state.value
    if chosen.group is None:
        rows = await connection.fetch(SQL["read_dead_letters_at"], *_columns(chosen.positions), wanted)
    else:
        start = after or Place("", -1, -1)
        rows = await connection.fetch(SQL["read_dead_letters_of_group"], chosen.group, *start, wanted, most)
    return [_letter(row) for row in rows]


def _columns(positions: Sequence[Place]) -> list[list[object]]:
    return list(map(list, zip(*positions, strict=True))) if positions else [[], [], []]


def _letter(row: Any) -> Letter:  # noqa: ANN401  an asyncpg record
    values = dict(row)
    position = Place(*(values.pop(name) for name in Place._fields))
    return Letter(**{**values, "position": position, "state": LetterState(values["state"])})


async def move(connection: Connection, chosen: Chosen, source: LetterState, to: LetterState) -> list[Place]:
    """Move the chosen letters from one state to another. Return their positions."""
    states = source.value, to.value
    if chosen.group is None:
        rows = await connection.fetch(SQL["move_dead_letters_at"], *_columns(chosen.positions), *states)
    else:
        rows = await connection.fetch(SQL["move_dead_letters_of_group"], chosen.group, *states)
    return sorted(Place(*row) for row in rows)


class Open(NamedTuple):
    """The number of a topic's open letters with one reason, and the timestamp of their earliest record."""

    reason: str
    topic: str
    letters: int
    oldest_ms: int


async def counts(connection: Connection) -> list[Open]:
    """Return the open letters by reason and topic."""
    return [Open(*row) for row in await connection.fetch(SQL["count_dead_letters"])]
