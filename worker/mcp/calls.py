"""A tool call from top to bottom: check the arguments, preview dangerous operations, call the API,
return the result.
"""

import json
import re
import time
import uuid
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

import mcp_types as mcp
import structlog

from schemas.operations import Access
from schemas.problems import Code
from worker.client.client import Client
from worker.client.failure import ApiError
from worker.client.scopes import scopes
from worker.mcp import refusals
from worker.mcp.arguments import Arguments, canonical, check_body, check_names
from worker.mcp.confirmations import VALID_S, Asked, Confirmations
from worker.mcp.previews import preview
from worker.mcp.refusals import Refused
from worker.mcp.tools import CONFIRMATION, DOCUMENT, IDENTITY, TOKEN, Offered, offered, served

_log: Final = structlog.get_logger(__name__)
_ID: Final = re.compile(r"(?! )[ -~]{1,128}(?<! )").fullmatch  # HTTP strips spaces at both ends of a header
_OWN: Final = frozenset({IDENTITY, TOKEN})  # members of tools that no body has
_READS: Final = frozenset({Access.READ})
_SCOPES_KEPT_S: Final = 300.0
_SCOPES_PATIENCE_S: Final = 3.0  # a client waits for the list of tools before it does anything
_CALLERS: Final = 1000  # callers whose scopes are remembered


@dataclass(frozen=True, slots=True)
class Caller:
    """The caller: the connection to the API, what tells this caller from all others, and the tenant for the log."""

    client: Client
    identity: bytes
    orgcode: str


class Calls:
    """The offered tools, and the previews that wait for a confirmation. `only` limits the tools to these names. A
    caller sees those that its key may use.
    """

    def __init__(
        self,
        *,
        allow_writes: bool,
        only: Collection[str] | None = None,
        confirmations: Confirmations | None = None,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self.writes = allow_writes
        self._offered = offered(frozenset(Access) if allow_writes else _READS, only)
        self._confirmations = confirmations or Confirmations()
        self._now_s = now_s
        self._scopes: dict[bytes, tuple[float, frozenset[str]]] = {}  # by caller: until when they count, and the scopes

    async def tools(self, caller: Caller) -> list[mcp.Tool]:
        """Return the tools that the caller's key may use; all offered tools if the API does not say."""
        scopes = await self._scopes_of(caller)
        return [
            one.tool
            for one in self._offered.values()
            if scopes is None or one.operation.scope is None or one.operation.scope.value in scopes
        ]

    async def _scopes_of(self, caller: Caller) -> frozenset[str] | None:
        kept = self._scopes.get(caller.identity)
        if kept is not None and self._now_s() < kept[0]:
            return kept[1]
        try:
            granted = frozenset(await scopes(caller.client, patience_s=_SCOPES_PATIENCE_S))
        except ApiError as error:
            _log.warning("scopes_unknown", orgcode=caller.orgcode, reason=error.reason)
            return None
        while len(self._scopes) >= _CALLERS:
            del self._scopes[next(iter(self._scopes))]
        self._scopes[caller.identity] = (self._now_s() + _SCOPES_KEPT_S, granted)
        return granted

    async def call(self, caller: Caller, name: str, arguments: Arguments) -> mcp.CallToolResult:
        """Return the tool's result. An error is a result, never an exception."""
        began_s, known = time.monotonic(), name if name in served() else "?"
        try:
            members = await self._done(caller, name, arguments)
        except Refused as refused:
            result, ending = refusals.result(refused), refused.reason
        except Exception:  # noqa: BLE001 - whoever called gets an error that says nothing of the inside
            request_id = uuid.uuid4().hex
            _log.exception("crashed", tool=known, orgcode=caller.orgcode, request_id=request_id)
            fault = Refused(Code.INTERNAL_ERROR, "internal_error", "a fault of this server", {"request_id": request_id})
            result, ending = refusals.result(fault), fault.reason
        else:
            text = mcp.TextContent(text=json.dumps(members, ensure_ascii=False))
            result = mcp.CallToolResult(content=[text], structured_content=members)
            ending = "previewed" if CONFIRMATION in members else "done"
        took_ms = round(1000 * (time.monotonic() - began_s))
        _log.info("called", tool=known, orgcode=caller.orgcode, result=ending, took_ms=took_ms)
        return result

    async def _done(self, caller: Caller, name: str, arguments: Arguments) -> dict[str, Any]:
        tool = self._tool(name)
        canonical(arguments)
        check_names(tool.tool.input_schema, arguments)
        body = {member: value for member, value in arguments.items() if member not in _OWN}
        check_body(tool.operation, body)
        document_id = _identity(arguments)
        if tool.is_confirmed:
            asked = Asked(caller.identity, name, canonical(body))
            if arguments.get(TOKEN) is None:
                return await self._previewed(caller, tool, asked, body, document_id or str(uuid.uuid4()))
            document_id = self._confirmed(asked, str(arguments[TOKEN]), document_id)
        return await _asked(caller.client, tool, body, document_id)

    def _tool(self, name: str) -> Offered:
        if name in self._offered:
            return self._offered[name]
        if name in served():
            raise Refused(Code.FORBIDDEN, "tool_not_allowed", "this server does not offer it")
        raise Refused(Code.NOT_FOUND, "unknown_tool", "there is no such tool")

    async def _previewed(
        self, caller: Caller, tool: Offered, asked: Asked, body: Mapping[str, Any], document_id: str
    ) -> dict[str, Any]:
        shown = await preview(caller.client, tool.operation, body, document_id)
        confirmation = {
            **shown.members(),
            "arguments": body,
            "do": f"Show this to a person. If they agree, call {tool.tool.name} again with the same arguments, "
            f"{IDENTITY} and {TOKEN}.",
            TOKEN: self._confirmations.give(asked, document_id),
            "valid_s": VALID_S,
            IDENTITY: document_id,
        }
        return {CONFIRMATION: confirmation}

    def _confirmed(self, asked: Asked, token: str, document_id: str | None) -> str:
        """Return the id of the preview. The second call may repeat it, and may not change it."""
        previewed = self._confirmations.take(asked, token)
        if previewed is None or document_id not in {None, previewed}:
            raise Refused(Code.INVALID_STATE, "confirmation_not_accepted", "nothing was done")
        return previewed


def _identity(arguments: Arguments) -> str | None:
    """Return the document id that the caller chose. Raises Refused if it is not a valid id."""
    chosen = arguments.get(IDENTITY)
    if chosen is None or (isinstance(chosen, str) and _ID(chosen) is not None):
        return chosen
    raise Refused(
        Code.INVALID_REQUEST, "invalid", f"{IDENTITY}: 1 to 128 printable ASCII characters, no space at an end"
    )


async def _asked(client: Client, tool: Offered, body: Mapping[str, Any], document_id: str | None) -> dict[str, Any]:
    """Return the answer's members, and the document that the call became."""
    operation = tool.operation
    try:
        answer = await client.call(operation, body, idempotency_key=document_id)
    except ApiError as error:
        raise refusals.of_api(error, operation) from None
    if operation.document is None:
        return answer.json()
    document = {
        "type": operation.document,
        "id": answer.document_id,
        "replayed": answer.replayed,
        **({} if answer.tender_state is None else {"tender_state": answer.tender_state}),
    }
    return {**answer.json(), DOCUMENT: document}
