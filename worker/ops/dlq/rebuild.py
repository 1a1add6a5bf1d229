"""Rebuild the inbox from the dead-letter topics: after the loss of its rows, or for letters of an earlier version."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from aiokafka import TopicPartition
from aiokafka.structs import ConsumerRecord

from worker.codec.decode import named
from worker.kafka import topics
from worker.kafka.ends import Ends
from worker.kafka.outside import outside_groups
from worker.kafka.security import security
from worker.ledger import inbox
from worker.ledger.inbox import SAMPLE_BYTES, Entry
from worker.ledger.pool import Pool
from worker.positions import Place
from worker.process.settings import Settings

_CHUNK: Final = 1000
_POLL_MS: Final = 1000
UNKNOWN_VERSION: Final = ""  # the topic does not say which version refused the record


async def rebuild(settings: Settings, pool: Pool) -> int:
    """Put every letter of the dead-letter topics into the inbox, and return how many positions they name.

    A position in the inbox keeps its state. A letter whose key is masked can't be resolved by its repaired document,
    because its identity is unknown. A redrive still finds its original.
    """
    options = {"auto_offset_reset": "earliest"}
    async with outside_groups(settings.kafka_bootstrap_servers, security(settings), "g3n-dlq", **options) as consumer:
        bounds = await Ends(consumer).of(topics.from_settings(settings).dead_letters)
        attempts: Counter[Place] = Counter()
        entries: dict[Place, Entry] = {}
        sampled: set[tuple[str, ...]] = set()
        for (topic, partition), (begin, end) in bounds.items():
            at = TopicPartition(topic, partition)
            consumer.assign([at])
            consumer.seek(at, begin)
            while await consumer.position(at) < end:
                for record in (await consumer.getmany(at, timeout_ms=_POLL_MS)).get(at, []):
                    entry = entry_of(record)
                    if entry is not None:
                        attempts[entry.position] += 1
                        entries[entry.position] = replace(entry, sample=None) if entry.group in sampled else entry
                        sampled.add(entry.group)
    ordered = [replace(entries[position], attempts=attempts[position]) for position in sorted(entries)]
    for start in range(0, len(ordered), _CHUNK):
        async with pool.transaction() as connection:
            await inbox.put(connection, ordered[start : start + _CHUNK], rebuilt=True)
    return len(ordered)


def entry_of(record: ConsumerRecord) -> Entry | None:
    """Return the entry of a message of a dead-letter topic; None: it is not a dead letter of ours."""
    headers: Mapping[str, str] = {name: (value or b"").decode("utf-8", "replace") for name, value in record.headers}
    try:
        place = [headers[f"kafka_dlt-original-{name}"] for name in ("topic", "partition", "offset", "timestamp")]
        position, record_ms = Place(place[0], int(place[1]), int(place[2])), int(place[3])
        reason, detail = headers["crm-reason"], headers.get("crm-detail", "")
    except (KeyError, ValueError):
        return None
    names = named(record)  # of the masked value: a subject that was a secret is *** already
    sample = record.value and record.value[:SAMPLE_BYTES]
    return Entry(
        position, record_ms, reason, detail, UNKNOWN_VERSION, sample, names.get("type", ""), names.get("orgcode", ""),
        names.get("subject", ""),
    )  # fmt: skip
