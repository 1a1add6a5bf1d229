"""Operations that change something: the body becomes a document, and the answer is the data of its outcome."""

from typing import Any, Final

import orjson
from pydantic import BaseModel, ValidationError

from schemas.cards import CardRef, NewCard
from schemas.problems import ApiReason
from schemas.reasons import DeadLetterReason, Reason
from schemas.scalars import DAY_US
from worker.api.admitted import AdmittedRequest, Reply
from worker.api.batcher import Answer, Batcher
from worker.api.body import invalid
from worker.api.guesses import Guesses
from worker.api.issuers import Issue, Issuers
from worker.api.limits import Limits
from worker.api.problem import not_any_more, own, refusal
from worker.codec import Document, Message
from worker.codec.interface import document, numbered
from worker.engine.messages import TENDER_STATE
from worker.ops.simulate import outcome

_REFUSED: Final = frozenset({"rejected", "declined"})
_NO_OUTCOME: Final = {
    DeadLetterReason.CONFLICT: ApiReason.CONFLICT,
    DeadLetterReason.REFUSED_BY_DATABASE: ApiReason.REFUSED_BY_DATABASE,
    DeadLetterReason.FAILED: ApiReason.INTERNAL_ERROR,
}


# The reason for refusing a repeated approval, by the tender's present state.
_OVER: Final = {"voided": Reason.ALREADY_VOIDED, "expired": Reason.HOLD_EXPIRED}


class Commands:
    """Decides each request as one document in a batch."""

    def __init__(self, batcher: Batcher, limits: Limits, guesses: Guesses, issuers: Issuers) -> None:
        self._batcher = batcher
        self._limits = limits
        self._guesses = guesses
        self._issuers = issuers

    async def answer(self, asked: AdmittedRequest, now_us: int) -> Reply:
        """Return the data of the outcome. Raises Problem if the document was refused."""
        decided, number, issue = await self._decide(asked, now_us)
        if isinstance(decided, DeadLetterReason):
            raise own(_NO_OUTCOME[decided])
        data, stored = outcome(decided)
        headers = _replayed(decided) if stored else {}
        if stored and asked.operation.document == "scm.tender.requested":
            _refuse_if_over(data, headers)
        if issue is not None and not await self._issuers.may_see_number(issue, stored=stored):
            number = None
        if data["status"] not in _REFUSED:
            return Reply(orjson.dumps(data if number is None else {**data, "number": number}), headers)
        reason = Reason(data["reason"])
        if reason is Reason.CARD_NOT_ACCEPTED:
            await self._limits.refuse(asked.began)
        problem = refusal(reason, data)
        problem.headers |= headers
        raise problem

    async def _decide(self, asked: AdmittedRequest, now_us: int) -> tuple[Answer, str | None, Issue | None]:
        """Return the answer; and, if the card's number was generated, the number, which is shown here and nowhere else,
        and its issuer.
        """
        operation = asked.operation
        assert operation.document is not None  # noqa: S101  only readings have none
        data = asked.body
        if asked.document_id is not None and operation.id_field is not None:
            data = {**data, operation.id_field: asked.document_id}
        made = numbered(operation.document, data, asked.document_id or "", asked.keyring)
        issue = await self._issuers.note(asked.caller, asked.document_id or "") if made else None
        for one in made:
            answer = await self._batcher.decide(self._document(asked, one, now_us))
            if answer is not DeadLetterReason.CONFLICT or one is made[-1]:
                return answer, one["gift_card"]["number"], issue
        return await self._one(asked, data, now_us), None, None

    async def _one(self, asked: AdmittedRequest, data: dict[str, Any], now_us: int) -> Answer:
        read = self._document(asked, data, now_us)
        if read.model.occurred_at > now_us + DAY_US:
            raise own(ApiReason.INVALID, "occurred_at: at most 24 hours ahead of the clock")
        if not names_card(read.model):
            return await self._batcher.decide(read)
        async with self._guesses.guess(asked.caller) as guess:
            answer = await self._batcher.decide(read)
            guess.accepted = _accepted(answer, read)
            return answer

    def _document(self, asked: AdmittedRequest, data: dict[str, Any], now_us: int) -> Document:
        assert asked.operation.document is not None  # noqa: S101  as above
        try:
            return document(
                asked.operation.document, data, asked.keyring, now_us,
                trusted=asked.trusted, traceparent=asked.traceparent,
            )  # fmt: skip
        except ValidationError as error:
            raise invalid(error) from None


def _refuse_if_over(data: dict[str, Any], headers: dict[str, str]) -> None:
    """Raise a Problem if a repeated authorization authorizes nothing any more: the till must not read its stored answer
    as a yes (contract HTTP9).
    """
    reason = Reason(data["reason"]) if data["status"] == "declined" else _OVER.get(headers.get("Crm-Tender-State", ""))
    if reason is not None:
        raise not_any_more(reason, data, headers)


def names_card(request: BaseModel) -> bool:
    """Return whether the answer tells something about a card that the caller may be guessing: a card that is looked up,
    or a number that is issued.
    """
    return any(
        isinstance(value, CardRef)
        or (isinstance(value, NewCard) and value.number is not None)
        or (isinstance(value, tuple) and any(isinstance(one, BaseModel) and names_card(one) for one in value))
        for _, value in request
    )


def _accepted(answer: Answer, document: Document) -> bool | None:
    """Return whether the card was accepted; None if nothing was decided. A command that makes a card must succeed,
    because a refused one shows that the number exists.
    """
    if isinstance(answer, DeadLetterReason):
        return None
    if any(isinstance(value, NewCard) for _, value in document.model):
        return outcome(answer)[0]["status"] not in _REFUSED
    return all(b'"card_not_accepted"' not in (message.value or b"") for message in answer)


def _replayed(messages: list[Message]) -> dict[str, str]:
    """Return the headers of a replayed answer, with the present state of its tender (contract ID5, ID6)."""
    state = next((text for message in messages for name, text in message.headers if name == TENDER_STATE), None)
    return {"Idempotency-Replayed": "true"} | ({} if state is None else {"Crm-Tender-State": state.decode()})
