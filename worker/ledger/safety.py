"""Check, in `setup` and at every start, that the database server keeps what it has committed."""

from worker.ledger.queries import Connection
from worker.process.errors import Unavailable

_ASK = """
SELECT pg_is_in_recovery() AS standby, current_setting('fsync') AS fsync,
    current_setting('full_page_writes') AS full_page_writes,
    current_setting('synchronous_commit') AS synchronous_commit,
    current_setting('synchronous_standby_names') AS standbys
"""


async def unsafe(connection: Connection) -> list[str]:
    """Return a line for each setting of the server that lets it lose committed data.

    Raises Unavailable if the server is a standby, which may become the primary within seconds.
    """
    (row,) = await connection.fetch(_ASK)
    if row["standby"]:
        raise Unavailable("the server is a standby and takes no writes: name the primary in the DSN")
    found = []
    if row["fsync"] == "off":
        found.append("fsync=off (a crash of the machine destroys the database)")
    if row["full_page_writes"] == "off":
        found.append("full_page_writes=off (a crash leaves half-written pages)")
    if row["synchronous_commit"] == "off":
        found.append("synchronous_commit=off (a crash loses the latest commits)")
    elif row["synchronous_commit"] == "local" and row["standbys"]:
        found.append("synchronous_commit=local (a failover loses what the standby has not got)")
    return found
