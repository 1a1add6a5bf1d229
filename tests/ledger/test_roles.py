"""Each role of the database has the rights of this table, and no other; what is append-only nobody can change."""

import re
import uuid
from collections.abc import AsyncIterator
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from tests.stack import Servers
from worker.ledger import roles
from worker.ledger.roles import Role
from worker.ledger.setup import set_up

# r: SELECT, a: INSERT, w: UPDATE (of the columns named), d: DELETE, U: USAGE of a sequence; s: SELECT and i: INSERT of
# some columns only. Nobody may TRUNCATE, nor have what is not named.
RIGHTS = """
relation        crm_worker                                   crm_api                                      crm_ops                      crm_audit
accepted        rad                                          sad                                          -                            -
accepted_profile rad                                         rad                                          -                            -
account         raw                                          raw                                          r                            r
account_id      U                                            U                                            -                            -
api_key         -                                            r                                            raw(expires_at,revoked_at)   -
archive         r                                            r                                            r                            r
archived_entry  r                                            r                                            r                            r
batch           raw(published_at)                            sa                                           r                            r
batch_past      -                                            -                                            r                            r
batch_no        U                                            U                                            U                            -
card_issuer     -                                            raw                                          -                            -
card_key        ra                                           ra                                           rd                           -
card_number     ra                                           ra                                           r                            -
consent         ra                                           ra                                           r                            r
contra          r                                            r                                            r                            r
dead_letter     raw                                          sw(closed_at,state)                          raw                          r
dead_letter_group ra                                         -                                            ra                           r
customer        raw                                          raw                                          -                            -
customer_name   rad                                          rad                                          -                            -
entry           -                                            -                                            r                            r
every_batch     -                                            -                                            r                            r
event           raw(digest,facts,no,record,status)           raw(digest,facts,no,record,status)           r                            r
guard           raw                                          raw                                          raw                          -
guess_limit     -                                            raw                                          -                            -
halted          rawd                                         -                                            rw(decision)                 -
imbalance       -                                            -                                            r                            r
migration       r                                            r                                            r                            r
operation       riw                                          -                                            riw                          r
operator_journal ri                                          -                                            ri                           r
org             ra                                           ra                                           ra                           r
parked          rawd                                         rawd                                         r                            r
policy          ra                                           ra                                           r                            r
retried         rawd                                         -                                            r                            -
session         -                                            rad                                          rd                           -
tender          raw                                          raw                                          r                            r
timer           rawd                                         rawd                                         r                            r
transfer        ra                                           ra                                           r                            r
transfer_partition -                                         -                                            r                            r
watermark       rawd                                         -                                            r                            r
"""  # noqa: E501  a table
LETTERS = "rsaiwdDxtU"
ACTUAL = r"""
SELECT c.relname, r.rolname,
       (SELECT string_agg(letter, '' ORDER BY place) FROM (VALUES (1, 'r', 'SELECT'), (2, 'a', 'INSERT'),
            (3, 'w', 'UPDATE'), (4, 'd', 'DELETE'), (5, 'D', 'TRUNCATE'), (6, 'x', 'REFERENCES'), (7, 't', 'TRIGGER'))
            AS p (place, letter, name)
        WHERE c.relkind <> 'S' AND has_table_privilege(r.rolname, c.oid, p.name)) AS whole,
       c.relkind <> 'S' AND NOT has_table_privilege(r.rolname, c.oid, 'SELECT')
           AND has_any_column_privilege(r.rolname, c.oid, 'SELECT') AS some_selected,
       c.relkind <> 'S' AND NOT has_table_privilege(r.rolname, c.oid, 'INSERT')
           AND has_any_column_privilege(r.rolname, c.oid, 'INSERT') AS some_inserted,
       c.relkind = 'S' AND has_sequence_privilege(r.rolname, c.oid, 'USAGE') AS usage,
       (SELECT string_agg(a.attname, ',' ORDER BY a.attname) FROM pg_attribute a
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND c.relkind <> 'S'
            AND NOT has_table_privilege(r.rolname, c.oid, 'UPDATE')
            AND has_column_privilege(r.rolname, c.oid, a.attnum, 'UPDATE')) AS columns
FROM pg_class c CROSS JOIN pg_roles r
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'S')
    AND pg_get_userbyid(c.relowner) = 'crm_owner' AND c.relname NOT LIKE '%\_seq' AND c.relispartition = $1
    AND r.rolname = ANY ('{crm_worker,crm_api,crm_ops,crm_audit}')
"""

