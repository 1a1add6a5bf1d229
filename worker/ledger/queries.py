"""The SQL statements: one in each file of sql/, named by what it does.

`{account}` and `{tender}` stand for the columns of a row, any other name in braces for another statement.
"""

import re
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, Final, Protocol

from worker.stored.rows import ACCOUNT_READ, TENDER_READ

_FOLDER: Final = Path(__file__).parent / "sql"
_COLUMNS: Final = {"account": ACCOUNT_READ, "tender": TENDER_READ}


def _statement(name: str) -> str:
    text = (_FOLDER / f"{name}.sql").read_text(encoding="utf-8")
    return re.sub(r"\{(\w+)\}", lambda found: _COLUMNS.get(found[1]) or _statement(found[1]), text)


SQL: Final = {path.stem: _statement(path.stem) for path in _FOLDER.glob("*.sql")}


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
