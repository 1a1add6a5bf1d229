"""Dangerous operations take two calls: within minutes, once, by the same caller, with the same arguments."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from mcp import Client

from schemas.operations import OPERATIONS
from schemas.policy import Policy
from schemas.problems import Code
from tests.mcp.connecting import connected, examples, members, refusal
from tests.terminal.server import Asked, Reply, ok, problem
from worker.mcp.confirmations import KEPT, VALID_S, Confirmations
from worker.mcp.confirmations import Asked as Previewed
from worker.mcp.tools import CONFIRMATION, DOCUMENT, IDENTITY, TOKEN

ADJUST = {"customer_id": "C-1001", "points": -20, "reason": "booked twice", "actor": "desk-4"}
OTHER = {**ADJUST, "points": -200}
DANGEROUS = ["customer.erase", "customer.merge", "giftcard.replace", "loyalty.adjust", "loyalty.policy.put"]


def simulating(outcome: dict[str, Any], *, stored: bool = False) -> Callable[[Asked], Reply]:
    def answer(asked: Asked) -> Reply:
        if asked.route == "/event/simulate":
            return ok({"outcome": outcome, "stored": stored})
        return examples(asked)

    return answer


async def previewed(client: Client, tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
    told = members(await client.call_tool(tool, arguments))
    assert told.keys() == {CONFIRMATION}
    confirmation: dict[str, Any] = told[CONFIRMATION]
    return confirmation


@pytest.mark.parametrize("mode", ["auto", "legacy"])
@pytest.mark.parametrize("name", DANGEROUS)
async def test_the_first_call_previews_and_the_second_does_it(name: str, mode: str) -> None:
    operation = OPERATIONS[name]
    body = operation.body_example
    async with connected(mode=mode) as (client, api):
        preview = await previewed(client, operation.tool, body)
        before = [asked.route for asked in api.asked]
        assert operation.route not in before
        asked = {name: value for name, value in body.items() if name != "pin"}  # a simulation takes none
        assert api.asked[0].body == {"type": operation.document, "data": {**asked, "command_id": preview[IDENTITY]}}
        told = members(await client.call_tool(operation.tool, {**body, TOKEN: preview[TOKEN]}))
    done = api.asked[len(before)]
    assert (done.route, done.body, done.key) == (operation.route, body, preview[IDENTITY])
    assert told[DOCUMENT]["id"] == preview[IDENTITY]
    assert preview["simulated"] == json.loads(json.dumps(OPERATIONS["event.simulate"].answer_example))["outcome"]
    assert operation.summary in preview["what_will_happen"]
    assert preview["arguments"] == body


async def test_the_identity_may_be_chosen_and_repeated_and_not_changed() -> None:
    async with connected() as (client, api):
        preview = await previewed(client, "loyalty_adjust", {**ADJUST, IDENTITY: "mine"})
        assert preview[IDENTITY] == "mine"
        done = await client.call_tool("loyalty_adjust", {**ADJUST, IDENTITY: "mine", TOKEN: preview[TOKEN]})
        assert members(done)[DOCUMENT]["id"] == "mine"
        preview = await previewed(client, "loyalty_adjust", {**ADJUST, IDENTITY: "mine"})
        asked = len(api.asked)
        said = refusal(await client.call_tool("loyalty_adjust", {**ADJUST, IDENTITY: "other", TOKEN: preview[TOKEN]}))
        assert (said["reason"], len(api.asked)) == ("confirmation_not_accepted", asked)


async def test_a_token_is_good_once() -> None:
    async with connected() as (client, api):
        preview = await previewed(client, "loyalty_adjust", ADJUST)
        await client.call_tool("loyalty_adjust", {**ADJUST, TOKEN: preview[TOKEN]})
        asked = len(api.asked)
        said = refusal(await client.call_tool("loyalty_adjust", {**ADJUST, TOKEN: preview[TOKEN]}))
        assert (said["code"], said["reason"], len(api.asked)) == ("invalid-state", "confirmation_not_accepted", asked)


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("loyalty_adjust", OTHER),
        ("loyalty_adjust", {**ADJUST, "actor": "desk-5"}),
        ("customer_erase", {"customer_id": "C-1001", "reason": "booked twice"}),
    ],
)
async def test_a_token_is_good_for_what_was_previewed_only(tool: str, arguments: dict[str, Any]) -> None:
    async with connected() as (client, api):
        preview = await previewed(client, "loyalty_adjust", ADJUST)
        asked = len(api.asked)
        said = refusal(await client.call_tool(tool, {**arguments, TOKEN: preview[TOKEN]}))
        assert said["reason"] == "confirmation_not_accepted"
        # Whoever guesses has one guess: the token is gone for the right arguments too.
        again = refusal(await client.call_tool("loyalty_adjust", {**ADJUST, TOKEN: preview[TOKEN]}))
        assert (again["reason"], len(api.asked)) == ("confirmation_not_accepted", asked)


@pytest.mark.parametrize("token", ["", "x", "☃", "\ud800", "yes"])
async def test_a_token_that_was_never_given(token: str) -> None:
    async with connected() as (client, api):
        said = refusal(await client.call_tool("loyalty_adjust", {**ADJUST, TOKEN: token}))
    assert said["reason"] in {"confirmation_not_accepted", "invalid"}
    assert api.asked == []


async def test_the_order_of_members_is_no_matter() -> None:
    async with connected() as (client, _):
        preview = await previewed(client, "loyalty_adjust", ADJUST)
        other_way = dict(reversed(ADJUST.items()))
        assert DOCUMENT in members(await client.call_tool("loyalty_adjust", {TOKEN: preview[TOKEN], **other_way}))


async def test_a_call_that_would_be_refused_gets_no_token() -> None:
    outcome = {"status": "rejected", "reason": "insufficient_balance", "category": "insufficient-balance"}
    async with connected(simulating(outcome)) as (client, api):
        said = refusal(await client.call_tool("loyalty_adjust", ADJUST))
    assert (said["code"], said["reason"], said["outcome"]) == ("insufficient-balance", "insufficient_balance", outcome)
    assert [asked.route for asked in api.asked] == ["/event/simulate"]


async def test_a_repeated_call_is_reported_as_known() -> None:
    outcome = {"status": "rejected", "reason": "customer_not_found", "category": "not-found"}
    async with connected(simulating(outcome, stored=True)) as (client, _):
        preview = await previewed(client, "loyalty_adjust", {**ADJUST, IDENTITY: "mine"})
    assert preview["what_will_happen"].startswith("Nothing new: mine is known")
    assert preview["simulated"] == outcome


def without_ops(asked: Asked) -> Reply:
    if asked.route != "/event/simulate":
        return examples(asked)
    missing = problem(Code.FORBIDDEN, "scope_missing")
    return Reply(missing.status, json.dumps({**json.loads(missing.body), "scope": "ops"}).encode(), missing.headers)


async def test_a_key_that_may_not_simulate_is_told_so_and_may_confirm() -> None:
    async with connected(without_ops) as (client, _):
        preview = await previewed(client, "customer_erase", {"customer_id": "C-1001", "reason": "asked for it"})
        assert "simulated" not in preview
        assert "could not be simulated" in preview["what_will_happen"]
        arguments = {"customer_id": "C-1001", "reason": "asked for it", TOKEN: preview[TOKEN]}
        assert DOCUMENT in members(await client.call_tool("customer_erase", arguments))


@pytest.mark.parametrize("code", [Code.UNAUTHORIZED, Code.CONFLICT, Code.INVALID_REQUEST, Code.INTERNAL_ERROR])
async def test_a_call_that_cannot_be_previewed_gets_no_token(code: Code) -> None:
    async with connected(lambda _: problem(code, "whatever")) as (client, _):
        said = refusal(await client.call_tool("loyalty_adjust", ADJUST))
    assert (said["code"], said["reason"]) == (code.value, "whatever")
    assert TOKEN not in said


async def test_the_preview_of_a_policy_shows_what_changes() -> None:
    body = {"effective_from": "2027-01-01T00:00:00Z", "policy": {"earn": {"points_per_unit": "2"}}}

    def answer(asked: Asked) -> Reply:
        if asked.route == "/loyalty/policy/get":
            return ok({"version": 0, "policy": Policy().wire_form(), "versions": [{"version": 0}]})
        return examples(asked)

    async with connected(answer) as (client, _):
        preview = await previewed(client, "loyalty_policy_put", body)
    assert [line.strip() for line in preview["changes"] if line[0] in "+-"] == [
        '-    "points_per_unit": "1",',
        '+    "points_per_unit": "2",',
    ]


def given(confirmations: Confirmations, caller: bytes = b"me") -> tuple[Previewed, str]:
    asked = Previewed(caller, "loyalty_adjust", b"{}")
    return asked, confirmations.give(asked, "id-1")


def test_a_token_is_good_for_a_while() -> None:
    now_s = 0.0
    confirmations = Confirmations(lambda: now_s)
    asked, token = given(confirmations)
    now_s = VALID_S - 0.1
    assert confirmations.take(asked, token) == "id-1"
    asked, token = given(confirmations)
    now_s += VALID_S
    assert confirmations.take(asked, token) is None
    assert confirmations._waiting == {}


def test_a_token_is_good_for_its_caller_only() -> None:
    confirmations = Confirmations()
    asked, token = given(confirmations)
    assert confirmations.take(Previewed(b"you", asked.tool, asked.body), token) is None
    assert confirmations.take(asked, token) == "id-1"


def test_nobody_crowds_out_anybody_else() -> None:
    confirmations = Confirmations()
    mine = given(confirmations)
    yours = [given(confirmations, b"you") for _ in range(KEPT + 1)]
    assert confirmations.take(*mine) == "id-1"
    assert [confirmations.take(*one) for one in yours] == [None] + ["id-1"] * KEPT


def test_tokens_are_long_and_never_the_same_and_not_kept() -> None:
    confirmations = Confirmations()
    tokens = {given(confirmations, bytes([n]))[1] for n in range(100)}
    assert len(tokens) == 100
    assert min(map(len, tokens)) >= 43  # 256 bits
    kept = {digest for mine in confirmations._waiting.values() for digest in mine}
    assert not kept & {token.encode() for token in tokens}
