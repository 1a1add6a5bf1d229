"""What the API answers with 200."""

import json
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel

ModelT = TypeVar("ModelT", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Answer:
    """The bytes as they came, and what the headers say beside them."""

    data: bytes
    request_id: str
    document_id: str | None = None  # the Idempotency-Key under which the document is known
    replayed: bool = False  # the stored answer of an earlier call
    tender_state: str | None = None  # with a replayed tender: its present state (contract §1)

    def json(self) -> dict[str, Any]:
        """The answer's members."""
        parsed: dict[str, Any] = json.loads(self.data)
        return parsed

    def parse(self, model: type[ModelT]) -> ModelT:
        """The answer as the operation's `answer` model; pydantic.ValidationError if it is another."""
        return model.model_validate_json(self.data)
