"""Read the inbox: its groups, how long their originals can still be redriven, and a letter's masked original."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from worker.codec.mask import mask
from worker.kafka import admin
from worker.kafka.originals import originals
from worker.kafka.security import security
from worker.ledger.inbox import Group, Letter
from worker.process.settings import Settings

FOREVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Kept:
    """How long topics keep a record, in ms; -1: for ever. A missing topic is absent."""

    retention_ms: Mapping[str, int]

    def until(self, oldest_ms: Mapping[str, int]) -> datetime | None:
        """Return when the first of these records may be deleted; `FOREVER`: never; None: not known."""
        if not oldest_ms or not oldest_ms.keys() <= self.retention_ms.keys():
            return None
        ends = [ms + self.retention_ms[topic] for topic, ms in oldest_ms.items() if self.retention_ms[topic] >= 0]
        return datetime.fromtimestamp(min(ends) / 1000, UTC) if ends else FOREVER


async def kept(settings: Settings, groups: Sequence[Group]) -> Kept:
    """Ask Kafka how long the topics of these groups keep a record. Raises Unavailable."""
    topics = {topic for group in groups for topic in group.oldest_ms}
    servers = settings.kafka_bootstrap_servers
    return Kept(await admin.retention_ms(servers, topics, security=security(settings)) if topics else {})


async def original(settings: Settings, letter: Letter) -> bytes | None:
    """Return the original of a letter with its secrets masked; None: the topic no longer has it. Raises Unavailable."""
    async with originals(settings.kafka_bootstrap_servers, security=security(settings)) as kafka:
        record = (await kafka.read([letter.position]))[letter.position]
    return None if record is None else mask(record.value).value or b""
