"""Outcome → facts → bytes. The facts are stored, the bytes are a function of them: a replay publishes the same.

The version of the encoder is stored with the facts and chooses the encoder that reads them. Whoever changes the bytes
that some facts become adds an entry to `ENCODERS`, and never touches the entry of a version that was released.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import orjson

from schemas.envelope import OUTCOME_PREFIX, SOURCE, SPECVERSION
from schemas.reasons import Reason
from schemas.scalars import format_instant
from worker.domain.identity import account_id
from worker.domain.lots import Kind
from worker.domain.outcome import Outcome, PointsPart, TenderPart

ENCODER_VERSION: Final = 1
STATUSES: Final = ("applied", "partial", "rejected", "parked", "ignored", "approved", "declined")
STATUS_CODE: Final = {status: code for code, status in enumerate(STATUSES)}
REPLAYED: Final = ("crm-replayed", b"true")
TENDER_CHANGED: Final = "crm.tender.changed"
HOLD_EXPIRED: Final = "crm.hold.expired"
TENDER_PARTS: Final = 10  # of a tender in facts; those of one that moved follow
NOTICES: Final = 15  # place of the notices to others among the facts

Facts = list[Any]
"""One outcome as positions: time_us, status, reason, customer_id, sale_id, return_id, tender_id, points, cards, tender,
tenders, lines, policy_version, notice; then, where there are any, the counterparty [customer_id, points] and notices to
others [type, customer_id, points]. An id that is the subject is stored as True. Since 0.2 a tender that moved has three
more parts: whether it is listed, its customer, their points."""


@dataclass(slots=True, frozen=True)
class Message:
    """What goes to Kafka."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...] = ()


def facts_of(outcome: Outcome, subject: str, time_us: int) -> Facts:
    """What is stored of an outcome."""
    reason = outcome.reason
    return [
        time_us,
        STATUS_CODE[outcome.status],
        None if reason is None else reason.value,
        *(
            True if id_ == subject else id_
            for id_ in (outcome.customer_id, outcome.sale_id, outcome.return_id, outcome.tender_id)
        ),
        None if outcome.points is None else _points_facts(outcome.points, outcome.customer_id),
        [list(card) for card in outcome.gift_cards],
        None if outcome.tender is None else _tender_facts(outcome.tender),
        [_tender_facts(tender) for tender in outcome.tenders],
        [number for line in outcome.lines for number in line],
        outcome.policy_version,
        outcome.notice or None,
        *_others(outcome),
    ]


def _others(outcome: Outcome) -> list[Any]:
    """The parts that few outcomes have."""
    other = outcome.counterparty
    counterparty = None if other is None else [other[0], _points_facts(other[1], other[0])]
    notices = [[one.type, one.customer_id, _points_facts(one.points, one.customer_id)] for one in outcome.notices]
    return [counterparty, notices] if notices else [] if counterparty is None else [counterparty]


def _points_facts(part: PointsPart, customer_id: str | None) -> list[Any]:
    """The account stands as True where it is the customer's own, as it nearly always is."""
    own = part.account == (Kind.POINTS, customer_id)
    return [*part[:-1], True if own else part.account]


def _tender_facts(part: TenderPart) -> Facts:
    if not part.moved:
        return list(part[:TENDER_PARTS])
    return [*part[:-1], None if part.account is None else _points_facts(part.account, part.customer_id)]


def is_listed(part: Sequence[Any]) -> bool:
    """Whether the outcome lists a tender; of one that it does not list only a notice tells."""
    return len(part) == TENDER_PARTS or bool(part[TENDER_PARTS])


