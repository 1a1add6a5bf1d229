"""Read the body of a request: JSON in UTF-8, within limits of size and time."""

import asyncio
from collections.abc import Callable
from email.message import Message
from typing import Any, Final

from pydantic import BaseModel, ValidationError
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, Request

from schemas.errors import detail
from schemas.problems import ApiReason
from worker.api.problem import Problem, own
from worker.codec.interface import json_object
from worker.codec.keyring import Keyring
from worker.codec.parse import Refused

_CHARSETS: Final[tuple[list[str], ...]] = ([], ["utf-8"], ["utf8"])
_CODINGS: Final[tuple[list[str], ...]] = ([], ["identity"])
_CLOSE: Final = {"Connection": "close"}  # the rest of the body is not read


async def read(request: Request, most_bytes: int, within_s: float, hold: Callable[[int], None]) -> dict[str, Any]:
    """Return the members of the body. `hold` is called with the number of bytes as they arrive, and may raise. Raises
    Problem (400, 408, 413, 415), and the errors of `hold`.
    """
    _check_type(request.headers)
    if int(request.headers.get("Content-Length", "0")) > most_bytes:
        raise _too_large(most_bytes)
    raw = bytearray()
    try:
        async with asyncio.timeout(within_s):
            async for chunk in request.stream():
                hold(len(chunk))
                raw += chunk
                if len(raw) > most_bytes:
                    raise _too_large(most_bytes)
    except (TimeoutError, ClientDisconnect):
        raise own(ApiReason.BODY_TOO_SLOW, within_s=f"{within_s:g}", headers=_CLOSE) from None
    try:
        return json_object(bytes(raw))
    except Refused as refused:
        raise own(ApiReason.INVALID, refused.detail) from None


def _check_type(headers: Headers) -> None:
    """Check that the body has one media type, at most one character set and no coding."""
    kinds, codings = headers.getlist("Content-Type"), headers.getlist("Content-Encoding")
    parsed = Message()
    parsed["Content-Type"] = kinds[0] if kinds else "none/none"
    charsets = [str(value).lower() for name, value in parsed.get_params([]) if name.lower() == "charset"]
    if (
        len(kinds) > 1
        or parsed.get_content_type() != "application/json"
        or charsets not in _CHARSETS
        or codings not in _CODINGS
    ):
        raise own(ApiReason.NOT_JSON)


def _too_large(most_bytes: int) -> Problem:
    return own(ApiReason.BODY_TOO_LARGE, most_bytes=most_bytes, headers=_CLOSE)


def validated(model: type[BaseModel], body: dict[str, Any], keyring: Keyring) -> Any:  # noqa: ANN401  # a `model`
    """Return the request of a reading, with card numbers and PINs as tokens. Raises Problem, 400."""
    try:
        return model.model_validate(body, context=keyring)
    except ValidationError as error:
        raise invalid(error) from None


def invalid(error: ValidationError) -> Problem:
    """Return the problem of an invalid body: paths and rules, never a value."""
    return own(ApiReason.INVALID, detail(error))
