"""A shell whose server answers with the examples, unless a test says otherwise."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.terminal.policies import policies
from tests.terminal.shell import Shell, by_example, shell_of

__all__ = ["policies", "shell"]


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shell]:
    """In a folder of its own, in the time zone of London."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TZ", "Europe/London")
    time.tzset()
    with shell_of(by_example, tmp_path) as one:
        yield one
    monkeypatch.undo()
    time.tzset()
