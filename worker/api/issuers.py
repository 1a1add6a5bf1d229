"""The API keys that issued cards with generated numbers. No other key gets a number by repeating the request."""

from dataclasses import dataclass
from typing import Final

from worker.ledger.api_keys import Caller
from worker.ledger.pool import Pool
from worker.ledger.queries import SQL

_NOBODY: Final = ""


@dataclass(frozen=True, slots=True)
class Issue:
    """A request to issue a card: the key that sent it first, and whether this is the first request."""

    caller: Caller
    command_id: str
    first_key: str
    is_new: bool


class Issuers:
    """Stores them in the ledger before the card is issued, so that a crash in between loses no number."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def note(self, caller: Caller, command_id: str) -> Issue:
        """Record that this key asks for the card."""
        async with self._pool.transaction() as connection:
            (row,) = await connection.fetch(SQL["insert_card_issuer"], caller.orgcode, command_id, caller.key_id)
        return Issue(caller, command_id, row["api_key"], row["is_new"])

    async def may_see_number(self, issue: Issue, *, stored: bool) -> bool:
        """Return whether the caller issued the card; `stored` says that an earlier request issued it."""
        key_id = issue.caller.key_id
        if stored and not issue.is_new:
            return issue.first_key == key_id
        issuer = _NOBODY if stored else key_id  # stored without an issuer: the card is older than this table
        if issuer != issue.first_key:
            async with self._pool.transaction() as connection:
                await connection.execute(SQL["update_card_issuer"], issue.caller.orgcode, issue.command_id, issuer)
        return not stored
