"""The import itself: rows to the API, so many at a time, each done once."""

import asyncio
import json
import signal
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, TextIO

from schemas.problems import Code
from worker.client.client import Client
from worker.client.failure import ApiError
from worker.crm.bulk.numbers import Numbers
from worker.crm.bulk.progress import Shown
from worker.crm.bulk.source import Row, Source
from worker.crm.bulk.state import State

# What is wrong with this row; anything else is wrong with all of them, and the import stops.
_OF_ROW: Final = frozenset(
    {
        Code.INVALID_REQUEST,
        Code.NOT_FOUND,
        Code.INVALID_STATE,
        Code.INSUFFICIENT_BALANCE,
        Code.CONFLICT,
        Code.TOO_LARGE,
    }
)


@dataclass(slots=True)
class Import:
    """One run. `failed` rows are in the file of errors; `stopped` says why not every row was asked."""

    source: Source
    state: State
    numbers: Numbers | None
    errors: TextIO
    shown: Shown
    done: int = 0
    failed: int = 0
    stopped: ApiError | None = None
    interrupted: bool = False
    _open: Iterator[Row] = field(init=False)

    def __post_init__(self) -> None:
        self._open = (row for row in self.source.rows() if not self.is_done(row))

    def is_done(self, row: Row) -> bool:
        """Whether nothing is left to do; a generated number that is not in the file has to be asked for again."""
        if row.number not in self.state.done:
            return False
        return self.numbers is None or has_number(row) or row.number in self.numbers.rows

    async def run(self, client: Client, concurrency: int) -> None:
        """Until every row has its answer, or one shows that none will get any; Ctrl-C ends it between two rows."""
        loop = asyncio.get_running_loop()
        for one in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(one, self._interrupt)
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(concurrency):
                    group.create_task(self._some(client))
        finally:
            for one in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(one)

    def _interrupt(self) -> None:
        self.interrupted = True
        self.shown.stopping()

    async def _some(self, client: Client) -> None:
        """Take the next row until there is none; what was asked is waited for, so that its answer is kept."""
        while not self.interrupted and self.stopped is None and (row := next(self._open, None)) is not None:
            try:
                answer = await client.call(
                    self.source.operation, row.body, idempotency_key=self.source.idempotency_key(row)
                )
            except ApiError as error:
                if error.code not in _OF_ROW:
                    self.stopped = error
                    return
                self._refused(row, error)
            else:
                told = answer.json()
                if self.numbers is not None and not has_number(row) and row.number not in self.numbers.rows:
                    self.numbers.add(row.number, told["number"], row.body, told)
                if row.number not in self.state.done:
                    self.state.add(row.number)
                self.done += 1
                self.shown.finished(failed=False)

    def _refused(self, row: Row, error: ApiError) -> None:
        line = {
            "row": row.number,
            "code": error.code.value,
            "reason": error.reason,
            "detail": error.detail,
            "idempotency_key": self.source.idempotency_key(row),
        }
        self.errors.write(json.dumps(line) + "\n")
        self.errors.flush()
        self.failed += 1
        self.shown.finished(failed=True)


def has_number(row: Row) -> bool:
    """Whether the row says the card's number itself."""
    return bool((row.body.get("gift_card") or {}).get("number"))
