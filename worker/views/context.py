"""The context of a reading operation, and the errors with which it can end."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

from schemas.reasons import Reason
from worker.codec import Outlet
from worker.engine.pipeline import Pipeline
from worker.ledger.pool import Pool
from worker.ledger.shelf import Shelf


@dataclass(frozen=True, slots=True)
class Context:
    """The connections and keys of the reading operations. One context serves all tenants. Use
    `dataclasses.replace(context, trusted=True)` for keys with the scope `card:trusted`: for them a card_id replaces the
    PIN (contract SAFE5).
    """

    pool: Pool
    pipeline: Pipeline
    outlet: Outlet
    trusted: bool = False
    shelf: Shelf = field(default_factory=Shelf)  # a policy is parsed once, not for each reading


Reading = Callable[[Context, str, Any], Awaitable[BaseModel]]
"""(context, orgcode, request) → answer, both of the operation's models. Raises Refused, Unknown or Invalid."""


class Refused(Exception):
    """The request is valid, but can't be answered. `detail`: why, where the reason's name does not say it."""

    def __init__(self, reason: Reason, detail: str | None = None) -> None:
        super().__init__(reason.value)
        self.reason = reason
        self.detail = detail


class Unknown(Exception):
    """The document does not exist."""


class Invalid(Exception):
    """The request is invalid. The message is `path: rule`, never a value."""
