"""The SQL statements: one in each file of sql/, named by what it does."""

from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, Final, Protocol

from worker.stored.rows import ACCOUNT_READ, TENDER_READ


def _statement(text: str) -> str:
    """Return the statement, with the columns of an account or a tender in place of their names in braces."""
    return text.replace("{account}", ACCOUNT_READ).replace("{tender}", TENDER_READ)


SQL: Final = {
    path.stem: _statement(path.read_text(encoding="utf-8")) for path in (Path(__file__).parent / "sql").glob("*.sql")
}


class Connection(Protocol):
    """The part of an asyncpg connection that is used; asyncpg itself has no types."""

    async def fetch(self, query: str, *args: object) -> list[Any]:
        """Return all rows, as mappings."""

    async def fetchval(self, query: str, *args: object) -> Any:  # noqa: ANN401  of any column
        """Return the first column of the first row, or None if there is no row."""

    async def execute(self, query: str, *args: object) -> str:
        """Execute, and return the command's tag."""

    async def copy_records_to_table(self, table: str, *, records: object, columns: object) -> str:
        """COPY in binary form."""

    def transaction(self) -> AbstractAsyncContextManager[object]:
        """A savepoint, inside a transaction: an exception undoes what came after it."""
