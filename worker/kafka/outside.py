"""A consumer outside any group: nobody's offsets move, and no group learns of it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any, Final

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError

from worker.kafka import batches
from worker.kafka.security import Security
from worker.process.errors import Unavailable, describe

_START_S: Final = 30.0


def outside_consumer(
    bootstrap_servers: str, security: Security, client_id: str, **options: Any  # noqa: ANN401  aiokafka's own
) -> AIOKafkaConsumer:  # fmt: skip
    """Return a consumer that is not connected yet."""
    batches.install()
    return AIOKafkaConsumer(
        **security, bootstrap_servers=bootstrap_servers, group_id=None, client_id=client_id, enable_auto_commit=False,
        **options,
    )  # fmt: skip


@contextlib.asynccontextmanager
async def outside_groups(
    bootstrap_servers: str, security: Security, client_id: str, **options: Any  # noqa: ANN401  aiokafka's own
) -> AsyncIterator[AIOKafkaConsumer]:  # fmt: skip
    """Connect, as long as the context is open. Raises Unavailable if no broker answers."""
    consumer = outside_consumer(bootstrap_servers, security, client_id, **options)
    try:
        try:
            async with asyncio.timeout(_START_S):
                await consumer.start()
        except (KafkaError, TimeoutError) as error:
            raise Unavailable(f"Kafka can't be reached at {bootstrap_servers}: {describe(error)}") from error
        yield consumer
    finally:
        await consumer.stop()
