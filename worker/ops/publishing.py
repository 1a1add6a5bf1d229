"""Publish the documents of a file, and report their outcomes."""

from collections.abc import Callable
from dataclasses import dataclass

from worker.codec.decode import Decoder
from worker.kafka import topics
from worker.kafka.exchange import exchange
from worker.kafka.security import security
from worker.ops import documents
from worker.process.settings import Settings


@dataclass(frozen=True, slots=True)
class Publishing:
    """The options of a publication.

    `type`: of documents that are data only. `orgcode`: the tenant of documents that name none. `waits`: wait for the
    outcomes, `timeout_s` at most.
    """

    file: bytes
    type: str | None
    orgcode: str | None
    waits: bool
    timeout_s: float


async def publish(
    settings: Settings, asked: Publishing, say: Callable[[str], None], show: Callable[[bytes], None]
) -> int:
    """Return the exit status: 0 once Kafka has every document and, with `waits`, each has an outcome; else 1.

    `say` gets a line for each document, `show` each outcome as it was published. Raises documents.Unpublishable and
    Unavailable.
    """
    names = topics.from_settings(settings)
    decoder = Decoder(settings.card_keys, settings.orgcodes, settings.max_document_bytes)
    ready = documents.read(asked.file, decoder, names, type_=asked.type, orgcode=asked.orgcode)
    answered = dead = 0
    async with exchange(
        settings.kafka_bootstrap_servers, names, waits=asked.waits, security=security(settings)
    ) as kafka:
        places = await kafka.publish(ready)
        for document, place in zip(ready, places, strict=True):
            say(f"{document.type} {document.subject}: published, {place}")
        if not asked.waits:
            return 0
        async for index, fate in kafka.fates(ready, places, asked.timeout_s):
            answered += 1
            if fate.outcome is None:
                dead += 1
                say(f"{ready[index].type} {ready[index].subject}: dead letter, {fate.dead_letter}")
            else:
                show(fate.outcome)
    if missing := len(ready) - answered:
        say(f"no answer after {asked.timeout_s:g} s: {missing:,} of {len(ready):,} documents; does a worker run?")
    return 1 if missing or dead else 0
