"""Decide documents without writing anything: for simulations and for the plan of a redrive."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Final

from schemas.policy import Policy
from worker.codec import Document, Message, Outlet, Undecodable
from worker.domain.state.books import Books, Pins
from worker.engine.dead_letters import DeadLetters
from worker.engine.decider import Decider
from worker.engine.duplicates import sort_out
from worker.engine.messages import BatchMessages
from worker.engine.work import Work
from worker.ledger import inbox
from worker.ledger.pool import Pool

NOBODY: Final = 0  # no tenant has this number; a tenant that is not known yet has no rows


class Conflict(Exception):
    """A simulated document's identity is known with other content; applied, it would be dead-lettered."""


class Standing(StrEnum):
    """Whether the ledger knows a document."""

    NEW = "new"
    KNOWN = "known"
    CONFLICT = "conflict"


class Rehearsal:
    """Decides as the pipeline does, and writes nothing."""

    def __init__(self, pool: Pool, decider: Decider, outlet: Outlet, dead: DeadLetters) -> None:
        self._pool = pool
        self._decider = decider
        self._outlet = outlet
        self._dead = dead

    async def standing(self, documents: Sequence[Document]) -> dict[Document, Standing]:
        """Return whether the ledger knows each document now. Locks and writes nothing."""
        messages = BatchMessages(self._outlet)
        async with self._pool.reading() as connection:
            rows = await connection.fetch("SELECT code, id FROM org")
            orgs = {row["code"]: row["id"] for row in rows}
            works = [Work.of(document, 0, orgs.get(document.orgcode, NOBODY)) for document in documents]
            fresh = {work.document for work in await sort_out(connection, works, messages)}
        conflicts = set(messages.conflicts)
        return {
            one: Standing.NEW if one in fresh else Standing.CONFLICT if one in conflicts else Standing.KNOWN
            for one in documents
        }

    async def entries(self, refused: Sequence[Undecodable]) -> list[inbox.Entry]:
        """Return the entries that the inbox would get for these records."""
        return [letter.entry for letter in await self._dead.of(refused)]

    async def simulate(self, document: Document, now_us: int, draft: Policy | None = None) -> list[Message]:
        """Return the messages that applying the document would give: the same decision, before anything is written.

        `draft`: the policy to decide by, with the number that it would get if it were put.

        Every known card counts as accepted. A card that has a PIN is not shown, unless `document.trusted`.

        A known identity gets its stored outcomes. Raises Conflict if its content differs. The simulation doesn't show
        values that Postgres would refuse, or documents that this one would wake. It locks the rows that it touches
        until it ends.
        """
        messages = BatchMessages(self._outlet)
        async with self._pool.rolled_back() as connection:
            org = await connection.fetchval("SELECT id FROM org WHERE code = $1", document.orgcode)
            work = Work.of(document, now_us, org or NOBODY)
            fresh = await sort_out(connection, [work], messages)
            shelf = (await self._decider.decide(connection, fresh, draft, Pins.WAIVED)).shelf if fresh else []
            await messages.add_states(connection, shelf)
        if messages.conflicts:
            raise Conflict(f"conflict: {document.type} {document.subject} is known with other content")
        if not document.trusted:
            _hide_cards(work, shelf)
        work.store(now_us)
        return messages.of_all([work])


def _hide_cards(work: Work, shelf: list[Books]) -> None:
    """Remove cards that have a PIN from a simulated outcome, because its sender has not proved to know the PIN."""
    outcome = work.outcome
    if outcome is None:
        return
    accounts = (account for book in shelf for account in book.accounts.values())
    hidden = {account.key for account in accounts if account.card is not None and account.card.pin}
    shown = [part for part in outcome.gift_cards if part.card_id not in hidden]
    if len(shown) < len(outcome.gift_cards):
        outcome.gift_cards = shown
        outcome.customer_id = getattr(work.model, "customer_id", None)
        outcome.tender = None