OTHERS = """
SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relowner <> 'crm_owner'::regrole
UNION ALL
SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND proowner <> 'crm_owner'::regrole
ORDER BY 1
"""


def table() -> dict[tuple[str, str], str]:
    head, *rows = (line.split() for line in RIGHTS.strip().splitlines())
    return {(row[0], role): right for row in rows for role, right in zip(head[1:], row[1:], strict=True)}


async def actual(connection: asyncpg.Connection, *, partitions: bool = False) -> dict[tuple[str, str], str]:
    rights = {}
    for name, role, whole, some_selected, some_inserted, usage, columns in await connection.fetch(ACTUAL, partitions):
        letters = (whole or "") + "s" * some_selected + "i" * some_inserted + "U" * usage
        right = "".join(sorted(letters, key=LETTERS.index))
        if columns:
            letters = right + "w"
            right = "".join(sorted(letters, key=LETTERS.index)) + f"({columns})"
        rights[name, role] = right or "-"
    return rights


async def test_every_relation_grants_what_the_table_says(connection: asyncpg.Connection) -> None:
    assert await actual(connection) == table()


async def test_partitions_are_reached_through_their_table_alone(connection: asyncpg.Connection) -> None:
    assert set((await actual(connection, partitions=True)).values()) == {"-"}


async def test_everything_belongs_to_the_owner(connection: asyncpg.Connection) -> None:
    assert await connection.fetch(OTHERS) == []


async def test_an_operator_has_no_right_but_to_act_as_three_roles(connection: asyncpg.Connection) -> None:
    """A replay is planned as one, run as another, and audited as the third."""
    rights = "SELECT has_table_privilege('crm_operator', c.oid, 'SELECT') FROM pg_class c WHERE relname = 'account'"
    assert await connection.fetchval(rights) is False
    roles = """
        SELECT r.rolname FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.roleid
        WHERE m.member = 'crm_operator'::regrole AND m.set_option AND NOT m.inherit_option ORDER BY 1"""
    assert [row["rolname"] for row in await connection.fetch(roles)] == ["crm_audit", "crm_ops", "crm_worker"]


