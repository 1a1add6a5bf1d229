"""docs/api.md agrees with the code."""

import re
from pathlib import Path

from schemas.problems import API_REASONS, PROBLEMS, ApiReason
from schemas.scopes import Scope

PAGE = (Path(__file__).parents[2] / "docs" / "api.md").read_text(encoding="utf-8")


def test_every_reason_of_the_interface_is_explained() -> None:
    rows = re.findall(r"^\| `(\w+)` \| `([\w-]+)` \| (\d+) \|", PAGE, flags=re.MULTILINE)
    told = {reason: (code, int(status)) for reason, code, status in rows}
    said = {
        reason.value: (API_REASONS[reason].code.value, PROBLEMS[API_REASONS[reason].code].status)
        for reason in ApiReason
    }
    assert told == said


def test_every_scope_is_named() -> None:
    assert [scope.value for scope in Scope if f"`{scope.value}`" not in PAGE] == []
