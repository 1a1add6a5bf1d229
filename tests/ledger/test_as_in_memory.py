"""Every row of the domain's tables, each a tenant of its own, decided by the pipeline as it is in memory."""

import re
from datetime import UTC, datetime
from typing import Any

import asyncpg

from tests.codec.records import Record
from tests.domain.room import Room
from tests.domain.stage import Stage
from tests.language.documents import Clock, build
from tests.language.table import FOLDER, Row, rows
from tests.language.words import batch, words
from tests.ledger.conftest import BROKEN_CHAINS, NOW_US, Worker, record, said

NOW = datetime.fromtimestamp(NOW_US // 1_000_000, UTC)
# What no test can make happen to a real clock, and what no topic can say.
LATER = "crm.giftcard.frozen"  # ten seconds after the freeze, like whatever is due when it is written
ONLY_IN_MEMORY = re.compile(r"wait |(@|from=|day)\d{4}-| trusted\b")


class Player(Stage):
    """A row played twice: in memory, and as records for the pipeline."""

    def __init__(self, number: int, row: Row) -> None:
        super().__init__(Room(f"t{number}"), Clock(NOW), NOW, checked=False)
        self.org = f"t{number}"
        self.row = row
        self.steps = [*row.given, *row.when]

    def step(self, place: int) -> tuple[list[Record], list[dict[str, Any]]]:
        """The records of a step, and what the room says to it."""
        if place >= len(self.steps):
            return [], []
        text = self.steps[place]
        sent = []
        for one in batch(text):
            document = build(words(one, self.now), self.clock)
            sent.append(record(document.type, document.data, self.org))
            sent[-1].timestamp = int(document.stamped.timestamp()) * 1000
        return sent, [item for item in self.play(text) if "dead_letter" not in item and item["type"] != LATER]


def comparable(item: dict[str, Any]) -> str:
    return repr(sorted((name, value) for name, value in item.items() if name not in ("time", "replayed")))


async def test_every_row(worker: Worker, connection: asyncpg.Connection) -> None:
    every = [row for path in sorted(FOLDER.glob("*.txt")) for row in rows(path)]
    players = [
        Player(number, row)
        for number, row in enumerate(every)
        if not any(ONLY_IN_MEMORY.search(step) for step in (*row.given, *row.when))
    ]
    assert len(players) > 300
    for place in range(max(len(player.steps) for player in players)):
        records: list[Record] = []
        expected: list[dict[str, Any]] = []
        for player in players:
            sent, told = player.step(place)
            records += sent
            expected += told
        messages = (await worker.apply(worker.decode(records, int(NOW.timestamp()) * 1_000_000), {})).messages
        told = said(messages) + said(await worker.rest())
        assert sorted(map(comparable, told)) == sorted(map(comparable, expected))
    assert await connection.fetch("SELECT * FROM imbalance") == []
    assert await connection.fetch(BROKEN_CHAINS) == []
    booked = {(row["code"], row["kind"], row["key"]): (row["balance"], row["held"], row["version"]) for row in
              await connection.fetch("SELECT o.code, a.* FROM account a JOIN org o ON o.id = a.org")}  # fmt: skip
    assert booked == {
        (player.org, int(kind), key): (account.balance, account.held, account.version)
        for player in players
        for (kind, key), account in player.room.accounts.items()
    }
