"""A policy as text that a person edits: JSON with lines of comment; and what is wrong with what they made of it."""

import difflib
import json
from typing import Final

from pydantic import ValidationError

from schemas.errors import faults, path
from schemas.policy import Policy
from worker.terminal import strict_json

_HEAD: Final = """\
# The policy {of}. Lines that begin with # are no part of it.
# Decimals are strings ("0.5"), money is in minor units, times are RFC 3339 with offset.
# A member that is left out takes the default's value. Save and leave to go on; an empty file gives up.
"""


class PolicyInvalid(Exception):
    """What is wrong: a line each, with the path to the member or the line of the text."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


def written(form: object, of: str) -> str:
    """The text to edit; `of` says which version it is."""
    return _HEAD.format(of=of) + json.dumps(form, indent=2, ensure_ascii=False) + "\n"


def with_problems(text: str, problems: list[str]) -> str:
    """The same text, with what is wrong above it, instead of what was wrong before."""
    lines = [line for line in text.splitlines() if not line.startswith("#!")]
    return "\n".join([*(f"#! {problem}" for problem in problems), *lines]) + "\n"


def bare(text: str) -> str:
    """Without comments; lines keep their numbers."""
    return "\n".join("" if line.lstrip().startswith("#") else line for line in text.splitlines())


def parsed(text: str) -> Policy:
    """The policy that the text says (contract §4). Raises PolicyInvalid."""
    try:
        members = strict_json.parsed(bare(text))
    except strict_json.NotJson as error:
        raise PolicyInvalid([str(error)]) from None
    if not isinstance(members, dict):
        raise PolicyInvalid(["policy: an object"])
    try:
        return Policy.model_validate(members)
    except ValidationError as error:
        raise PolicyInvalid([f"{path(one.loc) or 'policy'}: {one.message}" for one in faults(error)]) from None


def difference(old: object, new: object) -> list[str]:
    """As `diff -u` would say it, without its head; empty if they are the same."""
    before, after = (json.dumps(form, indent=2, ensure_ascii=False).splitlines() for form in (old, new))
    return list(difflib.unified_diff(before, after, lineterm="", n=2))[2:]
