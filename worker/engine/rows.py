"""The rows that the ledger writes for a batch's decisions."""

from collections.abc import Mapping, Sequence
from typing import Final

from schemas.reasons import Reason
from schemas.registry import DOCUMENTS
from schemas.scalars import DAY_US
from schemas.tuples import made
from worker.codec.accepted import Safe
from worker.codec.encode import ENCODER_VERSION
from worker.domain.state.books import Books
from worker.engine.work import Work
from worker.ledger.accepted import Accepted
from worker.stored.codes import STATUS_CODE, event_no
from worker.stored.parked import ParkedDocument, pack_parked
from worker.stored.rows import Decided, EventRow, ParkedRow
from worker.stored.trace import pack_trace

ERASE: Final = "crm.customer.erase"
ABOUT_PROFILES: Final = frozenset({"crm.customer.create", "crm.customer.update", ERASE})


def decided(works: Sequence[Work], books: Mapping[int, Books], no: int) -> Decided:
    """Return the rows of decided works. `books`: each tenant's; `no`: the batch's number."""
    rows = Decided([], [], [], [], [])
    for work in works:
        facts = work.facts_row(ENCODER_VERSION, no)
        if facts is not None:  # otherwise it still waits, or its deadline had nothing left to do
            (rows.first if work.facts is None else rows.further).append(_event(work, facts, no))
        if work.parked is not None:
            rows.parked.append(_parked(work, books[work.org], no))
        elif work.resumed and work.facts is not None:  # otherwise this batch parked it, and the ledger never had it
            rows.resumed.append(work.key)
        elif work.timer is not None:
            rows.fired.append((work.org, work.timer.kind, work.timer.key))
    return rows


def _event(work: Work, facts: bytes, no: int) -> EventRow:
    outcome = work.outcome
    status = STATUS_CODE["parked" if outcome is None else outcome.status]
    record = None if outcome is None or outcome.trace is None else pack_trace(outcome.trace)
    row = work.org, work.code, work.subject, event_no(no, work.decided_place), status, work.digest, facts, record
    return made(EventRow, row)


def _parked(work: Work, books: Books, no: int) -> ParkedRow:
    assert work.parked is not None  # noqa: S101  the caller's filter
    model = work.model
    days = books.policies.at(model.occurred_at).policy.park_deadline_days
    sale_id = getattr(model, "sale_id", None) or ""
    document = pack_parked(ParkedDocument(DOCUMENTS[work.type].dump(model), work.traceparent, work.waits_until(no)))
    return ParkedRow(
        work.org, work.code, work.subject, work.parked.waits_for, work.parked.key, sale_id,
        work.received_us + days * DAY_US, work.received_us, work.record_us, document, event_no(no, work.place),
    )  # fmt: skip


def accepted(works: Sequence[Work], no: int, safe: Safe) -> Accepted:
    """Return the records of those works that came in through an interface.

    Erasing also reaches a profile that comes after it, and a profile under an id without a record: both documents are
    rejected, but their records hold personal data.
    """
    batch = Accepted([], [], [])
    for work in works:
        document = work.document
        outcome = work.outcome if work.type in ABOUT_PROFILES else None
        customer_id = None if outcome is None else outcome.customer_id
        refused = outcome is not None and outcome.reason is Reason.CUSTOMER_ERASED
        if customer_id is not None and (refused or work.type == ERASE):
            batch.erased.append((work.org, customer_id))
        if document is None or (document.record is not None and not document.stored):
            continue
        key = safe.key(work.orgcode, work.type, work.subject)
        if document.record is None:
            batch.records.append((event_no(no, work.place), key, safe.value(document, work.received_us)))
        if customer_id is not None and work.type != ERASE:
            batch.profiles.append((work.org, customer_id, key))
    return batch
