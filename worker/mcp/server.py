"""The MCP server: answers the protocol's requests with the tools, the resources and the prompts."""

import functools
from collections.abc import Awaitable, Callable
from importlib.metadata import version
from typing import Any, Final, TypeVar

import mcp_types as mcp
import structlog
from mcp import MCPError
from mcp.server import CacheHint, Server, ServerRequestContext

from schemas.problems import Code
from worker.mcp import prompts, refusals, resources
from worker.mcp.calls import Caller, Calls
from worker.mcp.refusals import Refused

_log: Final = structlog.get_logger(__name__)

_INSTRUCTIONS: Final = """\
Loyalty points and gift cards of one retailer. The tools look up customers, points, cards, policies and decisions, and
change them if this server may write.
- Money is in minor units: 1250 is 12.50. Points are whole numbers.
- Every change has an identity: `idempotency_key`, or a tender's `tender_id`. If you are not sure whether a call was
  done (an error with code unavailable, a timeout), call again with the same identity and the same arguments: it has
  one effect.
- An answer to a change has `document`, its type and id, for `of` and for event_explain.
- An error has `reason`, `meaning` and `what_to_do`. g3n://reasons lists them all.
- The prompts are step-by-step guides. g3n://contract describes everything.
"""

# Only a restart of the server changes these, and they are the same for every caller.
_LISTS: Final = CacheHint(ttl_ms=60_000, scope="public")

Context = ServerRequestContext[Any, Any]
FindCaller = Callable[[Context], Caller]
_ParamsT = TypeVar("_ParamsT")
_ResultT = TypeVar("_ResultT")


def build(calls: Calls, caller_of: FindCaller) -> Server[Any]:
    """Return the server. `caller_of` finds the caller of a request."""

    async def list_tools(context: Context, _: object) -> mcp.ListToolsResult:
        return mcp.ListToolsResult(tools=await calls.tools(caller_of(context)))

    async def call_tool(context: Context, asked: mcp.CallToolRequestParams) -> mcp.CallToolResult:
        return await calls.call(caller_of(context), asked.name, asked.arguments or {})

    async def list_resources(_: Context, __: object) -> mcp.ListResourcesResult:
        return mcp.ListResourcesResult(resources=list(resources.LISTED))

    async def list_templates(_: Context, __: object) -> mcp.ListResourceTemplatesResult:
        return mcp.ListResourceTemplatesResult(resource_templates=list(resources.TEMPLATES))

    async def read_resource(context: Context, asked: mcp.ReadResourceRequestParams) -> mcp.ReadResourceResult:
        return await resources.read(caller_of(context).client, asked.uri)

    async def list_prompts(_: Context, __: object) -> mcp.ListPromptsResult:
        return mcp.ListPromptsResult(prompts=list(prompts.LISTED))

    async def get_prompt(_: Context, asked: mcp.GetPromptRequestParams) -> mcp.GetPromptResult:
        return prompts.get(asked.name, asked.arguments or {})

    return Server(
        "g3n-crm",
        version=version("g3n-crm"),
        title="g3n crm",
        instructions=_INSTRUCTIONS,
        cache_hints={
            "tools/list": CacheHint(ttl_ms=60_000, scope="private"),  # depends on the caller's key
            "resources/list": _LISTS,
            "resources/templates/list": _LISTS,
            "prompts/list": _LISTS,
        },
        on_list_tools=list_tools,
        on_call_tool=call_tool,
        on_list_resources=list_resources,
        on_list_resource_templates=list_templates,
        on_read_resource=_told(read_resource),
        on_list_prompts=list_prompts,
        on_get_prompt=_told(get_prompt),
    )


def _told(
    answer: Callable[[Context, _ParamsT], Awaitable[_ResultT]],
) -> Callable[[Context, _ParamsT], Awaitable[_ResultT]]:
    """Turn refusals into errors of the protocol. For other exceptions, the SDK would send the exception's text."""

    @functools.wraps(answer)
    async def told(context: Context, asked: _ParamsT) -> _ResultT:
        try:
            return await answer(context, asked)
        except Refused as refused:
            raise refusals.error(refused) from None
        except MCPError:
            raise
        except Exception:  # noqa: BLE001 - the log has it, without values
            _log.exception("crashed", method=context.method)
            fault = Refused(Code.INTERNAL_ERROR, "internal_error", "a fault of this server")
            raise refusals.error(fault) from None

    return told
