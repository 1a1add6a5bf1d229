"""Spans of a process, from its start to its end (docs/operations/monitoring.md, Traces)."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from worker.process import tracing
from worker.process.settings import Settings, SettingsError


@contextlib.asynccontextmanager
async def traced(settings: Settings, service: str) -> AsyncIterator[None]:
    """Send a span for each batch as long as the context is open, if the settings want it. Raises SettingsError."""
    if not settings.tracing:
        yield
        return
    try:
        stop = tracing.start(service)
    except tracing.Missing as error:
        raise SettingsError(f"G3N_TRACING: install the extra otel, as in g3n-crm[otel] ({error})") from None
    try:
        yield
    finally:
        await asyncio.to_thread(stop)  # it waits for the collector
