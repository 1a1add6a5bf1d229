"""The books of a batch's tenants, with only the policies loaded."""

from typing import Final

from schemas.policy import Policy
from worker.domain.state.books import Books
from worker.domain.state.policy import PolicyBook, PolicyVersion
from worker.ledger.queries import SQL, Connection
from worker.stored.rows import columns

KEPT_VERSIONS: Final = 2000  # policies of all tenants; beyond that, only those of the batch's tenants are kept


class Shelf:
    """Loads the books of a batch's tenants. Keeps parsed policies between batches, because versions never change.

    Reading operations may share a shelf concurrently.
    """

    def __init__(self) -> None:
        self._policies: dict[int, list[PolicyVersion]] = {}

    def forget(self) -> None:
        self._policies.clear()

    async def open(self, connection: Connection, orgs: dict[str, int]) -> dict[str, Books]:
        """Return empty books of these tenants, with every policy version."""
        known = [(org, len(self._policies.get(org, ()))) for org in orgs.values()]
        for row in await connection.fetch(SQL["load_policy"], *columns(known, 2)):
            kept = self._policies.setdefault(row["org"], [])
            if row["version"] != len(kept) + 1:  # another reader of this shelf loaded it meanwhile
                continue
            policy = Policy.from_json(row["policy"].encode())
            kept.append(PolicyVersion(row["version"], row["effective_us"], policy))
        if sum(map(len, self._policies.values())) > KEPT_VERSIONS:
            self._policies = {org: kept for org, kept in self._policies.items() if org in orgs.values()}
        return {
            orgcode: Books(org, orgcode, PolicyBook(list(self._policies.get(org, ())))) for orgcode, org in orgs.items()
        }