@pytest.fixture(params=[Role.WORKER, Role.API, Role.OPS, Role.AUDIT])
async def acting(request: pytest.FixtureRequest, database: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection that acts as each role in turn, as the programs' connections do."""
    opened = await asyncpg.connect(database, server_settings={"role": request.param.value})
    yield opened
    await opened.close()


_OWNERS = (
    "CREATE TABLE mine (x int)", "ALTER TABLE transfer DISABLE TRIGGER ALL", "DELETE FROM batch_past",
    "ALTER TABLE transfer DETACH PARTITION transfer_0",
)  # fmt: skip


async def test_no_program_can_change_what_is_append_only(acting: asyncpg.Connection) -> None:
    role = await acting.fetchval("SELECT current_user")
    statements = [
        "UPDATE transfer SET amount = 1", "UPDATE consent SET granted = true", "UPDATE policy SET version = 1",
        "UPDATE batch SET documents = 0", "UPDATE event SET subject = 'x'", "UPDATE event SET org = 1",
        "UPDATE api_key SET scopes = '{}'", "UPDATE migration SET checksum = ''",
        "UPDATE operator_journal SET who = 'x'", "INSERT INTO operator_journal (at) VALUES (now())",
        "INSERT INTO operator_journal (login) VALUES ('x')",
    ]  # fmt: skip
    rows = await acting.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    for name in sorted(row["tablename"] for row in rows):
        statements += [f"TRUNCATE {name}", f"DROP TABLE {name}", f"ALTER TABLE {name} ADD x int"]
        if "d" not in table().get((name, role), "-"):
            statements.append(f"DELETE FROM {name}")
    for statement in [*statements, *_OWNERS]:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await acting.execute(statement)


async def test_only_a_worker_keeps_house(acting: asyncpg.Connection) -> None:
    role = await acting.fetchval("SELECT current_user")
    for function in ("fold_batches()", "add_transfer_partition()"):
        right = await acting.fetchval("SELECT has_function_privilege($1, $2, 'EXECUTE')", role, function)
        assert right is (role == Role.WORKER), function


async def test_a_ledger_of_version_0_1_changes_hands(empty_database: str) -> None:
    """It belonged to whoever had run `setup`."""
    connection = await asyncpg.connect(empty_database)
    await set_up(empty_database)
    before = await actual(connection)
    for row in await connection.fetch(
        "SELECT oid::regclass::text AS name FROM pg_class WHERE relnamespace = 'public'::regnamespace"
        " AND relkind IN ('r', 'p', 'v') AND (relispartition OR relname = ANY ($1))", [*{name for name, _ in table()}],
    ):  # fmt: skip
        await connection.execute(f"ALTER TABLE {row['name']} OWNER TO CURRENT_USER")
    for routine in ("fold_batches()", "add_transfer_partition()"):  # restored without owners and rights
        await connection.execute(f"ALTER FUNCTION {routine} OWNER TO CURRENT_USER")
        await connection.execute(f"GRANT EXECUTE ON FUNCTION {routine} TO PUBLIC")
    # another program's, in the same schema
    await connection.execute("CREATE TABLE theirs (x int) PARTITION BY LIST (x)")
    await connection.execute("CREATE TABLE theirs_1 PARTITION OF theirs DEFAULT")
    assert await actual(connection) != before
    await set_up(empty_database)
    assert await actual(connection) == before
    assert [row["relname"] for row in await connection.fetch(OTHERS)] == ["theirs", "theirs_1"]
    for role in (Role.WORKER, Role.API):
        right = await connection.fetchval("SELECT has_function_privilege($1, 'fold_batches()', 'EXECUTE')", role)
        assert right is (role is Role.WORKER), role
    await connection.close()


async def test_a_role_logs_in_with_the_password_that_setup_gave_it(empty_database: str) -> None:
    password = uuid.uuid4().hex
    await set_up(empty_database, {Role.AUDIT: password})
    parts = urlsplit(empty_database)
    netloc = f"{Role.AUDIT}:{password}@{parts.hostname}:{parts.port}"
    connection = await asyncpg.connect(urlunsplit(parts._replace(netloc=netloc)))
    assert await connection.fetchval("SELECT current_user") == Role.AUDIT
    await connection.close()


async def test_without_the_right_to_create_roles_setup_says_what_a_dba_must_do(
    stack: Servers, empty_database: str
) -> None:
    superuser = await asyncpg.connect(stack.superuser_dsn)
    await superuser.execute("CREATE ROLE g3n_nobody LOGIN PASSWORD 'none'")
    parts = urlsplit(empty_database)
    dsn = urlunsplit(parts._replace(netloc=f"g3n_nobody:none@{parts.hostname}:{parts.port}"))
    try:
        with pytest.raises(roles.Missing, match=r"g3n_nobody may neither .* --print-roles"):
            await set_up(dsn)
    finally:
        await superuser.execute("DROP ROLE g3n_nobody")
        await superuser.close()


def test_the_printed_sql_creates_every_role() -> None:
    assert set(re.findall(r"crm_\w+", roles.sql())) == {*Role, "crm_operator"}


async def test_no_role_can_change_a_decision(connection: asyncpg.Connection) -> None:
    """Even the owner is refused; a parked document still gets its final outcome, and a stub its sale."""
    await connection.execute("INSERT INTO org (code) VALUES ('acme')")
    insert = "INSERT INTO event (no, org, type, status, subject, digest, facts) VALUES (7, 1, 1, $1, $2, $3, 'old')"
    await connection.execute(insert, 0, "decided", b"digest")
    await connection.execute(insert, 3, "parked", b"digest")
    await connection.execute(insert, 0, "stub", None)
    await connection.execute("UPDATE event SET record = 'undone'")
    await connection.execute("UPDATE event SET no = 8, status = 0, facts = 'new' WHERE subject = 'parked'")
    await connection.execute("UPDATE event SET no = 8, digest = 'digest', facts = 'new' WHERE subject = 'stub'")
    for change in ("digest = 'other'", "no = 9", "status = 1", "facts = 'new and newer'", "digest = NULL"):
        for subject in ("decided", "parked", "stub"):
            with pytest.raises(asyncpg.RaiseError, match="append-only"):
                await connection.execute(f"UPDATE event SET {change} WHERE subject = '{subject}'")
    for statement in ("DELETE FROM event", "TRUNCATE event"):
        with pytest.raises(asyncpg.RaiseError, match="append-only"):
            await connection.execute(statement)
