"""Stored outcome → bytes. The bytes are a function of the stored outcome, so a replay publishes the same bytes.

The encoder's version is stored with each outcome and chooses the encoder again. To change the bytes of outcomes, add an
entry to `ENCODERS`; never touch the entry of a version that was released.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache
from hashlib import blake2b
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import orjson

from schemas.envelope import OUTCOME_PREFIX, SOURCE, SPECVERSION
from schemas.reasons import Reason
from schemas.scalars import format_instant
from schemas.tuples import made
from worker.domain.state.accounts import POINTS_ACCOUNT
from worker.domain.state.identity import account_id
from worker.domain.state.outcome import CardPart, Notice, PointsPart, TenderPart
from worker.stored.codes import STATUSES
from worker.stored.outcome import OutcomeV1

ENCODER_VERSION: Final = 1
REPLAYED: Final = ("crm-replayed", b"true")
TENDER_CHANGED: Final = "crm.tender.changed"
HOLD_EXPIRED: Final = "crm.hold.expired"


class Message(NamedTuple):
    """A message for Kafka."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...] = ()


class DocumentOutcome(NamedTuple):
    """A stored outcome and its document. `step`: the outcome's place among those of the document. `headers`: of its
    messages. `version`: the encoder's, stored with the outcome.
    """

    orgcode: str
    type: str
    subject: str
    step: int
    outcome: OutcomeV1
    headers: tuple[tuple[str, bytes], ...] = ()
    version: int = ENCODER_VERSION


class Outlet:
    """Writes outcomes and notices as messages for their topics."""

    def __init__(self, outcomes: str, tender_outcomes: str, consumer_group: str) -> None:
        """`consumer_group` is named in dead letters (`worker.codec.letter`)."""
        self._outcomes = outcomes
        self._tender_outcomes = tender_outcomes
        self.consumer_group: Final = consumer_group

    def messages(self, of: DocumentOutcome) -> list[Message]:
        """Return the outcome of one step of a document, and its notices."""
        outcome, encoder = of.outcome, ENCODERS[of.version]
        if outcome.notice is not None and _of_nobody(outcome):
            return []
        messages = [self._outcome(of, encoder)]
        if outcome.tenders:
            messages += [self._changed(of, part, encoder) for part in outcome.tenders if part.moved]
        if outcome.notices:
            messages += [self._noticed(of, notice, encoder) for notice in outcome.notices]
        return messages

    def _outcome(self, of: DocumentOutcome, encoder: "Encoder") -> Message:
        type_, subject, step, notice = of.type, of.subject, str(of.step), of.outcome.notice
        data = encoder.outcome(of)
        customer_id = data.get("customer_id")
        if type_.startswith("scm.tender.") or notice == HOLD_EXPIRED:
            topic, key = self._tender_outcomes, subject
        else:
            topic, key = self._outcomes, customer_id or subject
        if notice is not None:
            about = _notice_subject(data, subject)
            value = _envelope(of, step, notice, about, data)
            return Message(
                topic, (key if topic == self._tender_outcomes else customer_id or about).encode(), value, of.headers
            )
        value = _envelope(of, step, OUTCOME_PREFIX + type_[4:], subject, data)
        return made(Message, (topic, key.encode(), value, of.headers))

    def _noticed(self, of: DocumentOutcome, notice: Notice, encoder: "Encoder") -> Message:
        """A notice to another customer whose points they are, too."""
        step = f"{of.step}\n{notice.type}\n{notice.customer_id}"
        value = _envelope(of, step, notice.type, notice.customer_id, encoder.noticed(notice, of.orgcode))
        return Message(self._outcomes, notice.customer_id.encode(), value, of.headers)

    def _changed(self, of: DocumentOutcome, part: TenderPart, encoder: "Encoder") -> Message:
        """`crm.tender.changed`: a sale, its void or a return moved a tender."""
        tender_id = part.tender_id
        value = _envelope(of, f"{of.step}\n{tender_id}", TENDER_CHANGED, tender_id, encoder.changed(of, part))
        return Message(self._tender_outcomes, tender_id.encode(), value, of.headers)


_EVENT_ID: Final = blake2b(digest_size=16, person=b"crm-event")


def event_id(orgcode: str, type_: str, subject: str, step: str) -> str:
    """Return the envelope's `id`: a function of the input's identity and the step."""
    id_ = _EVENT_ID.copy()
    id_.update(f"{orgcode}\n{type_}\n{subject}\n{step}".encode())
    return id_.hexdigest()


@lru_cache(maxsize=64)
def _time(at_us: int) -> str:
    return format_instant(at_us)


def _envelope(of: DocumentOutcome, step: str, type_: str, subject: str, data: dict[str, Any]) -> bytes:
    return orjson.dumps(
        {
            "specversion": SPECVERSION,
            "id": event_id(of.orgcode, of.type, of.subject, step),
            "source": SOURCE,
            "type": type_,
            "subject": subject,
            "orgcode": of.orgcode,
            "time": _time(of.outcome.time_us),
            "datacontenttype": "application/json",
            "data": data,
        }
    )


