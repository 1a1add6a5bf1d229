"""A tool call from top to bottom: check the arguments, preview what is dangerous, ask the API, say what came of it."""

import json
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import mcp_types as mcp
import structlog

from schemas.operations import Access
from schemas.problems import Code
from worker.client.client import Client
from worker.client.failure import ApiError
from worker.mcp import refusals
from worker.mcp.arguments import Arguments, canonical, check
from worker.mcp.confirmations import VALID_S, Asked, Confirmations
from worker.mcp.previews import preview
from worker.mcp.refusals import Refused
from worker.mcp.tools import CONFIRMATION, DOCUMENT, IDENTITY, TOKEN, Offered, offered, served

_log: Final = structlog.get_logger(__name__)
_OWN: Final = frozenset({IDENTITY, TOKEN})  # of the tools; no body has them
_READS: Final = frozenset({Access.READ})


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls: as whom to ask the API, what tells this caller from all others, and the tenant for the log."""

    client: Client
    identity: bytes
    orgcode: str


class Calls:
    """The tools that are offered, and what was previewed and not yet confirmed."""

    def __init__(self, *, allow_writes: bool, confirmations: Confirmations | None = None) -> None:
        self._offered = offered(frozenset(Access) if allow_writes else _READS)
        self._confirmations = confirmations or Confirmations()

    @property
    def tools(self) -> list[mcp.Tool]:
        """What a client may choose from."""
        return [one.tool for one in self._offered.values()]

    async def call(self, caller: Caller, name: str, arguments: Arguments) -> mcp.CallToolResult:
        """The tool's result; an error is one too, and never an exception."""
        began_s, known = time.monotonic(), name if name in served() else "?"
        try:
            members = await self._done(caller, name, arguments)
        except Refused as refused:
            result, said = refusals.result(refused), refused.reason
        except Exception:  # noqa: BLE001 - whoever called gets an error that says nothing of the inside
            request_id = uuid.uuid4().hex
            _log.exception("crashed", tool=known, orgcode=caller.orgcode, request_id=request_id)
            fault = Refused(Code.INTERNAL_ERROR, "internal_error", "a fault of this server", {"request_id": request_id})
            result, said = refusals.result(fault), fault.reason
        else:
            text = mcp.TextContent(text=json.dumps(members, ensure_ascii=False))
            result = mcp.CallToolResult(content=[text], structured_content=members)
            said = "previewed" if CONFIRMATION in members else "done"
        took_ms = round(1000 * (time.monotonic() - began_s))
        _log.info("called", tool=known, orgcode=caller.orgcode, result=said, took_ms=took_ms)
        return result

    async def _done(self, caller: Caller, name: str, arguments: Arguments) -> dict[str, Any]:
        tool = self._tool(name)
        canonical(arguments)
        check(tool.validator, arguments)
        body = {member: value for member, value in arguments.items() if member not in _OWN}
        document_id: str | None = arguments.get(IDENTITY)
        if tool.is_confirmed:
            asked = Asked(caller.identity, name, canonical(body))
            if arguments.get(TOKEN) is None:
                return await self._previewed(caller, tool, asked, body, document_id or str(uuid.uuid4()))
            document_id = self._confirmed(asked, arguments[TOKEN], document_id)
        return await _asked(caller.client, tool, body, document_id)

    def _tool(self, name: str) -> Offered:
        if name in self._offered:
            return self._offered[name]
        if name in served():
            raise Refused(Code.FORBIDDEN, "tool_not_allowed", "this server offers tools that read only")
        raise Refused(Code.NOT_FOUND, "unknown_tool", "there is no such tool")

    async def _previewed(
        self, caller: Caller, tool: Offered, asked: Asked, body: Mapping[str, Any], document_id: str
    ) -> dict[str, Any]:
        told = await preview(caller.client, tool.operation, body, document_id)
        confirmation = {
            **told.members(),
            "arguments": body,
            "do": f"Show this to a person. If they agree, call {tool.tool.name} again with the same arguments, "
            f"{IDENTITY} and {TOKEN}.",
            TOKEN: self._confirmations.give(asked, document_id),
            "valid_s": VALID_S,
            IDENTITY: document_id,
        }
        return {CONFIRMATION: confirmation}

    def _confirmed(self, asked: Asked, token: str, document_id: str | None) -> str:
        """The id under which it was previewed, which the second call may repeat and may not change."""
        previewed = self._confirmations.take(asked, token)
        if previewed is None or document_id not in {None, previewed}:
            raise Refused(Code.INVALID_STATE, "confirmation_not_accepted", "nothing was done")
        return previewed


async def _asked(client: Client, tool: Offered, body: Mapping[str, Any], document_id: str | None) -> dict[str, Any]:
    """The answer's members, and which document it became."""
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
