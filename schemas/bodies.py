"""Check the body of an operation before it is sent, with the API's own models and messages (contract §5)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from schemas.operations import Operation
from schemas.registry import DOCUMENTS
from schemas.scalars import CardToken, PinToken, canonical_number

_NOW: Final = "2026-01-01T00:00:00Z"  # any time does


@dataclass(frozen=True, slots=True)
class _NoKeys:
    """A keyring that checks the form of card numbers and PINs and creates no tokens."""

    stored: bool = False

    def number(self, plain: str, /) -> CardToken:
        return CardToken((), canonical_number(plain)[-4:])

    def pin(self, _plain: str, /) -> PinToken:
        return PinToken(())


_NO_KEYS: Final = _NoKeys()


def check(operation: Operation, body: Mapping[str, Any]) -> None:
    """Raise pydantic.ValidationError if the API would refuse the body. Unknown members are ignored, as by the API."""
    if operation.document is None:
        operation.request.model_validate(body, context=_NO_KEYS)
        return
    filled_in = {"occurred_at": _NOW}
    if operation.makes_id and operation.id_field is not None and body.get(operation.id_field) is None:
        filled_in[operation.id_field] = "-"
    DOCUMENTS[operation.document].validate({**body, **filled_in}, _NO_KEYS)