def _ids(data: dict[str, Any], outcome: OutcomeV1, subject: str) -> None:
    if outcome.customer_id is not None:
        data["customer_id"] = subject if outcome.customer_id is True else outcome.customer_id
    if outcome.sale_id is not None:
        data["sale_id"] = subject if outcome.sale_id is True else outcome.sale_id
    if outcome.return_id is not None:
        data["return_id"] = subject if outcome.return_id is True else outcome.return_id
    if outcome.tender_id is not None:
        data["tender_id"] = subject if outcome.tender_id is True else outcome.tender_id


def _of_nobody(outcome: OutcomeV1) -> bool:
    """Return whether it is a deadline of points without a customer, which a pool kept when its last member left before
    version 0.2. Such deadlines are booked, but nobody gets a notice.
    """
    points = outcome.points is not None and outcome.tender is None
    return outcome.notice is not None and outcome.customer_id is None and points


def _notice_subject(data: dict[str, Any], subject: str) -> str:
    if "tender_id" in data:
        return str(data["tender_id"])
    if data.get("gift_cards"):
        return str(data["gift_cards"][0]["card_id"])
    return str(data.get("customer_id") or subject)


def _data(of: DocumentOutcome) -> dict[str, Any]:
    """`data` of an outcome (contract §3)."""
    orgcode, outcome = of.orgcode, of.outcome
    data: dict[str, Any] = {"status": STATUSES[outcome.status]}
    if outcome.reason is not None:
        data["reason"] = outcome.reason
        data["category"] = Reason(outcome.reason).category.value
    _ids(data, outcome, of.subject)
    if outcome.points is not None:
        data["points"] = _points(outcome.points, orgcode, data.get("customer_id", ""))
    if outcome.counterparty is not None:
        other_id, points = outcome.counterparty
        data["counterparty"] = {"customer_id": other_id, "points": _points(points, orgcode, other_id)}
    if outcome.gift_cards:
        data["gift_cards"] = [_card(card) for card in outcome.gift_cards]
    if outcome.tender is not None:
        data["tender"] = _tender(outcome.tender)
    if outcome.tenders and (listed := [_tender(part) for part in outcome.tenders if part.listed]):
        data["tenders"] = listed
    if outcome.lines:
        data["lines"] = [{"line_id": line_id, "points": earned} for line_id, earned in outcome.points_by_line()]
    if outcome.policy_version is not None:
        data["policy_version"] = outcome.policy_version
    return data


def _changed(of: DocumentOutcome, part: TenderPart) -> dict[str, Any]:
    """`data` of a `crm.tender.changed`."""
    data: dict[str, Any] = {"status": "applied"}
    _ids(data, of.outcome, of.subject)
    if part.customer_id is not True:  # the tender's own customer, not that of the sale
        data.pop("customer_id", None)
        if part.customer_id is not None:
            data["customer_id"] = part.customer_id
        if part.account is not None:
            data["points"] = _points(part.account, of.orgcode, part.customer_id or "")
    data["tender_id"] = part.tender_id
    data["tender"] = _tender(part)
    data["cause"] = {"type": of.type, "id": of.subject}
    return data


def _noticed(notice: Notice, orgcode: str) -> dict[str, Any]:
    """`data` of a notice about the points of one customer."""
    points = _points(notice.points, orgcode, notice.customer_id)
    return {"status": "applied", "customer_id": notice.customer_id, "points": points}


def _points(part: PointsPart, orgcode: str, customer_id: str) -> dict[str, Any]:
    change, balance, available, held, pending, version, reason, claimed, account = part
    if not claimed:
        return {"change": change, "reason": reason}
    points: dict[str, Any] = {
        "change": change,
        "balance": balance,
        "available": available,
        "held": held,
        "pending": pending,
        "version": version,
    }
    if account is not None:
        type_, key = (POINTS_ACCOUNT, customer_id) if account is True else account
        points["account"] = account_id(orgcode, type_, key)
    if reason is not None:
        points["reason"] = reason
    return points


def _card(part: CardPart) -> dict[str, Any]:
    card_id, last4, currency, change_minor, balance_minor, held_minor, version, reason = part
    if not card_id:
        return {"reason": reason}
    card: dict[str, Any] = {"card_id": card_id}
    if last4:
        card["last4"] = last4
    card |= {
        "currency": currency,
        "change_minor": change_minor,
        "balance_minor": balance_minor,
        "held_minor": held_minor,
        "version": version,
    }
    if reason is not None:
        card["reason"] = reason
    return card


def _tender(part: TenderPart) -> dict[str, Any]:
    tender_id, state, requested, approved, captured, refunded, points, expires_us, reason = part[:9]
    tender: dict[str, Any] = {
        "tender_id": tender_id,
        "state": state,
        "requested_minor": requested,
        "approved_minor": approved,
        "captured_minor": captured,
        "refunded_minor": refunded,
    }
    if points is not None:
        tender["points"] = points
    if expires_us is not None:
        tender["expires_at"] = format_instant(expires_us)
    if reason is not None:
        tender["reason"] = reason
    return tender


class Encoder(NamedTuple):
    """Makes `data` of a stored outcome. The envelope around it is the same in every version."""

    outcome: Callable[[DocumentOutcome], dict[str, Any]]
    changed: Callable[[DocumentOutcome, TenderPart], dict[str, Any]]
    noticed: Callable[[Notice, str], dict[str, Any]]


ENCODERS: Final[Mapping[int, Encoder]] = MappingProxyType({1: Encoder(_data, _changed, _noticed)})
