"""The import itself: send rows to the API, several at a time, each with one effect."""

import asyncio
import json
import signal
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import FileIO
from typing import Final

from schemas.problems import Code
from worker.client.client import Client
from worker.client.failure import ApiError
from worker.terminal.bulk.numbers import Numbers
from worker.terminal.bulk.progress import Shown
from worker.terminal.bulk.row import Row
from worker.terminal.bulk.source import Source
from worker.terminal.bulk.state import State, StateInvalid, append

# Errors of one row. Any other error concerns all rows, and the import stops.
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
    """One run. `already` counts rows of earlier runs, `failed` those in the file of errors. `stopped` says why rows
    were left: the API's reason, or that the state can't be written.
    """

    source: Source
    state: State
    numbers: Numbers | None
    errors: FileIO
    done: int = 0
    failed: int = 0
    stopped: ApiError | StateInvalid | OSError | None = None
    interrupted: bool = False
    already: int = field(init=False)
    _shown: Shown = field(init=False)
    _task: asyncio.Task[None] | None = field(init=False, default=None)
    _open: Iterator[Row] = field(init=False)

    def __post_init__(self) -> None:
        self.already = sum(map(self.is_done, self.source.rows())) if self.state.done else 0
        self._shown = Shown(self.source.count, self.already)
        self._open = (row for row in self.source.rows() if not self.is_done(row))

    def is_done(self, row: Row) -> bool:
        """Return whether the row is done. If its generated number is not in the file, the row is sent again."""
        if row.number not in self.state.done:
            return False
        return self.numbers is None or has_number(row) or row.number in self.numbers.kept

    async def run(self, client: Client, concurrency: int) -> None:
        """Run until every row has its answer, or an error shows that none will. Ctrl-C stops between two rows; a second
        one stops at once.
        """
        self._task = asyncio.current_task()
        loop = asyncio.get_running_loop()
        for one in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(one, self._interrupt)
        try:
            with self._shown:
                await self._all(client, concurrency)
        except asyncio.CancelledError:
            if not self.interrupted:
                raise
        finally:
            for one in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(one)

    async def _all(self, client: Client, concurrency: int) -> None:
        async with asyncio.TaskGroup() as group:
            for _ in range(concurrency):
                group.create_task(self._some(client))

    def _interrupt(self) -> None:
        if self.interrupted and self._task is not None:
            self._task.cancel()
        self.interrupted = True
        self._shown.stopping()

    async def _some(self, client: Client) -> None:
        """Take rows until none is left. Wait for the answers of rows that were sent, so that they are recorded."""
        while not self.interrupted and self.stopped is None and (row := next(self._open, None)) is not None:
            try:
                await self._one(client, row)
            except (ApiError, StateInvalid, OSError) as error:
                self.stopped = error

    async def _one(self, client: Client, row: Row) -> None:
        key = self.source.idempotency_key(row)
        try:
            answer = await client.call(self.source.layout.operation, row.body, idempotency_key=key)
        except ApiError as error:
            if error.code not in _OF_ROW:
                raise
            self._refused(row, error)
            return
        if self.numbers is not None and not has_number(row):
            self.numbers.add(row.number, row.body, answer.json())
        if row.number not in self.state.done:
            self.state.add(row.number)
        self.done += 1
        self._shown.finished(failed=False)

    def _refused(self, row: Row, error: ApiError) -> None:
        line = {
            "row": row.number,
            "code": error.code.value,
            "reason": error.reason,
            "detail": error.detail,
            "idempotency_key": self.source.idempotency_key(row),
        }
        append(self.errors, json.dumps(line).encode() + b"\n")
        self.failed += 1
        self._shown.finished(failed=True)


def has_number(row: Row) -> bool:
    """Return whether the row has the card's number."""
    return bool((row.body.get("gift_card") or {}).get("number"))
