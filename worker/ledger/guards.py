"""Guards of a ledger: only programs that know its rows, and that serve its consumer group and its topics, may use it.

A second group would answer every document a second time, and its offsets would say nothing about this ledger. A program
that does not know a digest would treat duplicates as conflicts. A program that does not know an encoder can't publish
an outcome again.
"""

from typing import Final, NamedTuple

from schemas.content import VERSIONS
from worker.codec import ENCODER_VERSION
from worker.ledger.operators import Operator, note
from worker.ledger.queries import SQL, Connection

_LOCK: Final = 0x63726D_677264  # any number: two first starts must not adopt two groups
_ADOPT: Final = "g3n worker adopt settings --reason … makes this the ledger of what is set now"


class Refused(Exception):
    """The program does not fit the ledger; the message is a line that says why, and what to do."""


class Served(NamedTuple):
    """The consumer group, and the topics that it reads, by their full names."""

    group: str
    topics: tuple[str, ...]


async def check(connection: Connection, served: Served | None, versions: tuple[int, int] | None = None) -> None:
    """Record the ledger's group and topics, or check them. `served`: None for a program that reads no topics.

    `versions`: of the encoder and the digest; those of this program. Raises Refused.
    """
    await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
    known = {row["name"]: row["value"] for row in await connection.fetch(SQL["read_guards"])}
    encoder, digest = versions or (ENCODER_VERSION, max(VERSIONS))
    for name, ours in (("encoder_version", encoder), ("digest_version", digest)):
        stored = int(known.get(name, 0))
        if stored > ours:
            what = name.replace("_", " ")
            raise Refused(f"the program is older than the ledger, whose rows use {what} {stored}; it knows {ours}")
        if stored < ours:
            await connection.execute(SQL["upsert_guard"], name, str(ours))
    if served is None:
        return
    group = known.get("consumer_group", served.group)
    if group != served.group:
        raise Refused(f"G3N_CONSUMER_GROUP is {served.group}, and this is the ledger of the group {group}; {_ADOPT}")
    topics = set(filter(None, known.get("topics", "").split(",")))
    if missing := sorted(topics - set(served.topics)):
        raise Refused(f"this is the ledger of the topic {missing[0]} too, which the settings do not name; {_ADOPT}")
    await _record(connection, known, served)


async def adopt(connection: Connection, served: Served, operator: Operator) -> None:
    """Assign the ledger to this group and these topics, and record who did so."""
    known = {row["name"]: row["value"] for row in await connection.fetch(SQL["read_guards"])}
    before = {name: known.get(name, "") for name in ("consumer_group", "topics")}
    await _record(connection, known, served)
    await note(connection, operator, "adopt settings", served.group, {"before": before, "topics": served.topics})


async def _record(connection: Connection, known: dict[str, str], served: Served) -> None:
    for name, value in (("consumer_group", served.group), ("topics", ",".join(sorted(served.topics)))):
        if known.get(name) != value:
            await connection.execute(SQL["upsert_guard"], name, value)


async def forget_card_key(connection: Connection, fingerprint: bytes, operator: Operator) -> bool:
    """Let programs work without a card key that rows were made with. Return whether the key was recorded."""
    if not await connection.fetch(SQL["forget_card_key"], fingerprint):
        return False
    await note(connection, operator, "adopt card-key", fingerprint.hex())
    return True
