"""The cost of a sale as the ledger fills up: CPU of the worker and of Postgres, and WAL, in windows of equal size."""

import asyncio
from dataclasses import dataclass
from typing import Final

from bench import meter
from bench.arena import Arena, Settings, say
from bench.filling import Filled
from bench.meter import Reading

FIRST_ROWS: Final = 100_000
_WINDOW = 50_000


@dataclass(frozen=True)
class Window:
    """A window of sales after `rows` other sales. CPU is in seconds for a million sales."""

    rows: int
    worker_cpu_s_per_million: float
    postgres_cpu_s_per_million: float
    wal_bytes_per_document: float

    @property
    def cpu_s_per_million(self) -> float:
        return self.worker_cpu_s_per_million + self.postgres_cpu_s_per_million


def measure(arena: Arena, rows: int, customers: int) -> list[Window]:
    """Measure a window after 100,000 sales, one at the end, and some between. Raises ProgramFailed."""
    filled, windows = Filled(arena, arena.ledger("bench_growth", "growth", "growth"), customers), []
    wanted = [FIRST_ROWS * 10**power for power in range(9) if FIRST_ROWS * 10**power < rows]
    for at in [*wanted, rows]:
        filled.fill(at)
        windows.append(_window(filled))
    return windows


def _window(filled: Filled) -> Window:
    rows, before = filled.sales, _read(filled.arena, filled.settings)
    cpu_s = filled.drain(_WINDOW).cpu_s
    after = _read(filled.arena, filled.settings)
    postgres_cpu_s = (after.postgres_cpu_s or 0.0) - (before.postgres_cpu_s or 0.0)
    window = Window(
        rows, cpu_s * 1e6 / _WINDOW, postgres_cpu_s * 1e6 / _WINDOW, (after.wal_bytes - before.wal_bytes) / _WINDOW
    )
    say(f"  after {rows:,}: {window.cpu_s_per_million:.0f} s of CPU a million")
    return window


def _read(arena: Arena, settings: Settings) -> Reading:
    return asyncio.run(meter.read(settings["G3N_POSTGRES_DSN"], arena.servers))
