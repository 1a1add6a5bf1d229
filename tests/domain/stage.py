"""Plays the rows of a table in memory, and says what is otherwise than they say."""

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import orjson

from schemas.outcomes import OutcomeEnvelope
from tests.domain.invariants import check
from tests.domain.room import Data, Room, document
from tests.language.documents import Clock, Document, build, card_name, card_number
from tests.language.expected import differences, parse, render
from tests.language.table import Row
from tests.language.words import batch, words

BASE = datetime(2026, 3, 1, 12, tzinfo=UTC)
IDS = ("customer_id", "sale_id", "return_id", "tender_id")


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
        """A batch or `wait`, and its outcomes; documents that become ready are decided at once."""
        told: list[Data] = []
        if text.startswith("wait "):
            self.clock.base = self.now = self.clock.at(text.removeprefix("wait "))
            text = ""
        for one in batch(text):
            said = build(words(one, self.now), self.clock)
            stamped_us, trusted = microseconds(said.stamped), "trusted" in one.split()
            own = self.room.read(document(said.type, said.data, stamped_us, trusted=trusted), microseconds(self.now))
            _check_ids(said, own[0])
            told += [*own, *self.room.in_turn()]
        told += self.room.work(microseconds(self.now))
        self._seen(told)
        return told

    def _seen(self, told: list[Data]) -> None:
        """Learn the ids of cards. Check the messages against their schema, the bytes of each id, and the invariants."""
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
    """An outcome about a sale, a return or a tender names it."""
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


def problems(row: Row) -> list[str]:
    """Return the differences from the row."""
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
    """Return whether a row must name it: a final outcome of a given document, and everything that time alone causes."""
    if own is None:
        return True
    return item["type"].startswith("crm.outcome.") and item["subject"] not in asked


def _own(step: str, told: list[Data]) -> Data:
    """The first thing that is said of a document."""
    said = build(words(batch(step)[-1], BASE), Clock(BASE))
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
    """A part that a row names must be present, even if it says that nothing changed; the contract would let it be
    absent.
    """
    there = render({**data, "status": data.get("status", "")})
    return [f"{name}: absent" for name in parse(expected) if name not in (*there, "status", "...")]
