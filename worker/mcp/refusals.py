"""The result of a tool call that was refused: an error with members for programs, never an exception's text."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import mcp_types as mcp
from mcp import MCPError

from schemas.operations import Operation
from schemas.problems import Code
from worker.client.failure import ApiError
from worker.mcp.explanations import explanation

_CALLERS_FAULT: Final = frozenset({Code.INVALID_REQUEST, Code.NOT_FOUND})


@dataclass(eq=False)
class Refused(Exception):
    """The call was refused. `detail` has paths, rules and our own names, never a value."""

    code: Code
    reason: str
    detail: str
    more: Mapping[str, Any] = field(default_factory=dict)


def of_api(error: ApiError, operation: Operation) -> Refused:
    """Return what the API said, and the identity for repeating the call."""
    more: dict[str, Any] = {"request_id": error.request_id}
    if operation.document is not None and error.document_id is not None:
        more["document"] = {"type": operation.document, "id": error.document_id}
    if error.retry_after_s is not None:
        more["retry_after_s"] = error.retry_after_s
    if error.scope is not None:
        more["scope"] = error.scope
    if error.outcome is not None:
        more["outcome"] = error.outcome
    return Refused(error.code, error.reason, error.detail, more)


def members(refused: Refused) -> dict[str, Any]:
    """Return what is wrong, what it means and what to do next, for programs and for models."""
    explained = explanation(refused.reason, refused.code)
    return {
        "code": refused.code.value,
        "reason": refused.reason,
        "detail": refused.detail,
        "meaning": explained.meaning,
        "what_to_do": explained.advice,
        **refused.more,
    }


def result(refused: Refused) -> mcp.CallToolResult:
    """Return the error as a tool's result: as members, and the same as text."""
    fault = members(refused)
    text = mcp.TextContent(text=json.dumps(fault, ensure_ascii=False))
    return mcp.CallToolResult(content=[text], structured_content=fault, is_error=True)


def error(refused: Refused) -> MCPError:
    """Return the error of a resource or a prompt, for which the protocol has no error result."""
    code = mcp.INVALID_PARAMS if refused.code in _CALLERS_FAULT else mcp.INTERNAL_ERROR
    return MCPError(code, refused.detail, members(refused))
