"""The types and tenants that each input topic may carry: parses G3N_TOPIC_RULES.

`scm.tenders: scm.tender.* @ acme, globex; crm.commands: crm.loyalty.*, crm.customer.create` Entries end at semicolons.
A topic without an entry may carry everything. A topic with entries may carry what one of them allows.
"""

import re
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Final, NamedTuple

from schemas import orgcode

ORGCODE: Final = re.compile(orgcode.PATTERN)
_PATTERN = re.compile(r"[a-z.*]{1,64}")
_SHAPE: Final = "must be TOPIC: TYPE, TYPE @ ORGCODE, ORGCODE; … (types may have *, without @ any tenant)"

Allowed = Mapping[str, Mapping[str, frozenset[str]]]
"""By topic and type: the tenants, or none for any."""


class Rule(NamedTuple):
    """What an entry allows. Without orgcodes it allows any tenant."""

    topic: str
    types: tuple[str, ...]
    orgcodes: frozenset[str]


def parse(text: str) -> tuple[Rule, ...]:
    """Return the rules in the setting's text. Raises ValueError, whose message holds no part of the text."""
    return tuple(_rule(entry) for entry in text.split(";") if entry.strip())


def _rule(entry: str) -> Rule:
    topic, colon, rest = entry.partition(":")
    types, at, orgcodes = rest.partition("@")
    rule = Rule(topic.strip(), tuple(_parts(types)), frozenset(_parts(orgcodes)))
    right = colon and rule.topic and rule.types and bool(at) is bool(rule.orgcodes)
    if not right or not all(map(_PATTERN.fullmatch, rule.types)) or not all(map(ORGCODE.fullmatch, rule.orgcodes)):
        raise ValueError(_SHAPE)
    return rule


def _parts(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def allowed(rules: Iterable[Rule], types: Iterable[str]) -> Allowed:
    """Return what the rules allow, among the existing types. Raises ValueError for a rule that allows no type."""
    known, found = tuple(types), dict[str, dict[str, frozenset[str]]]()
    for rule in rules:
        of_topic = found.setdefault(rule.topic, {})
        for pattern in rule.types:
            matching = [type_ for type_ in known if fnmatchcase(type_, pattern)]
            if not matching:
                raise ValueError(f"no type is {pattern}")
            for type_ in matching:
                earlier = of_topic.get(type_)
                any_tenant = not rule.orgcodes or (earlier is not None and not earlier)
                of_topic[type_] = frozenset() if any_tenant else rule.orgcodes | (earlier or frozenset())
    return found
