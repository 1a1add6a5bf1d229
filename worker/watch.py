"""Watches what this worker depends on: whether Kafka and Postgres answer, and whether the others of its group live.

A worker that is killed can't say goodbye, and Kafka waits a session timeout (10 s) for it. Postgres knows at once: the
lock that says that the worker lives is free. So each worker looks whose consumers are in the group and whose locks are
free, and lets those members leave; the group then divides their partitions within a second.
"""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final, TypeVar

from aiokafka.errors import KafkaError

from worker import errors
from worker.health import Status
from worker.kafka.group import Group
from worker.ledger.pool import Pool

_EVERY_S: Final = 0.5
_ANSWER_S: Final = 3.0
# A broker answers every fetch within half a second, records or none; none is sent while what was fetched is decided.
_SILENT_S: Final = 10.0
_T = TypeVar("_T")


class Watch:
    """`silent_s`: the seconds since a broker last answered a fetch."""

    def __init__(self, group: Group, pool: Pool, status: Status, silent_s: Callable[[], float]) -> None:
        self._group = group
        self._pool = pool
        self._status = status
        self._silent_s = silent_s
        self._gone: set[int] = set()

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            members = await self._asked("kafka", self._group.members) or {}
            self._look_at_fetches()
            workers = set(members.values()) - {self._pool.worker}
            gone = await self._asked("postgres", partial(self._pool.gone, workers, _ANSWER_S)) or set()
            for member, worker in members.items():
                if worker in gone & self._gone:  # twice: a lost connection is made again within a second
                    await self._asked("kafka", partial(self._group.remove, member))
            self._gone = gone
            await asyncio.sleep(_EVERY_S)

    def _look_at_fetches(self) -> None:
        if self._silent_s() > _SILENT_S:  # the broker that leads the group may answer while others don't
            self._status.down("fetch", f"no broker has answered a fetch for {_SILENT_S:g} s")
        else:
            self._status.up("fetch")

    async def _asked(self, part: str, question: Callable[[], Awaitable[_T]]) -> _T | None:
        """The answer; None, and the part is down, if there is none in time."""
        try:
            async with asyncio.timeout(_ANSWER_S):
                answer = await question()
        except KafkaError as error:
            if error.retriable:  # the coordinator moves, or is not there yet
                return None
            self._status.down(part, errors.describe(error))
        except TimeoutError:
            self._status.down(part, f"no answer within {_ANSWER_S:g} s")
        except Exception as error:  # noqa: BLE001  whatever it is, it can't be asked
            self._status.down(part, errors.describe(error))
        else:
            self._status.up(part)
            return answer
        return None
