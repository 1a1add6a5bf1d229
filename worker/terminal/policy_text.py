"""A policy as a text that people edit: JSON with comment lines. Also the errors in such a text."""

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
    """The text is not a valid policy. Each line of the message has the path of a member, or a line of the text."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


def written(form: object, of: str) -> str:
    """Return the text to edit; `of` says which version it is."""
    return _HEAD.format(of=of) + json.dumps(form, indent=2, ensure_ascii=False) + "\n"


def with_problems(text: str, problems: list[str]) -> str:
    """Return the text with these errors above it, in place of earlier ones."""
    lines = [line for line in text.splitlines() if not line.startswith("#!")]
    return "\n".join([*(f"#! {problem}" for problem in problems), *lines]) + "\n"


def bare(text: str) -> str:
    """Return the text without comments. Lines keep their numbers."""
    return "\n".join("" if line.lstrip().startswith("#") else line for line in text.splitlines())


def parsed(text: str) -> Policy:
    """Return the policy in the text (contract §4). Raises PolicyInvalid."""
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
    """Return what `diff -u` shows, without its head; empty if the two are equal."""
    before, after = (json.dumps(form, indent=2, ensure_ascii=False).splitlines() for form in (old, new))
    return list(difflib.unified_diff(before, after, lineterm="", n=2))[2:]
