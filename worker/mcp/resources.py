"""The resources that a client can read: the contract, the reasons, and the policy in force."""

import json
import re
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import mcp_types as mcp

from schemas.operations import OPERATIONS
from schemas.problems import Code
from worker.client.client import Client
from worker.client.failure import ApiError
from worker.mcp import explanations
from worker.mcp.refusals import Refused, of_api

_MARKDOWN: Final = "text/markdown"
_JSON: Final = "application/json"
_CONTRACT: Final = "g3n://contract"
_REASONS: Final = "g3n://reasons"
_POLICY: Final = "g3n://policy"
_VERSION: Final = re.compile(rf"{_POLICY}/(\d{{1,9}})", re.ASCII)
_FIXED_MS: Final = 3_600_000
_GET: Final = OPERATIONS["loyalty.policy.get"]

LISTED: Final = (
    mcp.Resource(
        uri=_POLICY,
        name="policy",
        title="The policy in force",
        description="How points are earned and spent and which limits cards have, now, and which versions there are.",
        mime_type=_JSON,
    ),
    mcp.Resource(
        uri=_CONTRACT,
        name="contract",
        title="The wire contract",
        description="Every document, rule, reason and ruling; the last word in any doubt. Long.",
        mime_type=_MARKDOWN,
    ),
    mcp.Resource(
        uri=_REASONS,
        name="reasons",
        title="Why something was not done",
        description="Every reason that a tool may give, what it means, and what to do next.",
        mime_type=_MARKDOWN,
    ),
)
TEMPLATES: Final = (
    mcp.ResourceTemplate(
        uri_template=f"{_POLICY}/{{version}}",
        name="policy-version",
        title="A version of the policy",
        description="As the policy in force; 0 is the default.",
        mime_type=_JSON,
    ),
)


async def read(client: Client, uri: str) -> mcp.ReadResourceResult:
    """Return the resource. Raises Refused."""
    version = _VERSION.fullmatch(uri)
    if uri == _CONTRACT:
        return _fixed(uri, contract())
    if uri == _REASONS:
        return _fixed(uri, explanations.as_page())
    if uri == _POLICY or version is not None:
        policy = await _policy(client, {} if version is None else {"version": int(version[1])})
        text = json.dumps(policy, indent=2, ensure_ascii=False)
        return mcp.ReadResourceResult(contents=[mcp.TextResourceContents(uri=uri, mime_type=_JSON, text=text)])
    raise Refused(Code.NOT_FOUND, "unknown_resource", "there is no such resource")


def contract() -> str:
    """Return `docs/contract.md`: from this package in a wheel, from its place in a checkout."""
    packed = files("worker.mcp") / "contract.md"
    if packed.is_file():
        return packed.read_text(encoding="utf-8")
    return (Path(__file__).parents[2] / "docs" / "contract.md").read_text(encoding="utf-8")


def _fixed(uri: str, text: str) -> mcp.ReadResourceResult:
    page = mcp.TextResourceContents(uri=uri, mime_type=_MARKDOWN, text=text)
    return mcp.ReadResourceResult(contents=[page], ttl_ms=_FIXED_MS, cache_scope="public")


async def _policy(client: Client, body: dict[str, Any]) -> dict[str, Any]:
    try:
        return (await client.call(_GET, body)).json()
    except ApiError as error:
        raise of_api(error, _GET) from None
