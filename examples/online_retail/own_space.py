"""A database and topics for one run, so that it disturbs no other on the same servers."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
from aiokafka.admin import AIOKafkaAdminClient

from examples.online_retail.servers import Servers


@asynccontextmanager
async def own_space(servers: Servers, name: str, *, keep: bool) -> AsyncIterator[None]:
    """Yield an empty database `name`. At the end it is dropped, with the topics `name.…`.

    They stay with `keep`, and where the servers end anyway.
    """
    await _execute(servers.dsn, f'CREATE DATABASE "{name}"')
    try:
        yield
    finally:
        if servers.shared and not keep:
            await _execute(servers.dsn, f'DROP DATABASE "{name}" WITH (FORCE)')
            await _delete_topics(servers.bootstrap_servers, f"{name}.")


async def _execute(dsn: str, statement: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


async def _delete_topics(bootstrap_servers: str, prefix: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap_servers)
    await admin.start()
    try:
        await admin.delete_topics([topic for topic in await admin.list_topics() if topic.startswith(prefix)])
    finally:
        await admin.close()
