"""Count the outcomes of committed batches in the metrics."""

from collections import Counter
from collections.abc import Iterable, Sequence

import structlog

from schemas.reasons import Reason
from schemas.scalars import DAY_US
from worker.domain.decisions.deadlines import NOTICES
from worker.domain.state.outcome import TenderPart
from worker.engine.work import Work
from worker.process import metrics

CARD_FROZEN = NOTICES["frozen"]
_log = structlog.get_logger(__name__)


def count_decided(works: Sequence[Work]) -> None:
    """Count the outcomes of a committed batch in the metrics, and log the cards that wrong PINs froze."""
    for work in works:
        if work.outcome is not None and work.outcome.notice == CARD_FROZEN:
            _log.warning("card_frozen_by_pins", orgcode=work.orgcode, card_id=work.outcome.gift_cards[0].card_id)
    outcomes = Counter(
        (work.type, work.outcome.status, work.outcome.reason or "")
        if work.outcome is not None
        else (work.type, "parked", work.parked.reason if work.parked is not None else "")
        for work in works
        if work.stored_outcome
    )
    outcomes.update((work.type, "parked", work.earlier.reason or "") for work in works if work.earlier is not None)
    metrics.count_documents(outcomes)
    for work in works:
        if work.model is not None and work.facts is None and work.record_us - work.model.occurred_at > DAY_US:
            metrics.LATE_DAYS.observe((work.record_us - work.model.occurred_at) / DAY_US)
        if work.stored_outcome and work.outcome is not None:
            if work.outcome.mismatch is not None:
                metrics.MISMATCHES.labels(work.outcome.mismatch.value).inc()
            for what, amount in work.outcome.missing.items():
                metrics.MISSING.labels(what).inc(amount)
    _count_orphans(
        part for work in works if work.stored_outcome and work.outcome is not None for part in work.outcome.tenders
    )


def _count_orphans(parts: Iterable[TenderPart]) -> None:
    for part in parts:
        if part.reason is Reason.NOT_IN_SALE:
            metrics.ORPHANS.labels("captured" if part.listed else "released").inc()
