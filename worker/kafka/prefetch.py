"""Fetch ahead of the batches, in place of aiokafka's `Fetcher`, which lets a backlog wait.

aiokafka has one request on its way to a broker. While a partition's records are not all taken, it waits for up to
100 ms before it asks for more of the others. Then it asks for the partitions without records, and lets the broker wait
for 500 ms if those are at their end. Meanwhile the other partitions run dry, and nothing can be asked for them. A
worker with one busy topic among quiet ones stood still for a third of the time.

Here, a request for the partitions that have run dry is sent soon, also while records of others are to be taken. Such a
request waits at the broker for a moment only. If all records are taken at once, as on an idle system, a request asks
for every partition, and waits for long: so a lone tender never waits for a request that does not ask for it.
"""

from typing import Any, Final

from aiokafka.consumer import consumer, fetcher

# How long records may be there before the partitions without any are asked for.
_UNTAKEN_S: Final = 0.01
# How long a broker keeps such a request if it finds no record: what a partition that runs dry meanwhile waits at most.
_BUSY_WAIT_MS: Final = 10


class Prefetcher(fetcher.Fetcher):  # type: ignore[misc]  # aiokafka has no types
    """aiokafka's fetcher, with a wait of its own for each request."""

    def __init__(self, *args: Any, fetch_max_wait_ms: int, **options: Any) -> None:  # noqa: ANN401  aiokafka's own
        self._idle_wait_ms = fetch_max_wait_ms
        super().__init__(*args, prefetch_backoff=_UNTAKEN_S, **options)

    @property
    def _fetch_max_wait_ms(self) -> int:
        return _BUSY_WAIT_MS if self._records else self._idle_wait_ms

    @_fetch_max_wait_ms.setter
    def _fetch_max_wait_ms(self, _: int) -> None:
        """Ignore what aiokafka's own constructor sets."""


def install() -> None:
    """Make every consumer of this process fetch with this class: aiokafka takes no fetcher as an argument."""
    consumer.Fetcher = Prefetcher
