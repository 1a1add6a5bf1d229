"""One tenant's ledger at one moment: the names of its tables behind the answers."""

from dataclasses import dataclass
from typing import Self

from worker.domain.policy import PolicyBook
from worker.ledger.load import Shelf
from worker.ledger.queries import Connection
from worker.pipeline import NOBODY


@dataclass(frozen=True, slots=True)
class Tenant:
    """A connection to one moment of the ledger, and whose rows are asked for."""

    connection: Connection
    orgcode: str
    org: int

    @classmethod
    async def of(cls, connection: Connection, orgcode: str) -> Self:
        org = await connection.fetchval("SELECT id FROM org WHERE code = $1", orgcode)
        return cls(connection, orgcode, org or NOBODY)

    async def policies(self) -> PolicyBook:
        """Every version, the default first."""
        books = await Shelf().open(self.connection, {self.orgcode: self.org})
        return books[self.orgcode].policies
