"""Operations that only read. `worker.views` makes their answers."""

import asyncio
from dataclasses import replace
from typing import Final
from weakref import WeakValueDictionary

from pydantic import BaseModel

from schemas.problems import ApiReason
from schemas.reasons import Reason
from schemas.requests import EventSimulate
from worker.api.admitted import AdmittedRequest, Reply
from worker.api.body import validated
from worker.api.commands import names_card
from worker.api.guesses import Guesses
from worker.api.limits import Limits
from worker.api.problem import Problem, own, refusal
from worker.engine.rehearsal import Conflict
from worker.views import READINGS, Context, Invalid, Refused, Unknown

_CARDS: Final = frozenset({"gift_card", "from_card", "to_card"})


class Readings:
    """Answers each request from one moment of the ledger. A tenant reads on at most half of the connections."""

    def __init__(self, context: Context, limits: Limits, guesses: Guesses, connections: int) -> None:
        self._context = context
        self._limits = limits
        self._guesses = guesses
        self._at_once = max(1, connections // 2)
        self._reading: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()

    async def answer(self, asked: AdmittedRequest) -> Reply:
        """Return the answer. Raises Problem."""
        operation = asked.operation
        request: BaseModel = validated(operation.request, asked.body, asked.keyring)
        probes = isinstance(request, EventSimulate) and names_card_in(request.data) and not asked.trusted
        if not probes and not names_card(request):
            return await self._read(asked, request)
        async with self._guesses.guess(asked.caller) as guess:
            try:
                reply = await self._read(asked, request)
            except Problem as problem:
                if problem.reason == Reason.CARD_NOT_ACCEPTED.value:
                    guess.accepted = False
                raise
            guess.accepted = not probes  # a simulation shows whether a card exists, whatever its outcome
        if b'"card_not_accepted"' in reply.data:
            await self._limits.refuse(asked.began)
        return reply

    async def _read(self, asked: AdmittedRequest, request: BaseModel) -> Reply:
        context = replace(self._context, trusted=asked.trusted)
        try:
            async with self._turn(asked.caller.orgcode):
                answer = await READINGS[asked.operation.name](context, asked.caller.orgcode, request)
        except Refused as refused:
            if refused.reason is Reason.CARD_NOT_ACCEPTED:
                await self._limits.refuse(asked.began)
            raise refusal(refused.reason, detail=refused.detail) from None
        except Unknown:
            raise own(ApiReason.UNKNOWN_EVENT) from None
        except Invalid as wrong:
            raise own(ApiReason.INVALID, str(wrong)) from None
        except Conflict:
            raise own(ApiReason.CONFLICT) from None
        return Reply(answer.model_dump_json(exclude_none=True).encode())

    def _turn(self, orgcode: str) -> asyncio.Semaphore:
        turn = self._reading.get(orgcode)
        if turn is None:
            turn = self._reading[orgcode] = asyncio.Semaphore(self._at_once)
        return turn


def names_card_in(data: object) -> bool:
    """Return whether JSON that no model has checked yet names a card."""
    match data:
        case dict():
            return any(name in _CARDS or names_card_in(inner) for name, inner in data.items())
        case list():
            return any(map(names_card_in, data))
        case _:
            return False
