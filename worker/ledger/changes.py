"""The rows that one transaction changed. A plan and its execution both count these changes.

This module reads the arguments of `write.py`'s statements as rows of a table. A statement that is not listed in
`WRITES` or `IGNORED` raises Unknown, so a plan can't miss a new statement.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from worker.ledger.queries import SQL
from worker.stored.rows import ACCOUNT_USUAL

Row = dict[str, Any]
Key = tuple[Any, ...]

_COLUMNS: Final = re.compile(r"AS k \(([a-z_, ]+)\)")


class Unknown(Exception):
    """A statement that changes the ledger in a way that a plan does not know; the message names it."""


class Table(NamedTuple):
    """The primary key of a table whose rows decide what comes next, and the types of its columns."""

    key: tuple[str, ...]
    types: tuple[str, ...]

    def key_of(self, row: Mapping[str, Any]) -> Key:
        return tuple(row[name] for name in self.key)


TABLES: Final = {
    "event": Table(("org", "type", "subject"), ("integer", "smallint", "text")),
    "account": Table(("org", "kind", "key"), ("integer", "smallint", "text")),
    "tender": Table(("org", "id"), ("integer", "text")),
    "card_number": Table(("org", "token"), ("integer", "bytea")),
    "parked": Table(("org", "type", "subject"), ("integer", "smallint", "text")),
}
# Statements that write rows: their table. The columns are those of the statement's own `AS k (…)`.
WRITES: Final = {
    SQL["update_event"]: "event",
    SQL["update_account"]: "account",
    SQL["update_tender"]: "tender",
    SQL["upsert_parked"]: "parked",
}
COLUMNS: Final = {query: tuple(_COLUMNS.findall(query)[-1].split(", ")) for query in WRITES}
# The values of columns whose array is empty.
USUAL: Final[Mapping[str, Mapping[str, Any]]] = {SQL["update_account"]: ACCOUNT_USUAL}
# Columns for which NULL means: keep the old value.
KEEPS: Final = {SQL["update_event"]: frozenset(COLUMNS[SQL["update_event"]]), SQL["update_account"]: {"past"}}
# Columns that keep their values if the row exists already.
STAYS: Final = {SQL["upsert_parked"]: ("sale_id", "due_us", "received_us", "record_us", "no")}
# No later decision reads the rows that these change.
IGNORED: Final = frozenset(
    SQL[name]
    for name in (
        "upsert_customer", "carry_profile", "erase_customer", "delete_timer", "insert_timer", "insert_batch",
        "insert_batch_and_positions", "mark_published", "upsert_watermark", "put_off_timer",
        "insert_dead_letter_groups", "upsert_dead_letters", "resolve_dead_letters",
        "write_something", "erase_accepted", "insert_accepted_profile", "delete_accepted", "delete_erased",
    )
)  # fmt: skip


@dataclass(slots=True)
class Changes:
    """`rows`: by table and primary key, each row before (None: it did not exist) and after (None: it was deleted).

    `transfers`: rows of that table. `accounts`: the accounts that they name, by id.
    """

    rows: dict[str, dict[Key, tuple[Row | None, Row | None]]] = field(default_factory=lambda: {t: {} for t in TABLES})
    transfers: list[Row] = field(default_factory=list)
    accounts: dict[int, Row] = field(default_factory=dict)

    def note(self, table: str, key: Key, before: Row | None, after: Row | None) -> None:
        """Note that a row changes, perhaps for the second time."""
        rows = self.rows[table]
        rows[key] = (rows[key][0] if key in rows else before, after)
        if table == "account" and after is not None and after.get("id") is not None:
            self.accounts[after["id"]] = after

    def add(self, later: "Changes") -> None:
        for table, rows in later.rows.items():
            for key, (before, after) in rows.items():
                self.note(table, key, before, after)
        self.transfers += later.transfers


def copied(columns: Sequence[str], records: Iterable[Sequence[Any]]) -> list[Row]:
    """Note the rows of a COPY."""
    return [dict(zip(columns, record, strict=True)) for record in records]


def updated(query: str, args: Sequence[Any]) -> list[Row]:
    """Return the rows of a statement of `WRITES`, without the columns that it does not change."""
    names, usual, size = COLUMNS[query], USUAL.get(query, {}), max(map(len, args))
    columns = [values or (usual.get(name),) * size for name, values in zip(names, args, strict=True)]
    rows = [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)]
    keeps = KEEPS.get(query, ())
    return [{name: value for name, value in row.items() if value is not None or name not in keeps} for row in rows]


def merged(before: Row | None, written: Row, query: str = "") -> Row:
    """Return the row as this statement, or a COPY, leaves it."""
    if before is None:
        return written
    return {**before, **written, **{name: before[name] for name in STAYS.get(query, ())}}
