"""The API's answer with status 200."""

import json
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel

ModelT = TypeVar("ModelT", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer's unchanged bytes, and the values of its headers."""

    data: bytes
    request_id: str
    document_id: str | None = None  # the Idempotency-Key under which the document is known
    replayed: bool = False  # the stored answer of an earlier call
    tender_state: str | None = None  # with a replayed tender: its present state (contract §1)

    def json(self) -> dict[str, Any]:
        """Return the answer's members."""
        parsed: dict[str, Any] = json.loads(self.data)
        return parsed

    def parse(self, model: type[ModelT]) -> ModelT:
        """Return the answer as the operation's `answer` model. Raises pydantic.ValidationError if it does not fit."""
        return model.model_validate_json(self.data)
