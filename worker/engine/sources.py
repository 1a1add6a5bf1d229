"""Limits how many cards that are not accepted one source on a topic may name.

Beyond the limit, no request of that source has its card accepted. So a publisher can't try thousands of numbers and
PINs. The records' timestamps are the clock, so reading a topic again gives the same decisions, at any speed.
"""

from collections import OrderedDict
from typing import Final

import structlog

from worker.codec import Document

MINUTE_US: Final = 60_000_000
_MOST_SOURCES: Final = 10_000
_log = structlog.get_logger(__name__)


class Sources:
    """A token bucket for each tenant and CloudEvents `source`; `per_minute` 0: no limit."""

    def __init__(self, per_minute: int) -> None:
        self._most = per_minute
        self._buckets: OrderedDict[tuple[str, str], tuple[float, int]] = OrderedDict()

    def may_guess(self, document: Document) -> bool:
        """Return whether the document's source may still name a card that is not accepted."""
        return not self._buckets or self._left(document) >= 1

    def missed(self, document: Document) -> None:
        """Count a card that was not accepted."""
        if not self._most:
            return
        left = self._left(document)
        if 1 <= left < 2:  # noqa: PLR2004  the last one
            _log.warning("source_guesses_cards", orgcode=document.orgcode, source=document.source)
        key = (document.orgcode, document.source)
        self._buckets[key] = (max(left - 1, 0.0), document.record_us)
        self._buckets.move_to_end(key)
        if len(self._buckets) > _MOST_SOURCES:
            self._buckets.popitem(last=False)

    def _left(self, document: Document) -> float:
        tokens, at_us = self._buckets.get((document.orgcode, document.source), (float(self._most), 0))
        passed_us = max(document.record_us - at_us, 0)
        return min(tokens + self._most * passed_us / MINUTE_US, float(self._most))
