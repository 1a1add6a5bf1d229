"""The probe: a training tender a minute through Kafka and back, as a till would see it.

The tender is answered `ignored` and changes no account. So the probe measures the whole path, even at night without
tills.
"""

import asyncio
import contextlib
import json
import time
import uuid
from collections.abc import Callable
from typing import Final

import structlog

from schemas.scalars import format_instant
from worker.codec.decode import Decoder
from worker.kafka import topics
from worker.kafka.exchange import Exchange, exchange
from worker.kafka.security import security
from worker.ops import documents
from worker.process import metrics
from worker.process.errors import OperatorError, Unavailable
from worker.process.settings import Settings

EVERY_S: Final = 60.0
ANSWER_S: Final = 10.0
_TYPE: Final = "scm.tender.requested"
_log = structlog.get_logger(__name__)


async def run(settings: Settings, orgcode: str, stopped: asyncio.Event, every_s: float = EVERY_S) -> None:
    """Ask again and again until `stopped`, and set the metrics. If Kafka is down, the probe reports it."""
    while not stopped.is_set():
        began = time.monotonic()
        took_s = await once(settings, orgcode, lambda why: _log.error("probe_unanswered", why=why))
        note(took_s)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, every_s - (time.monotonic() - began))):
                await stopped.wait()


def note(took_s: float | None) -> None:
    """Put an answer's time into the metrics; None: there was none."""
    metrics.PROBES.labels("unanswered" if took_s is None else "answered").inc()
    if took_s is not None:
        metrics.PROBE_SECONDS.set(took_s)


async def once(
    settings: Settings, orgcode: str, say: Callable[[str], None], timeout_s: float = ANSWER_S
) -> float | None:
    """Ask once. Return the seconds until the outcome was read, or None; then `say` gets the reason.

    Raises OperatorError for a tenant that is not served.
    """
    names = topics.from_settings(settings)
    servers = settings.kafka_bootstrap_servers
    try:
        async with exchange(servers, names, waits=True, security=security(settings)) as kafka:
            return await _asked(settings, kafka, orgcode, say, timeout_s)
    except Unavailable as error:
        say(str(error))
        return None


async def _asked(
    settings: Settings, kafka: Exchange, orgcode: str, say: Callable[[str], None], timeout_s: float
) -> float | None:
    decoder = Decoder(settings.card_keys, settings.orgcodes, settings.max_document_bytes)
    try:
        ready = documents.read(_tender(), decoder, topics.from_settings(settings), type_=_TYPE, orgcode=orgcode)
    except documents.Unpublishable as error:  # a tenant that is not served
        raise OperatorError(f"the probe's tenant can't be {orgcode}: {'; '.join(error.problems)}") from None
    began = time.monotonic()
    places = await kafka.publish(ready)
    async for _, fate in kafka.fates(ready, places, timeout_s):
        if fate.outcome is not None:
            return time.monotonic() - began
        say(f"a dead letter, {fate.dead_letter}")
        return None
    say(f"no outcome within {timeout_s:g} s: does a worker run?")
    return None


def _tender() -> bytes:
    return json.dumps(
        {
            "tender_id": f"probe-{uuid.uuid4()}",
            "occurred_at": format_instant(time.time_ns() // 1000),
            "currency": "GBP",
            "amount_minor": 1,
            "kind": "points",
            "customer_id": "probe",
            "training": True,
        }
    ).encode()