class Outlet:
    """Writes outcomes and notices as messages for their topics."""

    def __init__(self, outcomes: str, tender_outcomes: str, consumer_group: str) -> None:
        """`consumer_group` is named in dead letters (`worker.codec.letter`)."""
        self._outcomes = outcomes
        self._tender_outcomes = tender_outcomes
        self.consumer_group: Final = consumer_group

    def messages(
        self,
        orgcode: str,
        type_: str,
        subject: str,
        step: int,
        facts: Facts,
        headers: tuple[tuple[str, bytes], ...] = (),
        version: int = ENCODER_VERSION,
    ) -> list[Message]:
        """The outcome of one step of a document, and its notices. `version`: the encoder's, stored with the facts."""
        encoder = ENCODERS[version]
        if _of_nobody(facts):
            return []
        messages = [self._outcome(orgcode, type_, subject, step, facts, headers, encoder)]
        messages += [
            self._changed(orgcode, type_, subject, step, facts, part, headers, encoder) for part in facts[10] if part[9]
        ]
        for notice in facts[NOTICES] if len(facts) > NOTICES else ():
            messages.append(self._noticed(orgcode, type_, subject, step, facts, notice, headers, encoder))
        return messages

    def _outcome(
        self, orgcode: str, type_: str, subject: str, step: int, facts: Facts, headers: tuple[tuple[str, bytes], ...],
        encoder: "Encoder",
    ) -> Message:  # fmt: skip
        notice = facts[13]
        data = encoder.outcome(facts, orgcode, subject)
        customer_id = data.get("customer_id")
        if type_.startswith("scm.tender.") or notice == HOLD_EXPIRED:
            topic, key = self._tender_outcomes, subject
        else:
            topic, key = self._outcomes, customer_id or subject
        if notice is not None:
            about = _notice_subject(data, subject)
            value = _envelope(event_id(orgcode, type_, subject, str(step)), notice, about, orgcode, facts[0], data)
            return Message(
                topic, (key if topic == self._tender_outcomes else customer_id or about).encode(), value, headers
            )
        name = OUTCOME_PREFIX + type_[4:]
        value = _envelope(event_id(orgcode, type_, subject, str(step)), name, subject, orgcode, facts[0], data)
        return Message(topic, key.encode(), value, headers)

    def _noticed(
        self, orgcode: str, type_: str, subject: str, step: int, facts: Facts, notice: list[Any],
        headers: tuple[tuple[str, bytes], ...], encoder: "Encoder",
    ) -> Message:  # fmt: skip
        """A notice to another customer whose points they are, too."""
        notice_type, customer_id, _ = notice
        data = encoder.noticed(notice, orgcode)
        id_ = event_id(orgcode, type_, subject, f"{step}\n{notice_type}\n{customer_id}")
        value = _envelope(id_, notice_type, customer_id, orgcode, facts[0], data)
        return Message(self._outcomes, customer_id.encode(), value, headers)

    def _changed(
        self, orgcode: str, type_: str, subject: str, step: int, facts: Facts, part: list[Any],
        headers: tuple[tuple[str, bytes], ...], encoder: "Encoder",
    ) -> Message:  # fmt: skip
        """`crm.tender.changed`: a sale, its void or a return moved a tender."""
        tender_id = part[0]
        data = encoder.changed(facts, part, orgcode, type_, subject)
        id_ = event_id(orgcode, type_, subject, f"{step}\n{tender_id}")
        value = _envelope(id_, TENDER_CHANGED, tender_id, orgcode, facts[0], data)
        return Message(self._tender_outcomes, tender_id.encode(), value, headers)


def event_id(orgcode: str, type_: str, subject: str, step: str) -> str:
    """The envelope's `id`: a function of the input's identity and the step."""
    text = f"{orgcode}\n{type_}\n{subject}\n{step}"
    return blake2b(text.encode(), digest_size=16, person=b"crm-event").hexdigest()


@lru_cache(maxsize=64)
def _time(at_us: int) -> str:
    return format_instant(at_us)


def _envelope(id_: str, type_: str, subject: str, orgcode: str, time_us: int, data: dict[str, Any]) -> bytes:
    return orjson.dumps(
        {
            "specversion": SPECVERSION,
            "id": id_,
            "source": SOURCE,
            "type": type_,
            "subject": subject,
            "orgcode": orgcode,
            "time": _time(time_us),
            "datacontenttype": "application/json",
            "data": data,
        }
    )


def _ids(data: dict[str, Any], facts: Facts, subject: str) -> None:
    for name, id_ in zip(("customer_id", "sale_id", "return_id", "tender_id"), facts[3:7], strict=True):
        if id_ is not None:
            data[name] = subject if id_ is True else id_


