"""Fetch ahead of the batches, in place of aiokafka's `Fetcher`, which lets a backlog wait.

aiokafka has one request on its way to a broker. While a partition's records are not all taken, it waits for up to
100 ms before it asks for more of the others. Then it asks for the partitions without records, and lets the broker wait
for 500 ms if those are at their end. Meanwhile the other partitions run dry, and nothing can be asked for them. A
worker with one busy topic among quiet ones stood still for a third of the time.

Here, a request is sent as soon as one partition has run dry. It waits at the broker for long only if nothing is left
to take: then nobody needs the connection.
"""

from typing import Any, Final

from aiokafka.consumer import consumer, fetcher

# How long a broker keeps a request that finds no record, while records of other partitions are still to be taken.
# It is what a partition that runs dry meanwhile waits for at most, and so often the quiet ones are asked.
_BUSY_WAIT_MS: Final = 25


class Prefetcher(fetcher.Fetcher):  # type: ignore[misc]  # aiokafka has no types
    """aiokafka's fetcher, with a wait of its own for each request."""

    def __init__(self, *args: Any, fetch_max_wait_ms: int, **options: Any) -> None:  # noqa: ANN401  aiokafka's own
        self._idle_wait_ms = fetch_max_wait_ms
        super().__init__(*args, prefetch_backoff=0, **options)

    @property
    def _fetch_max_wait_ms(self) -> int:
        return _BUSY_WAIT_MS if self._records else self._idle_wait_ms

    @_fetch_max_wait_ms.setter
    def _fetch_max_wait_ms(self, _: int) -> None:
        """Ignore what aiokafka's own constructor sets."""


def install() -> None:
    """Make every consumer of this process fetch with this class: aiokafka takes no fetcher as an argument."""
    consumer.Fetcher = Prefetcher
