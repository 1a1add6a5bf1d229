"""The consumer of a member of the group: aiokafka's, with our settings and our replacements of its parts."""

from collections.abc import Iterable

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from worker.kafka import batches, prefetch
from worker.kafka.security import Security

_MIB = 1 << 20
_REBALANCE_S = 60


def group_consumer(
    bootstrap_servers: str, group: str, instance: str | None, client_id: str, partition_bytes: int, security: Security
) -> AIOKafkaConsumer:
    """Return a consumer that commits only on request. `partition_bytes`: how much a fetch returns of a partition."""
    batches.install()
    prefetch.install()
    return AIOKafkaConsumer(
        **security,
        bootstrap_servers=bootstrap_servers,
        group_id=group,
        group_instance_id=instance,
        client_id=client_id,
        enable_auto_commit=False,
        auto_offset_reset="none",
        # A document of an aborted transaction was never sent. This costs nothing if nobody uses transactions.
        isolation_level="read_committed",
        # A record larger than this still comes, alone: the broker always sends the first one whole.
        max_partition_fetch_bytes=partition_bytes,
        fetch_max_bytes=32 * _MIB,
        rebalance_timeout_ms=_REBALANCE_S * 1000,
        # Joining takes as long as the slowest member needs to give up its partitions.
        request_timeout_ms=(_REBALANCE_S + 10) * 1000,
        # Nobody takes over a static member's partitions while it restarts; a dynamic one's soon.
        session_timeout_ms=30_000 if instance else 10_000,
        # How soon a member learns that the group divides the partitions again.
        heartbeat_interval_ms=500,
        # How soon it learns of added partitions, or of a topic that is gone.
        metadata_max_age_ms=30_000,
    )


async def committed_of(
    consumer: AIOKafkaConsumer, partitions: Iterable[TopicPartition]
) -> dict[TopicPartition, int | None]:
    """Return the offsets that the group has committed, with one request. aiokafka's own method takes one partition, so
    a member of 24 partitions asked 24 times before its first batch.
    """
    asked = list(partitions)
    found = await consumer._coordinator.fetch_committed_offsets(asked)  # noqa: SLF001
    return {at: found[at].offset if at in found else None for at in asked}


def raise_if_dead(consumer: AIOKafkaConsumer) -> None:
    """Raise KafkaError if the consumer's fetch task has ended, or if an error keeps it out of the group. It would wait
    for ever: aiokafka raises these errors only in calls that we avoid while the group rebalances.
    """
    fetching = consumer._fetcher.error_future  # noqa: SLF001 - its own
    if fetching.done():
        raise KafkaError("the Kafka client has stopped fetching")
    consumer._coordinator.check_errors()  # noqa: SLF001 - its own
