"""Faults of Postgres and of those who look after it."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal

import asyncpg

from tests.faults.fault import fault
from tests.faults.servers import Database, fill, small_disk
from tests.faults.world import World, until

BEHIND = 500
FROZEN_S = 60
COUNT = "SELECT count(*) FROM event"
SENDER = "SELECT pid FROM pg_stat_replication WHERE state = 'streaming'"


@fault("Postgres crashes and recovers")
async def crash(world: World) -> None:
    for _ in range(2):
        world.servers.database.kill(signal.SIGQUIT)
        world.servers.database.start()
        await asyncio.sleep(1)


@fault("Postgres freezes", long=True)
async def freeze(world: World) -> None:
    world.servers.database.freeze()
    await asyncio.sleep(6)
    world.servers.database.thaw()


@fault("sessions end while they commit")
async def terminated(world: World) -> None:
    """A commit whose answer is lost may have taken place."""
    ended = 0
    async with world.database() as connection:
        async with asyncio.timeout(60):
            while ended < 10:
                ended += await connection.fetchval(
                    "SELECT count(*) FROM (SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                    " AND (query ILIKE 'commit%' OR backend_xid IS NOT NULL)) ended"
                )


@fault("all sessions end, again and again", long=True)
async def sessions_end(world: World) -> None:
    """Do as an administrator or a failover does, while the workers are busy and while they are idle."""
    async with world.database() as connection:
        for _ in range(10):
            await _end_sessions(connection)
            await asyncio.sleep(world.chance.uniform(0.05, 0.5))


@fault("Postgres is read-only for a while")
async def read_only(world: World) -> None:
    async with world.database() as connection:
        await connection.execute("ALTER SYSTEM SET default_transaction_read_only = on")
        await connection.execute("SELECT pg_reload_conf()")
        await _end_sessions(connection)
        await asyncio.sleep(3)
        await connection.execute("SET default_transaction_read_only = off")
        await connection.execute("ALTER SYSTEM RESET default_transaction_read_only")
        await connection.execute("SELECT pg_reload_conf()")
        await _end_sessions(connection)


@fault("Postgres has no connection left")
async def no_connection(world: World) -> None:
    """Somebody else takes every slot at the moment at which the workers lose theirs."""
    async with world.database() as connection:
        await connection.execute("ALTER ROLE g3n_test CONNECTION LIMIT 0")
        await _end_sessions(connection)
        await asyncio.sleep(3)
        await connection.execute("ALTER ROLE g3n_test CONNECTION LIMIT -1")


@fault("another session holds the accounts' lock", long=True)
async def locked(world: World) -> None:
    async with world.database() as connection, connection.transaction():
        await connection.execute("LOCK TABLE account IN EXCLUSIVE MODE")
        await asyncio.sleep(6)


@fault("the disk of Postgres is full", long=True, mounts=True, tells="retry")
async def disk_full(world: World) -> None:
    """It can't extend a table, and may end when it can't write its log."""
    database = world.servers.database
    database.kill(signal.SIGINT)
    with small_disk(database.data, 64) as filler:
        database.start()
        await asyncio.sleep(2)
        fill(filler)
        await asyncio.sleep(8)
        filler.unlink()
        if not database.runs:
            database.start()
        await asyncio.sleep(5)
        database.kill(signal.SIGINT)
    database.start()


@fault("an asynchronous standby is promoted that lacks 500 documents", long=True, tells="ledger_behind")
async def promoted_behind(world: World) -> None:
    """The standby lacks documents that were decided, published and committed in Kafka."""
    with world.servers.standby() as standby:
        async with world.database() as connection:
            await until(lambda: connection.fetchval(SENDER))
            sender = await connection.fetchval(SENDER)
            had = await connection.fetchval(COUNT)
            os.kill(sender, signal.SIGSTOP)
            await world.publish_more(BEHIND)
            await until(lambda: connection.fetchval(f"SELECT ({COUNT}) >= $1", had + BEHIND), 120)
        world.servers.database.kill()
        os.kill(sender, signal.SIGKILL)  # or it would send what the standby lacks
        await _promote(world, standby)
        await world.forget()


@fault("a synchronous standby freezes for a minute, and is then promoted", long=True)
async def synchronous(world: World) -> None:
    """Commits wait as long as it is frozen. It lacks nothing."""
    with world.servers.standby() as standby:
        async with world.database() as connection:
            await connection.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
            await connection.execute("SELECT pg_reload_conf()")
            await until(lambda: connection.fetchval("SELECT bool_and(sync_state = 'sync') FROM pg_stat_replication"))
        standby.freeze()
        await asyncio.sleep(FROZEN_S)
        publishing = asyncio.create_task(world.publish_more(BEHIND))
        standby.thaw()
        await asyncio.sleep(1)
        await _promote(world, standby)
        await publishing


@fault("a backup is restored", long=True, tells="ledger_behind")
async def restored(world: World) -> None:
    """The ledger loses what it decided since; the workers go on."""
    database = world.servers.database
    backup = world.servers.folder / "backup"
    database.backup(backup)
    await world.publish_more(BEHIND // 5)
    await asyncio.sleep(3)
    database.kill()
    shutil.rmtree(database.data)
    (backup / "data").rename(database.data)
    shutil.rmtree(backup)
    database.start()
    await world.forget()


async def _promote(world: World, standby: Database) -> None:
    """The primary is lost at once."""
    world.servers.fail_over(standby)
    async with world.database() as connection:
        assert await connection.fetchval("SELECT pg_promote()")
        await connection.execute("ALTER SYSTEM RESET synchronous_standby_names")
        await connection.execute("SELECT pg_reload_conf()")


async def _end_sessions(connection: asyncpg.Connection) -> None:
    await connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
