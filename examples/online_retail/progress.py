"""Show the progress of a run: bars at a terminal, else a line a second."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

_EVERY_S = 1.0


class Gauge:
    """Documents published and answered, out of `total`."""

    def __init__(self, console: Console, total: int, bars: Progress | None) -> None:
        self._console = console
        self._total = total
        self._bars = bars
        self._began = self._told = time.monotonic()
        self._published = self._answered = 0
        self._rows: list[TaskID] = []
        if bars:
            self._rows = [bars.add_task(name, total=total, rate="") for name in ("published", "answered")]

    def published(self, more: int) -> None:
        """Count documents that Kafka has."""
        self._published += more
        self._show()

    def answered(self, all_so_far: int) -> None:
        """Count documents with a final outcome or a dead letter."""
        self._answered = all_so_far
        self._show()

    @property
    def seconds(self) -> float:
        """Seconds since the first document was sent."""
        return time.monotonic() - self._began

    def _show(self) -> None:
        rate = f"{self._answered / max(self.seconds, 1e-9):,.0f} documents/s"
        if self._bars:
            self._bars.update(self._rows[0], completed=self._published)
            self._bars.update(self._rows[1], completed=self._answered, rate=rate)
        elif time.monotonic() - self._told >= _EVERY_S or self._answered == self._total:
            self._told = time.monotonic()
            done = f"published {self._published:,}, answered {self._answered:,} of {self._total:,}"
            self._console.print(f"  {done}, {rate}", highlight=False)


@contextmanager
def gauge(console: Console, total: int) -> Iterator[Gauge]:
    """Yield a gauge while the context is open."""
    if not console.is_terminal:
        yield Gauge(console, total, None)
        return
    columns = (TextColumn("  {task.description:<10}"), BarColumn(40), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, TextColumn("{task.fields[rate]}"), console=console) as bars:
        yield Gauge(console, total, bars)
