"""What is stored, as parts of an explanation."""

from datetime import timedelta
from fractions import Fraction
from typing import Any

from schemas.registry import BY_CODE
from schemas.scalars import EPOCH, format_instant
from worker.codec.decode import DAY_US
from worker.codec.encode import STATUSES
from worker.domain.lots import NEVER, Kind, Pick
from worker.domain.tender import State, Tender
from worker.ledger.due import NOTICE_TYPES
from worker.ledger.facts import READ
from worker.ledger.pack import unpack
from worker.ops.earning import exact_text
from worker.ops.explanation import Account, Lot, Related, Source, TenderTold

_KINDS = {Kind.POINTS: "points", Kind.CARD: "gift_card", Kind.POOL: "pool"}


def source(facts: list[Any]) -> Source:
    _, _, received_us, delta_ms, topic, partition, offset = facts[:READ]
    read: dict[str, Any] = {"topic": topic, "partition": partition, "offset": offset} if topic else {}
    record_us = (
        -(-received_us // 1000) * 1000 + delta_ms * 1000
    )  # stored as whole ms from when it was read, rounded down
    if not 0 < record_us <= received_us + DAY_US:  # until contract §9, a timestamp that can't be right was stored
        record_us = received_us
    return Source(received_at=format_instant(received_us), record_at=format_instant(record_us), **read)


def account(kind: Kind, key: str, extra: bytes | None = None) -> Account:
    facts = None if extra is None else unpack(extra)[0]
    return Account(kind=_KINDS[kind], id=key, last4=facts[0] or None if facts is not None else None)


def lot(of: Account, change: str, pick: Pick) -> Lot:
    available_day, expires_day, amount = pick
    return Lot(
        account=of,
        change=change,
        amount=amount,
        available_from=(EPOCH + timedelta(days=available_day)).date() if available_day else None,
        expires_on=None if expires_day == NEVER else (EPOCH + timedelta(days=expires_day)).date(),
    )


def tender(part: list[Any], now: Tender, *, own: bool) -> TenderTold:
    """A tender as an outcome says, and as it is now; `own`: the document is the tender's."""
    tender_id, state, _, _, captured, refunded, points, _, reason, moved = part[:10]
    payer = None if now.account is None else account(*now.account)
    change = "held" if now.state is State.AUTHORIZED else "taken"
    value = now.value
    return TenderTold(
        tender_id=tender_id,
        kind=now.kind,
        moved=own or moved,
        state=state,
        captured_minor=captured,
        refunded_minor=refunded,
        points=points,
        reason=reason,
        account=payer,
        point_value_minor=None if value is None else exact_text(Fraction(value.numerator, value.denominator)),
        step_points=None if value is None else value.step,
        state_now=now.state.value,
        captured_now_minor=now.captured_minor,
        refunded_now_minor=now.refunded_minor,
        lots_now=[] if payer is None else [lot(payer, change, pick) for pick in now.picks],
    )


def related(code: int, subject: str, facts: bytes) -> Related:
    last = unpack(facts)[-1][-1]
    type_ = NOTICE_TYPES.get(code) or BY_CODE[code].name
    return Related(type=type_, subject=subject, status=STATUSES[last[1]], at=format_instant(last[0]))
