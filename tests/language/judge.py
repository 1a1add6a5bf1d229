"""Compare the outcomes with a scenario's expectations."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from tests.language.documents import card_name
from tests.language.expected import differences
from tests.language.play import WATCHES, Played, outcome_type
from tests.language.scenario import Step

Key = tuple[str, str]
Outcomes = dict[Key, list[dict[str, Any]]]
_TYPES = {
    "return": "crm.outcome.return.completed",
    "capture": "crm.outcome.tender.captured",
}


def judge(played: Played) -> list[str]:
    """Return a line for each difference from the scenario."""
    told: dict[Key, list[dict[str, Any]]] = defaultdict(list)
    replays: dict[Key, list[dict[str, Any]]] = defaultdict(list)
    dead: dict[Key, list[str]] = defaultdict(list)
    for item in played.outcomes:
        key = (item["type"], item["subject"])
        if "dead_letter" in item:
            dead[key].append(item["dead_letter"])
        else:
            (replays if item.get("replayed") else told)[key].append(item)
    problems = _documents(played, told, replays, dead)
    problems += _watched(played, told)
    problems += [f"dead letter nobody expected: {key} {reasons}" for key, reasons in dead.items() if reasons]
    return problems + _left_over(told)


def _documents(played: Played, told: Outcomes, replays: Outcomes, dead: dict[Key, list[str]]) -> list[str]:
    problems: list[str] = []
    again: dict[Key, int] = defaultdict(int)
    for step, document in played.published:
        key = (outcome_type(document.type), document.subject)
        if step.expected == "again":
            again[key] += 1
        elif step.expected and step.expected.startswith("dead "):
            reason = step.expected.removeprefix("dead ")
            letters = dead[document.type, document.subject]
            problems += [] if reason in letters else [_at(step, f"no dead letter {reason}, but {letters}")]
            if reason in letters:
                letters.remove(reason)
        else:
            problems += _compare(step, told[key])
    for key, count in again.items():
        if len(replays[key]) < count:
            problems.append(f"{key}: {count} duplicates, {len(replays[key])} replays")
    return problems


def _compare(step: Step, waiting: list[dict[str, Any]]) -> list[str]:
    if not waiting:
        return [_at(step, "no outcome")]
    return [_at(step, text) for text in differences(step.expected, waiting.pop(0)["data"])]


def _watched(played: Played, told: Outcomes) -> list[str]:
    """Check `final` and `notice` lines. Notices of types that the scenario never names are ignored."""
    problems: list[str] = []
    kinds = set()
    for phase in played.scenario.phases:
        for step in (s for s in phase.steps if s.words[0] in WATCHES):
            verb, kind, subject = step.words[:3]
            if verb == "final":
                problems += _compare(step, told[_TYPES[kind], subject])
                continue
            kinds.add("crm." + kind)
            key = ("crm." + kind, _card_id(subject, told) if subject.startswith("#") else subject)
            if not told[key]:
                problems.append(_at(step, "no such notice"))
            else:
                problems += _compare_notice(step, told[key].pop(0)["data"])
    for kind, subject in list(told):
        if not kind.startswith("crm.outcome.") and kind not in kinds:
            told[kind, subject] = []
    return problems


def _card_id(name: str, told: Outcomes) -> str:
    """Return the id that the outcomes give the card `#G`."""
    shown = [card for items in told.values() for item in items for card in item["data"].get("gift_cards", ())]
    return next((card["card_id"] for card in shown if card_name(card.get("last4")) == name[1:]), name)


def _compare_notice(step: Step, data: dict[str, Any]) -> list[str]:
    told = {**data, "status": "", "reason": None, "category": None}
    return [_at(step, text) for text in differences(step.expected or "...", told)]


def _left_over(told: Outcomes) -> list[str]:
    return [f"not expected: {key} {item['data']}" for key, items in told.items() for item in items]


def _at(step: Step, text: str) -> str:
    return f"line {step.line}: {step.text}\n    {text}"
