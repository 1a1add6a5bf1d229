"""A request that was admitted, and its answer."""

import re
import uuid
from dataclasses import dataclass, field
from typing import Any, Final

from starlette.datastructures import Headers

from schemas.operations import Operation
from schemas.problems import ApiReason
from schemas.scopes import Scope
from worker.api.callers import single
from worker.api.problem import own
from worker.codec.keyring import Keyring
from worker.ledger.api_keys import Caller

KEY: Final = "Idempotency-Key"
_PRINTABLE: Final = re.compile(r"[\x20-\x7e]{1,128}")
_TRACEPARENT: Final = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")


@dataclass(slots=True)
class AdmittedRequest:
    """The operation, its caller and its body. `began` is an instant of the clock of the limits."""

    operation: Operation
    caller: Caller
    body: dict[str, Any]
    keyring: Keyring
    began: float
    traceparent: bytes | None = None
    document_id: str | None = None  # None: no document, or an id is missing in its body

    @property
    def trusted(self) -> bool:
        """Return whether a card_id replaces the PIN (contract SAFE5)."""
        return Scope.CARD_TRUSTED.value in self.caller.scopes


@dataclass(slots=True)
class Reply:
    """An answer with status 200: JSON, and headers."""

    data: bytes
    headers: dict[str, str] = field(default_factory=dict)


def document_id(operation: Operation, body: dict[str, Any], headers: Headers) -> str | None:
    """Return the document's id: the body's own, else Idempotency-Key, else a new one. Return None if there is no
    document, or if the model has to report that the id is missing. Raises Problem.
    """
    if operation.id_field is None:
        return None
    key = single(headers, KEY)
    if key is not None and _PRINTABLE.fullmatch(key) is None:
        raise own(ApiReason.INVALID_HEADER, f"{KEY}: 1 to 128 printable ASCII characters")
    for name in operation.given:
        if body.get(name) is not None:
            raise own(ApiReason.INVALID, f"{name}: absent, the API sets it")
    named = None if operation.id_field in operation.given else body.get(operation.id_field)
    if named is not None:
        return named if isinstance(named, str) else None
    return key or str(uuid.uuid4()) if operation.makes_id else None


def traceparent(headers: Headers) -> bytes | None:
    """Return the W3C Trace Context. An invalid header is ignored."""
    given = headers.get("traceparent", "")
    return given.encode() if _TRACEPARENT.fullmatch(given) else None


def key_header(id_: str | None) -> dict[str, str]:
    """Return the header with the id for repeating the request; none if a header can't carry the id."""
    if id_ is None or _PRINTABLE.fullmatch(id_) is None or id_ != id_.strip():
        return {}
    return {KEY: id_}
