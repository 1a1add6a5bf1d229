"""One snapshot of one tenant's ledger, as accounts of the domain, without a lock."""

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import orjson

from schemas.views import Profile
from worker.codec import Keyring
from worker.domain.state.accounts import Account, AccountType, Standing
from worker.domain.state.policy import PolicyBook
from worker.engine.rehearsal import NOBODY
from worker.ledger.queries import SQL, Connection
from worker.ledger.shelf import Shelf
from worker.stored.account import account_of
from worker.views.context import Context

Key = tuple[AccountType, str]


@dataclass(frozen=True, slots=True)
class Tenant:
    """A connection that reads one snapshot, and the tenant whose rows it reads."""

    connection: Connection
    keyring: Keyring
    orgcode: str
    org: int
    shelf: Shelf

    async def policies(self) -> PolicyBook:
        """Return every policy version, the default first."""
        books = await self.shelf.open(self.connection, {self.orgcode: self.org})
        return books[self.orgcode].policies

    async def accounts(self, keys: Iterable[Key]) -> dict[Key, Account]:
        """Return the accounts that exist."""
        wanted = sorted(set(keys))
        if not wanted:
            return {}
        rows = await self.connection.fetch(
            SQL["load_account"], [self.org] * len(wanted), [type_ for type_, _ in wanted], [key for _, key in wanted]
        )
        return {(account.type, account.key): account for account in map(account_of, rows)}

    async def path(self, customer_id: str) -> list[Account]:
        """Return the customer's own account, then the accounts to which its points went, by merges and into a pool.

        The last account has the points; the last of AccountType.POINTS is the person's present record. Empty: no such
        customer.
        """
        path: list[Account] = []
        key: Key | None = (AccountType.POINTS, customer_id)
        while key is not None:
            account = (await self.accounts([key])).get(key)
            if account is None or account.standing is Standing.UNCLAIMED:
                return path
            path.append(account)
            key = None if account.type is AccountType.POOL else account.target
        return path

    async def present(self, customer_ids: Iterable[str]) -> dict[str, str]:
        """Return the present ids of customers who have a record. Merges of version 0.1.0 may lead there in several
        steps.
        """
        found = await self.accounts((AccountType.POINTS, customer_id) for customer_id in customer_ids)
        leads = {
            one.key: one.target[1] if one.target is not None and one.target[0] is AccountType.POINTS else one.key
            for one in found.values()
            if one.standing is not Standing.UNCLAIMED
        }
        merged = {into for customer_id, into in leads.items() if into != customer_id}
        further = await self.present(merged) if merged else {}
        return {customer_id: further.get(into, into) for customer_id, into in leads.items()}

    async def owned(self, owner: str) -> list[Account]:
        """Return a customer's cards and the customers merged into it; for a pool, its members."""
        return [account_of(row) for row in await self.connection.fetch(SQL["read_owned"], self.org, owner)]

    async def profiles(self, accounts: Sequence[Account]) -> dict[int, Profile]:
        """Return profiles by the account's id; an erased customer's profile is empty."""
        rows = await self.connection.fetch(SQL["read_profiles"], self.org, [account.id for account in accounts])
        return {
            row["account_id"]: Profile(
                name=row["name"],
                email=row["email"],
                phone=row["phone"],
                birth_date=row["birth_date"],
                external_ids=None if row["external_ids"] is None else orjson.loads(row["external_ids"]),
            )
            for row in rows
        }


@asynccontextmanager
async def reading(context: Context, orgcode: str) -> AsyncIterator[Tenant]:
    """Open a snapshot of the tenant's ledger. An unknown tenant has an empty ledger."""
    async with context.pool.reading() as connection:
        org = await connection.fetchval("SELECT id FROM org WHERE code = $1", orgcode)
        yield Tenant(connection, context.pipeline.keyring(orgcode), orgcode, org or NOBODY, context.shelf)
