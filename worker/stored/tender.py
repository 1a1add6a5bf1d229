"""The layout of `tender.extra`: data of a tender that only decisions read."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from worker.domain.state.days import picks_of, stored_picks
from worker.domain.state.policy import PointValue
from worker.domain.state.tender import Tender
from worker.stored.codes import STATES
from worker.stored.packing import StoredKey, Versions, account_key, stored_key


class TenderV1(NamedTuple):
    """Of `value` the parts of a `PointValue`."""

    account: StoredKey | None
    customer_id: str
    currency: str
    named: dict[str, int]
    value: Sequence[int] | None
    picks: Sequence[Sequence[int]]
    waiting: bool
    expires_us: int | None
    parked_minor: int | None
    owner: str = ""
    asked_minor: int | None = None  # None: what was refunded


TENDER = Versions[TenderV1](TenderV1)


def pack_tender(tender: Tender) -> bytes:
    return TENDER.dump(
        TenderV1(
            stored_key(tender.account),
            tender.customer_id,
            tender.currency,
            tender.named,
            tender.value,
            stored_picks(tender.picks),
            tender.waiting,
            tender.expires_us,
            tender.parked_minor,
            tender.owner,
            None if tender.asked_minor == tender.refunded_minor else tender.asked_minor,
        )
    )


def tender_of(row: Any) -> Tender:  # noqa: ANN401  an asyncpg record, or the same columns
    """Return the tender in the columns of `rows.TENDER_READ`."""
    tender = Tender(row["id"])
    tender.new = tender.dirty = False
    tender.state = STATES[row["state"]]
    tender.kind = row["kind"]
    tender.sale_id = row["sale_id"]
    tender.requested_minor = row["requested_minor"]
    tender.approved_minor = row["approved_minor"]
    tender.captured_minor = row["captured_minor"]
    tender.refunded_minor = row["refunded_minor"]
    extra = TENDER.load(row["extra"])
    tender.account = account_key(extra.account)
    tender.customer_id = extra.customer_id
    tender.currency = extra.currency
    tender.named = extra.named
    tender.value = None if extra.value is None else PointValue(*extra.value)
    tender.picks = picks_of(extra.picks)
    tender.waiting = extra.waiting
    tender.expires_us = extra.expires_us
    tender.parked_minor = extra.parked_minor
    tender.owner = extra.owner
    tender.asked_minor = tender.refunded_minor if extra.asked_minor is None else extra.asked_minor
    return tender
