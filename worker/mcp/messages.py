"""JSON-RPC messages as they come: what is not one is refused before the SDK sees it (JSON-RPC 2.0 §5.1)."""

import json
from typing import Any, Final

import mcp_types as mcp
from pydantic import ValidationError

from schemas import duplicate_names

_BATCH: Final = "MCP has no batches: send each message on a line of its own"
_NOT_A_MESSAGE: Final = "not a JSON-RPC 2.0 request, notification or response"
_TWICE: Final = "each name once in an object"
_HALF: Final = "texts in Unicode, without half a surrogate pair"


class Malformed(Exception):
    """A text that is not a message, and the error that answers it."""

    def __init__(self, code: int, why: str, id_: mcp.RequestId | None = None) -> None:
        super().__init__(why)
        self.answer = mcp.JSONRPCError(jsonrpc="2.0", id=id_, error=mcp.ErrorData(code=code, message=why))


def message(text: bytes) -> mcp.JSONRPCMessage:
    """Return the message. Raises Malformed: a parse error, or an invalid request."""
    try:
        parsed, twice = duplicate_names.loads(text)
    except (ValueError, RecursionError):
        raise Malformed(mcp.PARSE_ERROR, "not JSON in UTF-8") from None
    if isinstance(parsed, list):
        raise Malformed(mcp.INVALID_REQUEST, _BATCH)
    known = _known_id(parsed)
    if twice:
        raise Malformed(mcp.INVALID_REQUEST, _TWICE, known)
    if not _can_be_sent(_echoed(parsed)):
        raise Malformed(mcp.INVALID_REQUEST, _HALF, known)
    try:
        said = mcp.jsonrpc_message_adapter.validate_python(parsed, by_name=False)
    except ValidationError:
        raise Malformed(mcp.INVALID_REQUEST, _NOT_A_MESSAGE, known) from None
    if isinstance(said, mcp.JSONRPCNotification) and parsed.get("id") is not None:
        raise Malformed(mcp.INVALID_REQUEST, "the id of a request is a string or an integer")
    return said


def check_names(text: bytes) -> None:
    """Raise Malformed if an object has a name twice."""
    try:
        parsed, twice = duplicate_names.loads(text)
    except (ValueError, RecursionError):
        return  # the SDK refuses it
    if twice:
        raise Malformed(mcp.INVALID_REQUEST, _TWICE, _known_id(parsed))


def _known_id(parsed: Any) -> mcp.RequestId | None:  # noqa: ANN401  JSON
    """Return the id that an error can name."""
    id_ = parsed.get("id") if isinstance(parsed, dict) else None
    return id_ if type(id_) is int or (isinstance(id_, str) and _can_be_sent(id_)) else None


def _echoed(parsed: Any) -> Any:  # noqa: ANN401  JSON
    """Return the part of a message that its answer may repeat: all but a tool's arguments, which have their check."""
    if (
        not isinstance(parsed, dict)
        or parsed.get("method") != "tools/call"
        or not isinstance(parsed.get("params"), dict)
    ):
        return parsed
    return {**parsed, "params": {**parsed["params"], "arguments": None}}


def _can_be_sent(value: Any) -> bool:  # noqa: ANN401  JSON
    """Return whether every text in it can be written in UTF-8."""
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True
