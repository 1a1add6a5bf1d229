"""Tool calls: what the API is asked, what the caller gets, and what an error says and hides."""

import json
import uuid
from typing import Any

import pytest
from structlog.testing import capture_logs

from schemas.operations import OPERATIONS, Access, Operation
from schemas.problems import Code
from schemas.reasons import Reason
from tests.mcp.connecting import connected, members, refusal
from tests.terminal.server import Reply, in_turn, ok, problem
from worker.mcp.arguments import MAX_BYTES, MAX_DEPTH
from worker.mcp.explanations import Explanation, of_reason
from worker.mcp.tools import CONFIRMATION, DOCUMENT, IDENTITY, served, takes_identity

PLAIN = [one for one in served().values() if one.access is not Access.DANGEROUS]
EARN = {"customer_id": "C", "points": 5}
NUMBER, PIN = "6006490000000017", "4711"
CARD = {"gift_card": {"number": NUMBER, "pin": PIN}}
MODES = pytest.mark.parametrize("mode", ["auto", "legacy"])


@MODES
@pytest.mark.parametrize("operation", PLAIN, ids=lambda operation: operation.name)
async def test_a_call_is_a_request_and_its_answer(operation: Operation, mode: str) -> None:
    body = operation.body_example
    own = {IDENTITY: "mine"} if takes_identity(operation) else {}
    async with connected(mode=mode) as (client, api):
        result = await client.call_tool(operation.tool, {**body, **own})
    (asked,) = api.asked
    assert (asked.route, asked.body) == (operation.route, body)
    assert (asked.headers["x-orgcode"], asked.headers["x-api-key"]) == ("acme", "k-1")
    told = members(result)
    assert not result.is_error
    document = told.pop(DOCUMENT, None)
    assert told == json.loads(json.dumps(operation.answer_example))
    if operation.document is None:
        assert (asked.key, document) == (None, None)
    else:
        identity = "mine" if own else body[str(operation.id_field)]
        assert asked.key == identity
        assert document == {"type": operation.document, "id": identity, "replayed": False}


async def test_without_an_identity_one_is_made_and_told() -> None:
    async with connected() as (client, api):
        told = members(await client.call_tool("loyalty_earn", EARN))
    assert str(uuid.UUID(told[DOCUMENT]["id"])) == told[DOCUMENT]["id"] == api.asked[0].key


async def test_a_stored_answer_is_told_as_one() -> None:
    headers = {"Idempotency_Key": "T1", "Idempotency_Replayed": "true", "Crm_Tender_State": "voided"}
    answer = in_turn(ok(OPERATIONS["tender.authorize"].answer_example, **headers))
    async with connected(answer) as (client, _):
        result = await client.call_tool("tender_authorize", OPERATIONS["tender.authorize"].body_example)
    document = {"type": "scm.tender.requested", "id": "T1", "replayed": True, "tender_state": "voided"}
    assert members(result)[DOCUMENT] == document


def rejected(reason: Reason) -> dict[str, str]:
    return {"status": "rejected", "reason": reason.value, "category": reason.category.value}


@MODES
async def test_a_refusal_is_an_error_with_the_outcome_and_what_to_do(mode: str) -> None:
    document = {"Idempotency_Key": "i-1"}
    said = {
        reason: problem(Code(reason.category.value), reason.value, "", rejected(reason), **document)
        for reason in Reason
    }
    async with connected(in_turn(*said.values()), mode=mode) as (client, _):
        told = {reason: refusal(await client.call_tool("loyalty_earn", EARN)) for reason in said}
    for reason, error in told.items():
        assert (error["code"], error["reason"]) == (reason.category.value, reason.value)
        assert (error["outcome"], error["document"]["id"]) == (rejected(reason), "i-1")
        assert Explanation(error["meaning"], error["what_to_do"]) == of_reason(reason)
        assert error["request_id"]


@pytest.mark.parametrize(
    ("reply", "reason", "more"),
    [
        (problem(Code.UNAUTHORIZED, "credentials_not_accepted"), "credentials_not_accepted", {}),
        (problem(Code.CONFLICT, "conflict"), "conflict", {}),
        (problem(Code.TOO_MANY_REQUESTS, "rate_limited", Retry_After="3600"), "rate_limited", {"retry_after_s": 3600}),
        (problem(Code.UNAVAILABLE, "overloaded", Retry_After="3600"), "overloaded", {"retry_after_s": 3600}),
        (problem(Code.INTERNAL_ERROR, "something_new"), "something_new", {}),
        (Reply(200, b"<html>"), "not_an_answer", {}),
    ],
)
async def test_reasons_of_the_api_alone(reply: Reply, reason: str, more: dict[str, Any]) -> None:
    async with connected(in_turn(reply)) as (client, _):
        said = refusal(await client.call_tool("loyalty_earn", EARN))
    assert said["reason"] == reason
    assert more.items() <= said.items()


