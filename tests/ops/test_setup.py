"""`g3n worker setup` of a ledger that exists: a large one takes minutes, and says what it does."""

import pytest

from tests.ops.test_dlq import With, with_
from worker.app import connect
from worker.app.setup import setup

__all__ = ["with_"]
NO_TIME_S = 0.001 - 5


async def test_migrations_take_as_long_as_they_take(
    with_: With, empty_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only waiting for Postgres to come up has a limit. Each migration is told when it is done."""
    said: list[str] = []

    def say(line: str) -> None:
        monkeypatch.setattr(connect, "START_S", 30.0)  # for what comes after the migrations
        said.append(line)

    monkeypatch.setattr(connect, "START_S", NO_TIME_S)
    await setup(with_(G3N_POSTGRES_DSN=empty_database, G3N_DEVELOPMENT="true"), say)
    assert said[0] == "migration 0001_ledger: applied"