def _of_nobody(facts: Facts) -> bool:
    """A deadline of points that no customer has: those that a pool kept when its last member left it before version
    0.2. They are booked, and nobody is told.
    """
    return facts[13] is not None and facts[3] is None and facts[7] is not None and facts[9] is None


def _notice_subject(data: dict[str, Any], subject: str) -> str:
    if "tender_id" in data:
        return str(data["tender_id"])
    if data.get("gift_cards"):
        return str(data["gift_cards"][0]["card_id"])
    return str(data.get("customer_id") or subject)


def _data(facts: Facts, orgcode: str, subject: str) -> dict[str, Any]:
    """`data` of an outcome (contract §3)."""
    _, status, reason, _, _, _, _, points, cards, tender, tenders, lines, policy_version, _, *others = facts
    data: dict[str, Any] = {"status": STATUSES[status]}
    if reason is not None:
        data["reason"] = reason
        data["category"] = Reason(reason).category.value
    _ids(data, facts, subject)
    if points is not None:
        data["points"] = _points(points, orgcode, data.get("customer_id", ""))
    if others and others[0] is not None:
        other_id, other = others[0]
        data["counterparty"] = {"customer_id": other_id, "points": _points(other, orgcode, other_id)}
    if cards:
        data["gift_cards"] = [_card(card) for card in cards]
    if tender is not None:
        data["tender"] = _tender(tender)
    listed = [_tender(part) for part in tenders if is_listed(part)]
    if listed:
        data["tenders"] = listed
    if lines:
        data["lines"] = [
            {"line_id": line_id, "points": points} for line_id, points in zip(lines[::2], lines[1::2], strict=True)
        ]
    if policy_version is not None:
        data["policy_version"] = policy_version
    return data


def _changed(facts: Facts, part: list[Any], orgcode: str, type_: str, subject: str) -> dict[str, Any]:
    """`data` of a `crm.tender.changed`."""
    data: dict[str, Any] = {"status": "applied"}
    _ids(data, facts, subject)
    for _, customer_id, points in [part[TENDER_PARTS:]] if len(part) > TENDER_PARTS else ():
        data.pop("customer_id", None)  # that of the sale
        data |= {"customer_id": customer_id} if customer_id is not None else {}
        data |= {"points": _points(points, orgcode, customer_id or "")} if points is not None else {}
    data["tender_id"] = part[0]
    data["tender"] = _tender(part)
    data["cause"] = {"type": type_, "id": subject}
    return data


def _noticed(notice: list[Any], orgcode: str) -> dict[str, Any]:
    """`data` of a notice about the points of one customer."""
    _, customer_id, points = notice
    return {"status": "applied", "customer_id": customer_id, "points": _points(points, orgcode, customer_id)}


def _points(part: list[Any], orgcode: str, customer_id: str) -> dict[str, Any]:
    change, balance, available, held, pending, version, reason, claimed, *accounts = part
    if not claimed:
        return {"change": change, "reason": reason}
    points = {
        "change": change,
        "balance": balance,
        "available": available,
        "held": held,
        "pending": pending,
        "version": version,
    }
    for account in accounts:
        if account is not None:
            kind, key = (Kind.POINTS, customer_id) if account is True else account
            points["account"] = account_id(orgcode, kind, key)
    if reason is not None:
        points["reason"] = reason
    return points


def _card(part: list[Any]) -> dict[str, Any]:
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


def _tender(part: list[Any]) -> dict[str, Any]:
    tender_id, state, requested, approved, captured, refunded, points, expires_us, reason = part[: TENDER_PARTS - 1]
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
    """How facts become `data`; the envelope around it is the same in every version."""

    outcome: Callable[[Facts, str, str], dict[str, Any]]
    changed: Callable[[Facts, list[Any], str, str, str], dict[str, Any]]
    noticed: Callable[[list[Any], str], dict[str, Any]]


ENCODERS: Final[Mapping[int, Encoder]] = MappingProxyType({1: Encoder(_data, _changed, _noticed)})
