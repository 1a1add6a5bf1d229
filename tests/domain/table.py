"""Tables of decisions as text, a row a case.

    let authorized = issue I1 G 5000; request T1 card G 3000
    given      | when           | then
    authorized | capture T1 900 | applied card G -900=4100 tender T1 captured 3000/3000/900/0
    ## a heading
    …          | …              | parked sale_not_found; final R1: applied points -4=6; notice hold.expired T1: …

Documents are in the words of `tests.e2e.documents`, what they say in those of `tests.e2e.expected`. `given` takes the
names of `let` too. `then` is about the last document of `when`; behind it stand the final outcomes of what was parked,
which must be named, and notices, which may. `a + b` come in one batch: what the first makes ready goes on after both.
`wait +16m` lets time pass, and `then` names all that comes of it; `@2026-03-10` is a day at noon. The clock stands at
noon of 2026-03-01 at first. `trusted`: the sender's API key has the scope card:trusted.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson

from schemas.outcomes import OutcomeEnvelope
from tests.domain.invariants import check
from tests.domain.room import Data, Room, document
from tests.e2e.documents import Clock, Document, build, card_name, card_number
from tests.e2e.expected import differences, parse, render

FOLDER = Path(__file__).parent / "tables"
BASE = datetime(2026, 3, 1, 12, tzinfo=UTC)
HEADING = ["given", "when", "then"]
IDS = ("customer_id", "sale_id", "return_id", "tender_id")


@dataclass(frozen=True)
class Row:
    """One case; `given` with its `let`s resolved."""

    heading: str
    line: int
    state: str
    given: tuple[str, ...]
    when: tuple[str, ...]
    then: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.heading}:{self.line} {self.state} | {'; '.join(self.when)}"


def _split(text: str) -> tuple[str, ...]:
    """At semicolons, those inside braces left alone."""
    return tuple(part.strip() for part in re.split(r";(?![^{]*\})", text) if part.strip())


def rows(path: Path) -> Iterator[Row]:
    """Of a file; of a page in Markdown its boxes of `decisions`."""
    named: dict[str, tuple[str, ...]] = {}
    heading, reading = path.stem, path.suffix != ".md"
    for number, raw in enumerate(path.read_text().splitlines(), 1):
        if path.suffix == ".md" and (raw.startswith("```") or not reading):
            reading = raw == "```decisions"
            continue
        line = raw.strip()
        if line.startswith("## "):
            heading = line.removeprefix("## ")
        elif line.startswith("let "):
            name, _, steps = line.removeprefix("let ").partition("=")
            named[name.strip()] = _resolved(steps, named)
        elif line and not line.startswith("#") and [cell.strip() for cell in line.split("|")] != HEADING:
            given, when, then = line.split("|")
            yield Row(heading, number, given.strip(), _resolved(given, named), _split(when), _split(then))


def _resolved(steps: str, named: dict[str, tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(document for step in _split(steps) for document in named.get(step, (step,)))


def table(name: str) -> list[Row]:
    return list(rows(FOLDER / f"{name}.txt"))


def batch(step: str) -> list[str]:
    """The documents of a step."""
    return [one for one in step.split(" + ") if one]


def microseconds(at: datetime) -> int:
    return int(at.timestamp()) * 1_000_000


@dataclass
class Stage:
    """A room, a clock, and everything that was said so far."""

    room: Room = field(default_factory=Room)
    clock: Clock = field(default_factory=lambda: Clock(BASE))
    now: datetime = BASE
    told: list[Data] = field(default_factory=list)
    ids: dict[str, bytes] = field(default_factory=dict)
    checked: bool = True

    def play(self, text: str) -> list[Data]:
        """A batch or `wait`, and what is said because of it; what becomes ready goes on at once."""
        told: list[Data] = []
        if text.startswith("wait "):
            self.clock.base = self.now = self.clock.at(text.removeprefix("wait "))
            text = ""
        for one in batch(text):
            said = build(words(one, self.now), self.clock)
            stamped_us, trusted = microseconds(said.stamped), "trusted" in one.split()
            own = self.room.read(document(said.type, said.data, stamped_us, trusted=trusted), microseconds(self.now))
            _check_ids(said, own[0])
            told += own
        told += self.room.work(microseconds(self.now))
        self._seen(told)
        return told

    def _seen(self, told: list[Data]) -> None:
        """Learn the ids of cards; what is said keeps to the published schema, an id to its bytes, what is
        booked to the invariants.
        """
        for item in told:
            if "dead_letter" not in item:
                published = _published(item)
                OutcomeEnvelope.model_validate_json(published)
                _check_subject(item)
                assert self.ids.setdefault(item["id"], published) == published, "an id stands for the same bytes"
            for card in item.get("data", {}).get("gift_cards", ()):
                name = card_name(card.get("last4"))
                if name != "?":
                    self.clock.card_ids[card_number(name)] = card["card_id"]
        if self.checked:
            check(self.room)
        self.told += told


def _check_subject(item: Data) -> None:
    """What is said about a sale, a return or a tender names it."""
    about = re.match(r"crm\.(outcome\.)?(sale|return|tender|hold)\.", item["type"])
    if about is not None:
        assert item["data"][f"{about[2]}_id".replace("hold", "tender")] == item["subject"]


def _check_ids(said: Document, own: Data) -> None:
    """An outcome names what its document names."""
    if "dead_letter" not in own:
        named = {name: said.data[name] for name in IDS if name in said.data}
        of = said.data.get("of", {"type": ""})
        if of["type"] == "scm.tender.requested" and own["data"].get("reason") != "tender_not_found":
            named["tender_id"] = of["id"]
        assert named.items() <= own["data"].items()


def _published(item: Data) -> bytes:
    return orjson.dumps({name: value for name, value in item.items() if name != "replayed"})


def words(text: str, now: datetime = BASE) -> tuple[str, ...]:
    """The words of a step; a policy in braces is one word; days become offsets from the clock."""

    def offset(match: re.Match[str]) -> str:
        day = datetime.fromisoformat(match[2]).replace(hour=12, tzinfo=UTC)
        return f"{match[1]}{(day - now) // timedelta(days=1):+d}d"

    text = re.sub(r"(@|from=|day)(\d{4}-\d\d-\d\d)", offset, text)
    head, brace, tail = text.partition("{")
    if not brace:
        return tuple(head.split())
    body, _, rest = tail.rpartition("}")
    return (*head.split(), "{" + body + "}", *rest.split())


def problems(row: Row) -> list[str]:
    """What is otherwise than the row says."""
    stage = Stage()
    for step in row.given:
        stage.play(step)
    told: list[Data] = []
    for step in row.when:
        told += stage.play(step)
    own = None if row.when[-1].startswith("wait ") else _own(row.when[-1], told)
    found = [] if own is None else _differences(row.then[0], own, "outcome")
    named: list[Data] = [] if own is None else [own]
    for other in row.then if own is None else row.then[1:]:
        what, _, expected = other.partition(": ")
        kind, *subject = what.split()
        item = _other(kind, subject, [item for item in told if not any(item is one for one in named)])
        found += _differences(expected, item, what)
        named += [item] if item is not None else []
    asked = {one.split()[1] for step in row.when for one in batch(step)}
    unnamed = (item for item in told if not any(item is one for one in named))
    return found + [f"not named: {item['type']} {item['subject']}" for item in unnamed if _matters(item, own, asked)]


def _matters(item: Data, own: Data | None, asked: set[str]) -> bool:
    """Whether a row must name it: a final outcome of what the row did not send; all that time alone brings about."""
    if own is None:
        return True
    return item["type"].startswith("crm.outcome.") and item["subject"] not in asked


def _own(step: str, told: list[Data]) -> Data:
    """The first thing that is said of a document."""
    said = build(words(batch(step)[-1]), Clock(BASE))
    types = (said.type, "crm.outcome." + said.type.split(".", 1)[1])
    return next(item for item in told if item["subject"] == said.subject and item["type"] in types)


def _other(kind: str, subject: list[str], told: list[Data]) -> Data | None:
    if kind == "final":
        finals = [one for one in told if one["type"].startswith("crm.outcome.") and one["subject"] == subject[0]]
        return finals[-1] if finals else None
    found = (one for one in told if one["type"] == f"crm.{subject[0]}" and subject[1] in ("*", one["subject"]))
    return next(found, None)


def _differences(expected: str, item: Data | None, what: str) -> list[str]:
    if item is None:
        return [f"{what}: nothing was said"]
    if "dead_letter" in item:
        return [] if expected == f"dead {item['dead_letter']}" else [f"{what}: dead letter {item['dead_letter']}"]
    data: dict[str, Any] = dict(item["data"])
    if item["type"].startswith("crm.outcome."):
        return [f"{what}: {text}" for text in (*differences(expected or None, data), *_absent(expected, data))]
    data["status"] = ""
    return [f"{what}: {text}" for text in (*differences(expected or "...", data), *_absent(expected, data))]


def _absent(expected: str, data: Data) -> list[str]:
    """What a row names is there, also where it says that nothing changed: the contract would let it be absent."""
    there = render({**data, "status": data.get("status", "")})
    return [f"{name}: absent" for name in parse(expected) if name not in (*there, "status", "...")]
