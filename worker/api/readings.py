"""Operations that only read; their answers are made in `worker.views`."""

import asyncio
from dataclasses import replace
from typing import Final
from weakref import WeakValueDictionary

from pydantic import BaseModel

from schemas.problems import DoorReason
from schemas.reasons import Reason
from worker.api.asking import Asked, Told
from worker.api.body import validated
from worker.api.commands import names_card
from worker.api.limits import Limits
from worker.api.problem import own, refusal
from worker.pipeline import Conflict
from worker.views import READINGS, Desk, Invalid, Refused, Unknown

SIMULATE: Final = "event.simulate"


class Readings:
    """Each request is one moment of the ledger. A tenant reads on half of the connections at most."""

    def __init__(self, desk: Desk, limits: Limits, connections: int) -> None:
        self._desk = desk
        self._limits = limits
        self._at_once = max(1, connections // 2)
        self._reading: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()

    async def answer(self, asked: Asked) -> Told:
        """What was asked for. Raises Problem."""
        operation, key_id = asked.operation, asked.caller.key_id
        request: BaseModel = validated(operation.request, asked.body, asked.keyring)
        if names_card(request) or operation.name == SIMULATE:
            self._limits.check_card(key_id)
        desk = replace(self._desk, trusted=asked.trusted)
        try:
            async with self._turn(asked.caller.orgcode):
                answer = await READINGS[operation.name](desk, asked.caller.orgcode, request)
        except Refused as refused:
            if refused.reason is Reason.CARD_NOT_ACCEPTED:
                await self._limits.missed(key_id, asked.began)
            raise refusal(refused.reason) from None
        except Unknown:
            raise own(DoorReason.UNKNOWN_EVENT) from None
        except Invalid as wrong:
            raise own(DoorReason.INVALID, str(wrong)) from None
        except Conflict:
            raise own(DoorReason.CONFLICT) from None
        data = answer.model_dump_json(exclude_none=True).encode()
        if operation.name == SIMULATE and b'"card_not_accepted"' in data:
            await self._limits.missed(key_id, asked.began)
        return Told(data)

    def _turn(self, orgcode: str) -> asyncio.Semaphore:
        turn = self._reading.get(orgcode)
        if turn is None:
            turn = self._reading[orgcode] = asyncio.Semaphore(self._at_once)
        return turn
