"""An operation of the interfaces. The HTTP route, the `g3n crm` command, the MCP tool and OpenAPI are made from it.

An operation that changes something becomes a document and goes through the same pipeline as the topics. Its body is
the document's `data` without `command_id` and `occurred_at`. Other operations read.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from pydantic import BaseModel

from schemas.reasons import Reason
from schemas.scopes import Scope

Example = Mapping[str, Any]


class Access(StrEnum):
    """What an operation may do to the ledger. MCP tells machines."""

    READ = "read"
    PROBE = "probe"  # reads, but a wrong PIN counts and may freeze a card
    WRITE = "write"
    DANGEROUS = "dangerous"  # can't be undone, creates points, or changes the rules for everybody


@dataclass(frozen=True, slots=True)
class Operation:
    """`name` is words and dots: `loyalty.earn` is `/loyalty/earn`, `g3n crm loyalty earn` and `loyalty_earn`."""

    name: str
    summary: str
    scope: Scope | None  # None: every key
    access: Access
    request: type[BaseModel]  # with `document`: the document's model
    answer: type[BaseModel]
    document: str | None = None
    # The member of `data` that is the document's id. If it is absent, `Idempotency-Key` takes its place.
    id_field: str | None = None
    refusals: tuple[Reason, ...] = ()
    example: Example = field(default_factory=dict, compare=False)  # with `document`: of its data
    answer_example: Example = field(default_factory=dict, compare=False)

    @property
    def body_example(self) -> dict[str, Any]:
        """Return the body of an example request."""
        return {name: value for name, value in self.example.items() if name not in self.given}

    @property
    def route(self) -> str:
        return "/" + self.name.replace(".", "/")

    @property
    def tool(self) -> str:
        return self.name.replace(".", "_")

    @property
    def makes_id(self) -> bool:
        """Return whether the API takes the document's id from `Idempotency-Key`, or makes one, if the body has none."""
        return self.id_field == "command_id" or self.name == "tender.authorize"

    @property
    def given(self) -> tuple[str, ...]:
        """Return the members of the document that the interface fills in. No body may have them."""
        if self.document is None or self.scope is Scope.SALE_WRITE:  # a sale has its own `occurred_at`
            return ()
        return ("occurred_at", "command_id") if self.id_field == "command_id" else ("occurred_at",)


def body_schema(operation: Operation, schema: dict[str, Any]) -> dict[str, Any]:
    """Return the JSON Schema of a body: the model's, without the members that the interface fills in. An id that the
    interface can make is not required.
    """
    absent = {*operation.given, *((operation.id_field,) if operation.makes_id else ())}
    properties = {name: member for name, member in schema["properties"].items() if name not in operation.given}
    required = [name for name in schema.get("required", ()) if name not in absent]
    return {**schema, "properties": properties, "required": required}
