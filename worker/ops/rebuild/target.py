"""The database into which a ledger is rebuilt. It must be empty, or hold this unfinished rebuild."""

import contextlib
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

import asyncpg

from schemas.content import VERSIONS
from worker.codec.encode import ENCODER_VERSION
from worker.ledger import card_keys, guards, roles
from worker.ledger.migrate import MigrationError, files
from worker.ledger.queries import SQL, Connection
from worker.ledger.roles import Role
from worker.ledger.setup import set_up
from worker.ledger.watched import Watched
from worker.process.errors import OperatorError

TABLES: Final = """
CREATE TABLE rebuild (live text NOT NULL, code text NOT NULL, done_batch bigint NOT NULL DEFAULT 0);
-- The batches of the live ledger. A batch decides documents for the first time, or what waited or was due.
CREATE TABLE rebuild_batch (no bigint PRIMARY KEY, decided_us bigint NOT NULL, documents integer NOT NULL);
CREATE INDEX rebuild_batch_decided ON rebuild_batch (decided_us);
-- What the batches decided. round 0: a document's first outcome, 1: the one after it waited, 2: a deadline's notice.
CREATE TABLE rebuild_step (
    orgcode text COLLATE "C", type smallint, subject text COLLATE "C", round smallint, no bigint,
    now_us bigint NOT NULL, record_us bigint NOT NULL, topic text COLLATE "C", partition integer, record_offset bigint,
    missing boolean,
    PRIMARY KEY (orgcode, type, subject, round)
);
CREATE INDEX rebuild_step_no ON rebuild_step (no);
CREATE INDEX rebuild_step_at ON rebuild_step (topic, partition, record_offset);
-- Where the documents of interfaces are in crm.accepted.
CREATE TABLE rebuild_accepted (key bytea PRIMARY KEY, partition integer NOT NULL, record_offset bigint NOT NULL);
GRANT SELECT, INSERT, UPDATE ON rebuild, rebuild_batch, rebuild_step, rebuild_accepted TO crm_worker;
"""
_WHERE: Final = "SELECT system_identifier || '/' || current_database() FROM pg_control_system()"
_ROWS: Final = "SELECT EXISTS (SELECT FROM {}) AS found"


class Refused(OperatorError):
    """The rebuild refuses to run. The message says why, and what would be right."""


class Target(Watched):
    """The pool of the rebuilding pipeline. Its batches count as published, so no worker publishes them.

    `done`: the latest finished batch of the live ledger; each transaction writes it down.
    """

    silent = True
    done = 0

    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        async with super().transaction() as connection:
            yield connection
            await connection.execute("UPDATE rebuild SET done_batch = $1 WHERE done_batch < $1", self.done)


async def prepare(into: str, live: Any, code: str, keys: tuple[bytes, ...], topics: Sequence[str]) -> bool:  # noqa: ANN401  asyncpg
    """Prepare the target. Return whether it continues an unfinished rebuild. Raises Refused.

    `live`: a connection to the live ledger. `code`: the version of the program. `topics`: the topics to read.
    """
    where = await live.fetchval(_WHERE)
    await _check_live(live, keys, topics)
    target: Any = await asyncpg.connect(into)
    try:
        if await target.fetchval(_WHERE) == where:
            raise Refused("the target is the live ledger: name an empty database")
        if await target.fetchval("SELECT to_regclass('public.rebuild')"):
            begun = await target.fetchrow("SELECT live, code FROM rebuild")
            if begun["live"] != where:
                raise Refused("the target holds the rebuild of another ledger: drop it, and create it empty")
            if begun["code"] != code:
                raise Refused("another version of the program began this rebuild: drop the target, and create it empty")
            return True
        await _check_empty(target)
        await _set_up(into, keys)
        await target.execute(f"SET ROLE {Role.OWNER}")
        async with target.transaction():
            await target.execute(TABLES)
            await target.execute("INSERT INTO rebuild (live, code) VALUES ($1, $2)", where, code)
        return False
    finally:
        await target.close()


async def _check_live(live: Any, keys: tuple[bytes, ...], topics: Sequence[str]) -> None:  # noqa: ANN401  asyncpg
    known = {bytes(row["fingerprint"]) for row in await live.fetch("SELECT fingerprint FROM card_key")}
    if missing := known - {card_keys.fingerprint(key) for key in keys}:
        raise Refused(f"the live ledger uses the card key {min(missing).hex()}, which these settings lack")
    latest = await live.fetchval("SELECT max(number) FROM migration")
    if latest != (ours := max(number for number, _, _ in files())):
        raise Refused(f"the live ledger has migration {latest}, this program {ours}: use the program of its workers")
    stored = {row["name"]: row["value"] for row in await live.fetch(SQL["read_guards"])}
    for name, newest in (("encoder_version", ENCODER_VERSION), ("digest_version", max(VERSIONS))):
        if int(stored.get(name, 0)) > newest:
            raise Refused(f"the live ledger has {name} {stored[name]}, this program {newest}: use that of its workers")
    if absent := sorted(set(filter(None, stored.get("topics", "").split(","))) - set(topics)):
        raise Refused(f"the live ledger is that of the topic {absent[0]} too, which the settings do not name")


async def _check_empty(target: Any) -> None:  # noqa: ANN401  asyncpg
    rows = await target.fetch(
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')"
    )
    tables = {row["relname"] for row in rows}
    if tables and "migration" not in tables:
        raise Refused(f"the target is not empty: it has the table {min(tables)}")
    for table in sorted(tables - {"migration", "card_key", "guard"}):
        if await target.fetchval(_ROWS.format(table)):
            raise Refused(f"the target is not empty: its table {table} has rows")


async def _set_up(into: str, keys: tuple[bytes, ...]) -> None:
    try:
        await set_up(into)
    except (roles.Missing, MigrationError) as error:
        raise Refused(f"the target can't be set up: {error}") from None
    connection: Any = await asyncpg.connect(into, server_settings={"role": Role.WORKER.value})
    try:
        async with connection.transaction():
            await card_keys.accept(connection, keys)
            await guards.check(connection, None)
    except card_keys.WrongKey as error:
        raise Refused(f"the target was set up with another card key: {error}") from None
    except guards.Refused as error:
        raise Refused(f"the target was set up by another program: {error}") from None
    finally:
        await connection.close()
