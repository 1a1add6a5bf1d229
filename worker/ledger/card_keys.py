"""The card keys with which a ledger's rows were made, so that a program with another key is refused at its start.

With a wrong key, the program would find no card by its number and recognise no duplicate. It would go on, with wrong
results.
"""

from collections.abc import Sequence
from hashlib import sha256
from typing import Final

from worker.codec.keyring import KEY_ID_BYTES, key_id
from worker.ledger.queries import Connection

FINGERPRINT_BYTES: Final = 8
_LOCK: Final = 0x63726D_6B6579  # any number: a lock, so that two first starts don't adopt two keys


class WrongKey(Exception):
    """Rows of the ledger were made with a key that the program does not have. The message says which."""


def fingerprint(key: bytes) -> bytes:
    """Return the fingerprint that is stored for a card key. It distinguishes keys, and reveals nothing about a random
    key.
    """
    return sha256(b"fingerprint" + key).digest()[:FINGERPRINT_BYTES]


async def accept(connection: Connection, keys: Sequence[bytes], *, owner: bool = False) -> list[str]:
    """Record that rows are made with the current key, the first of `keys`. Return a line for each action.

    If an earlier version recorded no keys, the ledger adopts the keys in use. `owner`: the connection may forget the
    keys of a ledger that has no document yet. Raises WrongKey unless every recorded key is among `keys`.
    """
    await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
    known = {bytes(row["fingerprint"]) for row in await connection.fetch("SELECT fingerprint FROM card_key")}
    if owner and known and not await connection.fetchval("SELECT EXISTS (SELECT FROM event)"):
        await connection.execute("DELETE FROM card_key")
        known = set()
    given = [fingerprint(key) for key in keys]
    if missing := known - set(given):
        raise WrongKey(_refusal(f"its rows use the key with the fingerprint {min(missing).hex()}"))
    adopted = given[:1] if known else await _in_use(connection, keys)
    new = [one for one in adopted if one not in known]
    await connection.execute("INSERT INTO card_key (fingerprint) SELECT unnest($1::bytea[])", new)
    how = "recorded as one that rows are made with" if known else "adopted: the database had recorded none"
    return [f"card key {one.hex()}: {how}" for one in new]


async def _in_use(connection: Connection, keys: Sequence[bytes]) -> list[bytes]:
    """Return the fingerprints of the current key and of those with which the stored card numbers were hashed."""
    rows = await connection.fetch("SELECT DISTINCT substr(token, 1, $1::int) AS id FROM card_number", KEY_ID_BYTES)
    stored = {bytes(row["id"]) for row in rows}
    used = [key for key in keys if key_id(key) in stored]
    if stored and not used:
        raise WrongKey(_refusal("its card numbers were hashed with another key"))
    return [fingerprint(key) for key in dict.fromkeys([keys[0], *used])]


def _refusal(why: str) -> str:
    return f"not the key of this database: {why}, which is neither G3N_CARD_KEY nor in G3N_CARD_KEYS_OLD"