async def test_the_scope_that_is_missing_is_named() -> None:
    missing = problem(Code.FORBIDDEN, "scope_missing")
    body = {**json.loads(missing.body), "scope": "loyalty:write"}
    reply = Reply(missing.status, json.dumps(body).encode(), missing.headers)
    async with connected(in_turn(reply)) as (client, _):
        assert refusal(await client.call_tool("loyalty_earn", EARN))["scope"] == "loyalty:write"


@pytest.mark.parametrize(
    ("tool", "arguments", "detail"),
    [
        ("loyalty_earn", {**EARN, "point": 5}, "arguments: an unknown member; known are "),
        ("giftcard_get", {"gift_card": {NUMBER: PIN}}, "gift_card: an unknown member; known are number, card_id, pin"),
        ("loyalty_earn", {"customer_id": "C"}, "data: "),
        ("loyalty_earn", {**EARN, "points": "5"}, "points: "),
        ("loyalty_earn", {**EARN, IDENTITY: "mine "}, "idempotency_key: 1 to 128 printable ASCII characters"),
        ("loyalty_earn", {**EARN, IDENTITY: 5}, "idempotency_key: "),
        ("giftcard_get", {"gift_card": {"number": NUMBER, "pin": 4711}}, "gift_card.pin: "),
        ("giftcard_reload", {**CARD, "amount_minor": -5, "currency": "GBP"}, "amount_minor: "),
        ("customer_list", {"limit": 1000}, "limit: "),
        (
            "loyalty_policy_put",
            {"effective_from": "2027-01-01T00:00:00Z", "policy": {"earn": {"multipliers": [{"category": 4711}]}}},
            "policy.earn.multipliers[0]",
        ),
    ],
)
async def test_wrong_arguments_are_told_without_their_values(tool: str, arguments: dict[str, Any], detail: str) -> None:
    async with connected() as (client, api):
        said = refusal(await client.call_tool(tool, arguments))
    assert (said["code"], said["reason"], api.asked) == ("invalid-request", "invalid", [])
    assert said["detail"].startswith(detail)
    assert NUMBER not in json.dumps(said)
    assert PIN not in json.dumps(said)


async def test_too_deep_and_too_much() -> None:
    deep: Any = 1
    for _ in range(MAX_DEPTH + 1):
        deep = [deep]
    async with connected() as (client, api):
        said = refusal(await client.call_tool("event_simulate", {"type": "crm.policy.put", "data": {"policy": deep}}))
        assert said["detail"] == f"data: more than {MAX_DEPTH} levels deep"
        said = refusal(await client.call_tool("loyalty_earn", {**EARN, "reason": "x" * MAX_BYTES}))
        assert said["reason"] == "body_too_large"
    assert api.asked == []


async def test_a_tool_that_is_not_allowed_is_refused_without_a_request() -> None:
    async with connected(allow_writes=False) as (client, api):
        assert refusal(await client.call_tool("loyalty_earn", EARN))["reason"] == "tool_not_allowed"
        assert refusal(await client.call_tool("session_create", {}))["reason"] == "unknown_tool"
        assert api.asked == []
        assert not (await client.call_tool("customer_get", {"customer_id": "C"})).is_error


@MODES
async def test_a_fault_of_the_server_says_nothing_of_the_inside(mode: str) -> None:
    answer = in_turn(ok({"outcome": {}, "stored": False}))  # an outcome without a status: not what the API promises
    with capture_logs() as lines:
        async with connected(answer, mode=mode) as (client, _):
            said = refusal(await client.call_tool("customer_erase", {"customer_id": "C-9", "reason": "asked"}))
    assert (said["code"], said["reason"]) == ("internal-error", "internal_error")
    assert "status" not in json.dumps(said)
    (crash,) = [line for line in lines if line["event"] == "crashed"]
    assert crash["request_id"] == said["request_id"]


async def test_a_line_in_the_log_has_names_and_no_values() -> None:
    with capture_logs() as lines:
        async with connected() as (client, _):
            await client.call_tool("giftcard_get", CARD)
            await client.call_tool(NUMBER, {})
    for line in lines:
        del line["took_ms"]
    called = {"event": "called", "log_level": "info", "orgcode": "acme"}
    assert lines == [
        {**called, "tool": "giftcard_get", "result": "done"},
        {**called, "tool": "?", "result": "unknown_tool"},
    ]


async def test_the_number_of_a_card_is_told_once_and_to_who_asked() -> None:
    async with connected() as (client, _):
        body = OPERATIONS["giftcard.issue"].body_example
        told = members(await client.call_tool("giftcard_issue", body))
    assert told["number"] == OPERATIONS["giftcard.issue"].answer_example["number"]
    assert CONFIRMATION not in told
