"""The cost of a sale as the ledger fills up: CPU of the worker and of Postgres, and WAL, in windows of equal size."""

import asyncio
from dataclasses import dataclass
from typing import Final

from bench import meter, workload
from bench.arena import Arena, Settings, say
from bench.meter import Reading

FIRST_ROWS: Final = 100_000
_WINDOW = 50_000
_FILL_AT_ONCE = 250_000


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
    settings, there, windows = arena.ledger("bench_growth", "growth", "growth"), 0, []
    wanted = [FIRST_ROWS * 10**power for power in range(9) if FIRST_ROWS * 10**power < rows]
    for at in [*wanted, rows]:
        while there < at:
            part = min(_FILL_AT_ONCE, at - there)
            _drain(arena, settings, there, part, customers)
            there += part
        windows.append(_window(arena, settings, there, customers))
        there += _WINDOW
    return windows


def _drain(arena: Arena, settings: Settings, first: int, documents: int, customers: int) -> float:
    sales = workload.sales(settings["G3N_TOPIC_PREFIX"], documents, customers, first=first)
    arena.publish(sales, f"{documents:,} sales after {first:,}")
    return arena.run(["worker", "worker", "drain"], settings, "growth").cpu_s


def _window(arena: Arena, settings: Settings, rows: int, customers: int) -> Window:
    before = _read(arena, settings)
    cpu_s = _drain(arena, settings, rows, _WINDOW, customers)
    after = _read(arena, settings)
    postgres_cpu_s = (after.postgres_cpu_s or 0.0) - (before.postgres_cpu_s or 0.0)
    window = Window(
        rows, cpu_s * 1e6 / _WINDOW, postgres_cpu_s * 1e6 / _WINDOW, (after.wal_bytes - before.wal_bytes) / _WINDOW
    )
    say(f"  after {rows:,}: {window.cpu_s_per_million:.0f} s of CPU a million")
    return window


def _read(arena: Arena, settings: Settings) -> Reading:
    return asyncio.run(meter.read(settings["G3N_POSTGRES_DSN"], arena.servers))
