"""The fifty commonest faults: every interface says the same of each, where it is and what would be right."""

import json
from pathlib import Path
from typing import Any

import pytest

from schemas.operations import OPERATIONS, Operation
from schemas.registry import DOCUMENTS
from tests.api.conftest import Caller, problem
from tests.codec.records import structured
from tests.codec.test_decode import DECODER
from tests.mcp.connecting import refusal
from tests.mcp.test_the_real_api import agent
from tests.schemas.wire import ABSENT, changed
from tests.terminal.shell import Shell, by_example, shell_of
from worker.codec import Undecodable

EARN, ADJUST, PUT = "crm.loyalty.earn", "crm.loyalty.adjust", "crm.policy.put"
CREATE, UPDATE, CONSENT = "crm.customer.create", "crm.customer.update", "crm.consent.set"
ISSUE, REDEEM, RESTORE = "crm.giftcard.issue", "crm.giftcard.redeem", "crm.loyalty.restore"
REQUEST, SALE, RETURN = "scm.tender.requested", "scm.sale.completed", "scm.return.completed"
LINE = {"line_id": 1, "sku": "A", "net_minor": 100}
TIME = "a time with offset, like 2026-03-01T10:15:00Z"
DECIMAL = 'a decimal number in quotes like "1.5", with at most 15 digits before the point and 12 after'
BIG = 10**15

# Type, what is changed in its example, to what; the place, and what would be right there.
ROWS: list[tuple[str, str, object, str, str]] = [
    # amounts and numbers
    (REDEEM, "amount_minor", "500", "amount_minor", "a whole number of minor units, without quotes"),
    (REDEEM, "amount_minor", 5.0, "amount_minor", "a whole number of minor units, without a decimal point"),
    (REDEEM, "amount_minor", True, "amount_minor", "a whole number of minor units"),
    (REDEEM, "amount_minor", None, "amount_minor", "a whole number of minor units"),
    (REDEEM, "amount_minor", 0, "amount_minor", "at least 1"),
    (REDEEM, "amount_minor", BIG + 1, "amount_minor", "at most 1000000000000000"),
    (ISSUE, "amount_minor", -1, "amount_minor", "at least 0"),
    (EARN, "points", "5", "points", "a whole number, without quotes"),
    (EARN, "points", 1.5, "points", "a whole number, without a decimal point"),
    (EARN, "points", 0, "points", "at least 1"),
    (ADJUST, "points", 0, "points", "a whole number other than 0"),
    (REQUEST, "hold_s", 604_801, "hold_s", "at most 604800"),
    (SALE, "lines.0.quantity", 2, "lines[0].quantity", "a text, in quotes"),
    (SALE, "lines.0.quantity", "1,5", "lines[0].quantity", DECIMAL),
    (SALE, "lines.0.net_minor", "4.99", "lines[0].net_minor", "a whole number of minor units, without quotes"),
    # members that are not there
    (EARN, "customer_id", ABSENT, "", "customer_id is missing"),
    (ADJUST, "reason", ABSENT, "", "reason is missing"),
    (REDEEM, "currency", ABSENT, "", "currency is missing"),
    (RESTORE, "of.id", ABSENT, "of", "id is missing"),
    (CONSENT, "granted", ABSENT, "", "granted is missing"),
    (SALE, "lines.1", {"line_id": 2}, "lines[1]", "sku and net_minor are missing"),
    (PUT, "policy.earn.multipliers.0", {"factor": "2"}, "policy.earn.multipliers[0]", "category is missing"),
    # members that belong together
    (EARN, "points", ABSENT, "data", "either points, or amount_minor and currency"),
    (EARN, "currency", "GBP", "data", "either points, or amount_minor and currency"),
    (REDEEM, "gift_card", {}, "gift_card", "either number or card_id"),
    (REDEEM, "gift_card", {"number": "60060001", "card_id": "G"}, "gift_card", "either number or card_id"),
    (REQUEST, "gift_card", ABSENT, "data", "gift_card is missing, because kind is gift_card"),
    (REQUEST, "kind", "points", "data", "customer_id is missing, because kind is points"),
    (RETURN, "lines.0.sale_line_id", ABSENT, "lines[0]", "sale_line_id is missing, because there is a sale_id"),
    ("crm.customer.merge", "into_customer_id", "C-1002", "into_customer_id", "another customer than from_customer_id"),
    (SALE, "lines", [LINE, LINE], "lines[1].line_id", "a value that no item before it has"),
    # times, dates, currencies, words of a list
    (REQUEST, "decide_by", "2026-03-01T10:15:00", "decide_by", TIME),
    (PUT, "effective_from", "2026-03-01", "effective_from", TIME),
    (PUT, "effective_from", 1_772_359_200, "effective_from", TIME),
    (ISSUE, "expires_on", "31.12.2027", "expires_on", "a date, like 2026-03-01"),
    (REDEEM, "currency", "gbp", "currency", "an ISO 4217 currency code in capitals, like GBP"),
    (REQUEST, "kind", "cash", "kind", "one of gift_card, points"),
    (UPDATE, "status", "closed", "status", "one of active, blocked"),
    (CONSENT, "purpose", "sms", "purpose", "one of marketing, profiling, service"),
    (CONSENT, "granted", "yes", "granted", "true or false, without quotes"),
    (REQUEST, "capture", 1, "capture", "true or false"),
    # ids and texts
    (EARN, "customer_id", "", "customer_id", "at least 1 character"),
    (EARN, "customer_id", "x" * 129, "customer_id", "at most 128 characters"),
    (EARN, "customer_id", "Jürgen", "customer_id", "printable ASCII characters only"),
    (EARN, "customer_id", 1001, "customer_id", "a text, in quotes"),
    (CREATE, "name", "x" * 257, "name", "at most 256 characters"),
    (CREATE, "external_ids", ["77-1"], "external_ids", "an object"),
    (CREATE, "external_ids", {"shop": 77}, "external_ids.*", "a text, in quotes"),
    # cards
    (REDEEM, "gift_card", "6006490000000017", "gift_card", "an object"),
    (REDEEM, "gift_card.number", "1234", "gift_card.number",
     "8 to 32 digits and letters, not counting spaces and dashes"),
    (REDEEM, "gift_card.number", 6006490000000017, "gift_card.number",
     "8 to 32 digits and letters, not counting spaces and dashes"),
    (REDEEM, "gift_card.pin", 4711, "gift_card.pin", "4 to 12 digits, in quotes"),
    # the policy
    (PUT, "policy", {"earn": {"point_per_unit": "1"}}, "policy.earn.point_per_unit",
     "no such member (did you mean points_per_unit?)"),
    (PUT, "policy", {"earn": {"points_per_unit": 1}}, "policy.earn.points_per_unit", DECIMAL),
    (PUT, "policy", {"gift_card": {"max_load_minor": 0}}, "policy.gift_card.max_load_minor", "at least min_load_minor"),
    (PUT, "policy", [], "policy", "an object"),
]  # fmt: skip
OF_DOCUMENT = {one.document: one for one in OPERATIONS.values() if one.document is not None}


