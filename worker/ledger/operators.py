"""The operator journal: who did what to keys, guards, partitions, dead letters and operations, when and why.

The table is append-only for every role. The database itself writes the time and the login.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from worker.ledger.queries import SQL, Connection


@dataclass(frozen=True, slots=True)
class Operator:
    """The person who runs a command (`Settings.operator_name`), and their reason."""

    who: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Action:
    """A row of the journal."""

    no: int
    at: datetime
    operation: int | None
    login: str
    who: str
    action: str
    target: str
    reason: str
    details: Mapping[str, Any]


async def note(
    connection: Connection,
    operator: Operator,
    action: str,
    target: str,
    details: Mapping[str, object] | None = None,
    *,
    operation: int | None = None,
) -> None:
    """Record an action in the caller's transaction, so that it is recorded if and only if it takes effect.

    `action` is the command's own words, such as `keys revoke`; `target` names what it acted on. Never pass a secret or
    personal data.
    """
    text = orjson.dumps(details or {}).decode()
    await connection.execute(
        SQL["insert_operator_action"], operator.who, action, target, operator.reason, operation, text
    )


async def actions(connection: Connection, most: int, operation: int | None = None) -> list[Action]:
    """Return the latest actions, the latest first: of one operation, or all."""
    rows = await connection.fetch(SQL["read_operator_journal"], most, operation)
    return [Action(**{**dict(row), "details": orjson.loads(row["details"])}) for row in rows]
