"""Checks that run in SQL alone: they compare rows with rows."""

from typing import Any, Final

from schemas.registry import DOCUMENTS
from worker.ledger.queries import SQL
from worker.ops.audit.finding import Finding, account_name, document_name

# Check → the arguments of its statement, `audit_….sql`.
CHECKS: Final[dict[str, tuple[int, ...]]] = {
    "balance": (),
    "history": (),
    "document": (),
    "journal": (),
    "tender": (),
    "outcome": (),
    "waiting": (DOCUMENTS["scm.sale.completed"].code,),
    "void": (DOCUMENTS["scm.tender.voided"].code,),
}


async def check(connection: Any, name: str) -> list[Finding]:  # noqa: ANN401  an asyncpg connection
    """Return the findings of one of CHECKS; a statement returns 100 at most."""
    return [
        Finding(name, row["orgcode"], _about(row), row["what"])
        for row in await connection.fetch(SQL[f"audit_{name}"], *CHECKS[name])
    ]


def _about(row: Any) -> str:  # noqa: ANN401  an asyncpg record
    if row["subject"] is not None:
        return document_name(row["type"], row["subject"])
    return str(row["key"]) if row["kind"] is None else account_name(row["kind"], row["key"])
