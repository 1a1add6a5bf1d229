"""The sums of the ledger in Postgres (tables and views: worker/ledger/migrations)."""

from dataclasses import dataclass

import asyncpg

_SIZES = """
SELECT (SELECT count(*) FROM account WHERE kind = 0) AS points_accounts,
       (SELECT count(*) FROM account WHERE kind = 1) AS cards,
       (SELECT count(*) FROM transfer) AS transfers,
       (SELECT count(*) FROM imbalance) AS imbalances,
       (SELECT coalesce(sum(amount), 0) FROM entry)::bigint AS entries_sum,
       (SELECT count(*) FROM parked) AS parked
"""

# The amounts that each contra account gave and got back, for points (kind 0) and for gift cards (kind 1).
_BOOK = """
SELECT a.kind, c.name,
       coalesce(sum(t.amount) FILTER (WHERE t.debit = c.id), 0)::bigint AS credited,
       coalesce(sum(t.amount) FILTER (WHERE t.credit = c.id), 0)::bigint AS debited
FROM transfer t
JOIN contra c ON c.id IN (t.debit, t.credit)
JOIN account a ON a.id = CASE WHEN t.debit = c.id THEN t.credit ELSE t.debit END
GROUP BY a.kind, c.name, c.id
ORDER BY a.kind, c.id DESC
"""

_BALANCES = "SELECT kind, key, balance, held FROM account"

_TOP = """
SELECT a.key, a.balance,
       coalesce(sum(e.amount) FILTER (WHERE e.amount > 0), 0)::bigint AS credited,
       coalesce(-sum(e.amount) FILTER (WHERE e.amount < 0), 0)::bigint AS debited
FROM account a JOIN entry e ON e.account_id = a.id
WHERE a.kind = 0
GROUP BY a.key, a.balance
ORDER BY a.balance DESC, a.key
LIMIT $1
"""

POINTS, CARD = 0, 1


@dataclass(slots=True, frozen=True)
class Flow:
    """The points or pence that a contra account gave to accounts of one kind, and took from them."""

    kind: int
    name: str
    credited: int
    debited: int


@dataclass(slots=True, frozen=True)
class TopCustomer:
    """A customer with many points."""

    customer_id: str
    balance: int
    credited: int
    debited: int


@dataclass(slots=True, frozen=True)
class Proof:
    """The ledger in numbers. Points are whole points, gift cards are in pence; `balances` is by (kind,
    customer or card id).
    """

    points_accounts: int
    cards: int
    transfers: int
    imbalances: int
    entries_sum: int
    parked: int
    flows: tuple[Flow, ...]
    balances: dict[tuple[int, str], int]
    held: int
    top: tuple[TopCustomer, ...]

    def credited(self, kind: int, name: str) -> int:
        """Return the amount that a contra account gave to accounts of a kind."""
        return sum(flow.credited for flow in self.flows if (flow.kind, flow.name) == (kind, name))

    def debited(self, kind: int, name: str) -> int:
        """Return the amount that a contra account took from accounts of a kind."""
        return sum(flow.debited for flow in self.flows if (flow.kind, flow.name) == (kind, name))

    def booked(self, kind: int) -> int:
        """Return the amount that all contra accounts gave to accounts of a kind, less the amount that they took."""
        return sum(flow.credited - flow.debited for flow in self.flows if flow.kind == kind)

    def outstanding(self, kind: int) -> int:
        """Return the sum of the balances of a kind."""
        return sum(balance for (of, _), balance in self.balances.items() if of == kind)

    @property
    def balances_itself(self) -> bool:
        """Return whether every account is the sum of its entries, and all entries sum to zero."""
        return (
            self.imbalances == 0
            and self.entries_sum == 0
            and all(self.booked(kind) == self.outstanding(kind) for kind in (POINTS, CARD))
        )


async def prove(dsn: str, top: int = 5) -> Proof:
    """Query the ledger in one snapshot."""
    connection = await asyncpg.connect(dsn)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            (sizes,) = await connection.fetch(_SIZES)
            book = await connection.fetch(_BOOK)
            accounts = await connection.fetch(_BALANCES)
            best = await connection.fetch(_TOP, top)
    finally:
        await connection.close()
    return Proof(
        **dict(sizes),
        flows=tuple(Flow(**dict(row)) for row in book),
        balances={(row["kind"], row["key"]): row["balance"] for row in accounts},
        held=sum(row["held"] for row in accounts),
        top=tuple(TopCustomer(row["key"], row["balance"], row["credited"], row["debited"]) for row in best),
    )
