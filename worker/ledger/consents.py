"""Read only the consents that a decision can use, however many the customer has."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final, get_args

from schemas.policy import Purpose
from worker.domain.state.books import Consent
from worker.ledger.queries import SQL, Connection

PURPOSES: Final[tuple[str, ...]] = get_args(Purpose)
FEW: Final = 8
"""So many are read with one scan. Where there are more, each channel is looked up."""
LATEST_US: Final = (1 << 63) - 1  # as `since_us`: also consents that are not in force yet

Key = tuple[int, str, str, int]
"""(org, customer_id, purpose, since_us): no decision asks for an earlier instant."""


async def read(connection: Connection, keys: Sequence[Key]) -> list[tuple[int, Consent]]:
    """Return (org, consent) in the order of decision, for each key. For `since_us` and each later instant, they give
    the same answers as all consents would.
    """
    if not keys:
        return []
    orgs, customers, purposes, since = zip(*keys, strict=True)
    rows = await connection.fetch(SQL["load_consent"], orgs, customers, purposes, FEW + 1)
    counts = Counter(row["place"] for row in rows)
    found = [(row["place"], row) for row in rows if counts[row["place"]] <= FEW]
    many = [place for place, count in counts.items() if count > FEW]
    if many:
        arguments = ([column[place - 1] for place in many] for column in (orgs, customers, purposes, since))
        latest = await connection.fetch(SQL["load_latest_consent"], *arguments)
        found += [(many[row["place"] - 1], row) for row in latest]
    return [(keys[place - 1][0], _consent(keys[place - 1], row)) for place, row in found]


def _consent(key: Key, row: Any) -> Consent:  # noqa: ANN401  an asyncpg record
    _, customer_id, purpose, _ = key
    return Consent(customer_id, purpose, row["channel"], row["granted"], row["at_us"])
