"""A desk whose server answers by the examples; a test may say another answer."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crm.desk import Desk, by_example, desk_of


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """In a folder of its own, in the time zone of London."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TZ", "Europe/London")
    time.tzset()
    with desk_of(by_example, tmp_path) as one:
        yield one
    monkeypatch.undo()
    time.tzset()
