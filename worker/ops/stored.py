"""Turn stored data into parts of an explanation."""

from datetime import date
from fractions import Fraction

from schemas.registry import BY_CODE
from schemas.scalars import DAY_US, format_instant
from worker.domain.state.accounts import NEVER, SHOWN_TYPES, AccountType, Pick
from worker.domain.state.days import Calendar
from worker.domain.state.outcome import TenderPart
from worker.domain.state.tender import State, Tender
from worker.ops.earning import exact_text
from worker.ops.explanation import Account, Lot, Related, Source, TenderShown
from worker.stored.account import last4_of
from worker.stored.codes import NOTICE_TYPES, STATUSES
from worker.stored.event import EventFacts, facts_of


def source(facts: EventFacts) -> Source:
    received_us = facts.received_us
    read = {} if facts.source is None else facts.source._asdict()
    # The difference is stored in whole ms, rounded down, and a record's timestamp has whole ms.
    record_us = -(-received_us // 1000) * 1000 + facts.record_ms * 1000
    if not 0 < record_us <= received_us + DAY_US:  # older versions stored timestamps that can't be right
        record_us = received_us
    return Source(received_at=format_instant(received_us), record_at=format_instant(record_us), **read)


def account(type_: AccountType, key: str, extra: bytes | None = None) -> Account:
    return Account(kind=SHOWN_TYPES[type_], id=key, last4=last4_of(extra))


def lot(of: Account, change: str, pick: Pick, days: Calendar) -> Lot:
    available_tick, expires_tick, amount = pick
    return Lot(
        account=of,
        change=change,
        amount=amount,
        available_from=date.fromisoformat(days.iso(available_tick)) if available_tick else None,
        expires_on=None if expires_tick == NEVER else date.fromisoformat(days.iso(expires_tick)),
    )


def tender(part: TenderPart, now: Tender, days: Calendar, *, own: bool) -> TenderShown:
    """Show a tender as in an outcome, and as it is now. `own`: the document is the tender's."""
    payer = None if now.account is None else account(*now.account)
    change = "held" if now.state is State.AUTHORIZED else "taken"
    value = now.value
    return TenderShown(
        tender_id=part.tender_id,
        kind=now.kind,
        moved=own or part.moved,
        state=part.state,
        captured_minor=part.captured_minor,
        refunded_minor=part.refunded_minor,
        points=part.points,
        reason=part.reason,
        account=payer,
        point_value_minor=None if value is None else exact_text(Fraction(value.numerator, value.denominator)),
        step_points=None if value is None else value.step,
        state_now=now.state.value,
        captured_now_minor=now.captured_minor,
        refunded_now_minor=now.refunded_minor,
        lots_now=[] if payer is None else [lot(payer, change, pick, days) for pick in now.picks],
    )


def related(code: int, subject: str, facts: bytes) -> Related:
    last = facts_of(facts).last
    type_ = NOTICE_TYPES.get(code) or BY_CODE[code].name
    return Related(type=type_, subject=subject, status=STATUSES[last.status], at=format_instant(last.time_us))