def told(place: str, right: str) -> str:
    return f"{place}: {right}" if place else right


def body(operation: Operation, data: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in data.items() if name not in operation.given}


def test_there_are_fifty_and_more() -> None:
    assert len({(type_, path, repr(value)) for type_, path, value, _, _ in ROWS}) >= 50


@pytest.mark.parametrize(("type_", "path", "value", "place", "right"), ROWS)
def test_a_dead_letter_says_it(type_: str, path: str, value: object, place: str, right: str) -> None:
    data = changed(type_, path, value)
    letter = DECODER.decode(structured(type_, data[DOCUMENTS[type_].id_field], data), 2_000_000_000_000_000)
    assert isinstance(letter, Undecodable)
    assert (letter.reason.value, letter.detail) == ("invalid", told(place, right))


async def test_the_api_and_mcp_say_it(caller: Caller) -> None:
    async with agent(caller) as client:
        for type_, path, value, place, right in ROWS:
            operation = OF_DOCUMENT.get(type_)
            if operation is None:
                continue
            asked = body(operation, changed(type_, path, value))
            answer = await caller.post(operation.name, asked)
            assert problem(answer) == (400, "invalid-request", "invalid"), (type_, path)
            assert answer.json()["detail"] == told(place, right)
            said = refusal(await client.call_tool(operation.tool, asked))
            assert (said["reason"], said["detail"]) == ("invalid", told(place, right))


def test_the_command_line_says_it_of_the_option(tmp_path: Path) -> None:
    """The same words; the place is the option where the member has one."""
    with shell_of(by_example, tmp_path) as shell:
        for type_, path, value, place, right in ROWS:
            operation = OF_DOCUMENT.get(type_)
            if operation is not None:
                _says(shell, operation, body(operation, changed(type_, path, value)), place, right)
        assert shell.api.asked == []


def _says(shell: Shell, operation: Operation, asked: dict[str, Any], place: str, right: str) -> None:
    done = shell.crm(*operation.name.split("."), "--data", "-", stdin=json.dumps(asked))
    assert done.code in (2, 3), (operation.name, asked)
    option = "--" + (place or right.removesuffix(" is missing")).replace("_", "-").removesuffix("s")
    if not place:
        assert f"{option}: missing\n" in done.err
    elif place == "of":
        assert "--of-id: missing\n" in done.err
    else:
        assert f"{right}\n" in done.err, (operation.name, done.err)
        assert option in done.err or not place.isidentifier() or place in ("data", "gift_card")
