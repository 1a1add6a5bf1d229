"""Every route answers its example as the OpenAPI file says, and shows nothing of another tenant."""

import asyncio
import json
from pathlib import Path
from typing import Any, Final

import asyncpg
import jsonschema
import pytest

import schemas
from schemas.operations import OPERATIONS, Access, Operation
from schemas.scopes import Scope
from tests.api.conftest import Caller, NewCaller, problem, rows

OPENAPI: Final[dict[str, Any]] = json.loads((Path(schemas.__file__).parent / "openapi.json").read_text())
ROUTES: Final = sorted(OPERATIONS.values(), key=lambda one: one.name)

# What must have happened before, so that the example of an operation finds what it is about: (operation, body, key).
Step = tuple[str, dict[str, Any], str]
POLICY: Final = {"policy": {}, "effective_from": "2020-01-01T00:00:00Z"}
CARD: Final = {"number": "6006-4900-0000-0017"}
ANONYMOUS: Final = {
    "sale_id": "london-1-2026-03-01-0044", "store_id": "london-1", "occurred_at": "2026-03-01T10:15:00Z",
    "currency": "GBP", "lines": [{"line_id": 1, "sku": "85123A", "net_minor": 1500}],
}  # fmt: skip
WORLD: Final[tuple[Step, ...]] = (
    ("customer.create", {"customer_id": "C-1001", "name": "Ada Example", "email": "ada@example.com"}, "world-1"),
    ("customer.create", {"customer_id": "C-2002"}, "world-2"),
    ("loyalty.earn", {"customer_id": "C-1001", "points": 987654411}, "earn-1"),
    ("loyalty.redeem", {"customer_id": "C-1001", "points": 90}, "redeem-1"),
    ("giftcard.issue", {"gift_card": CARD, "amount_minor": 9000, "currency": "GBP", "pin": "4711"}, "issue-1"),
    ("giftcard.issue", {"gift_card": {"number": "6006-4900-0000-0025"}, "amount_minor": 900, "currency": "GBP"}, "i-2"),
    ("customer.create", {"customer_id": "C-3003"}, "world-3"),
    ("pool.join", {"customer_id": "C-3003", "pool_id": "family-1"}, "world-4"),
    ("tender.void", {"tender_id": "T-1"}, "T-1"),
    ("sale.complete", ANONYMOUS, str(ANONYMOUS["sale_id"])),
)


EVERY: Final = tuple(scope.value for scope in Scope)


@pytest.fixture
async def caller(new_caller: NewCaller) -> Caller:
    """One who may call every route."""
    return await new_caller(*EVERY)


async def world(caller: Caller) -> str:
    """The id of the first card."""
    told = {key: await caller.ok(name, body, key) for name, body, key in WORLD}
    return str(told["issue-1"]["gift_cards"][0]["card_id"])


def response_schema(operation: Operation, status: int) -> dict[str, Any]:
    response = OPENAPI["paths"][operation.route]["post"]["responses"][str(status)]
    if "$ref" in response:
        response = OPENAPI["components"]["responses"][response["$ref"].rpartition("/")[2]]
    (content,) = response["content"].values()
    return {"components": OPENAPI["components"], **content["schema"]}


def conforms(operation: Operation, status: int, data: Any) -> None:  # noqa: ANN401  any JSON
    jsonschema.Draft202012Validator(response_schema(operation, status)).validate(data)


# The examples name cards and documents that only a running shop has.
OTHERWISE: Final[dict[str, dict[str, Any]]] = {
    "tender.get": {"tender_id": "T-1"},
    "customer.merge": {"from_customer_id": "C-2002", "into_customer_id": "C-1001"},
    "loyalty.restore": {"of": {"type": "crm.loyalty.redeem", "id": "redeem-1"}},
    "loyalty.reverse": {"of": {"type": "crm.loyalty.earn", "id": "earn-1"}},
    "giftcard.reverse": {"of": {"type": "crm.giftcard.issue", "id": "issue-1"}},
    "giftcard.transfer": {"from_card": CARD | {"pin": "4711"}, "to_card": {"number": "6006-4900-0000-0025"}},
    "giftcard.replace": {"from_card": {"number": "6006-4900-0000-0025"}, "to_card": {"number": "6006-4900-0000-0033"}},
    "giftcard.freeze": {"gift_card": CARD},
    "giftcard.unfreeze": {"gift_card": CARD},
    "giftcard.link": {"gift_card": CARD, "customer_id": "C-2002"},
    "giftcard.extend": {"gift_card": CARD},
    "giftcard.reload": {"gift_card": CARD, "amount_minor": 100, "currency": "GBP"},
    "giftcard.redeem": {"gift_card": CARD | {"pin": "4711"}, "amount_minor": 100, "currency": "GBP"},
    "giftcard.history": {"gift_card": CARD | {"pin": "4711"}},
    "tender.authorize": {
        "kind": "gift_card", "gift_card": CARD | {"pin": "4711"}, "amount_minor": 100, "currency": "GBP",
    },
    "event.explain": {"type": "crm.loyalty.earn", "id": "earn-1"},
    "customer.create": {"name": "Grace Example"},
    "pool.leave": {"customer_id": "C-3003", "pool_id": "family-1"},
}  # fmt: skip


def request(operation: Operation) -> dict[str, Any]:
    return OTHERWISE.get(operation.name) or operation.body_example


@pytest.mark.parametrize("operation", ROUTES, ids=lambda one: one.name)
async def test_every_example_is_answered(caller: Caller, operation: Operation) -> None:
    await world(caller)
    answer = await caller.post(operation.name, request(operation), "K-1")
    assert answer.status_code == 200, answer.text
    conforms(operation, answer.status_code, answer.json())
    named = OPENAPI["paths"][operation.route]["post"]["responses"]["200"]["headers"]
    promised = {name.lower() for name in named} - {"idempotency-replayed", "crm-tender-state"}
    assert promised <= set(answer.headers)
    if operation.document is not None:
        again = await caller.post(operation.name, request(operation), answer.headers["idempotency-key"])
        assert again.content == answer.content
        assert again.headers["idempotency-replayed"] == "true"


async def test_the_file_s_examples_are_requests(caller: Caller) -> None:
    """Every valid body is understood, and answered as the OpenAPI file says."""
    asked = [caller.post(operation.name, operation.body_example) for operation in ROUTES]
    # At once: each refusal of a card is held back for half a second.
    for operation, answer in zip(ROUTES, await asyncio.gather(*asked), strict=True):
        assert answer.status_code in (200, 404, 409, 422), (operation.name, answer.text)
        conforms(operation, answer.status_code, answer.json())


# With no tenant's ids in them: they make something new, of the caller's own tenant.
CREATES: Final = {
    "customer.create", "giftcard.issue", "loyalty.policy.put", "sale.complete", "sale.void", "return.complete",
    "return.void", "tender.capture", "tender.void",
}  # fmt: skip


async def test_the_ids_of_another_tenant_find_nothing(
    caller: Caller, new_caller: NewCaller, connection: asyncpg.Connection
) -> None:
    """Every route, asked by another tenant with the ids of all that a tenant has: not found, and nothing changed."""
    card_id = await world(caller)
    await caller.ok("tender.authorize", request(OPERATIONS["tender.authorize"]) | {"tender_id": "T1"})
    stranger = await new_caller(*EVERY, orgcode="globex")
    mine = await everything_of(connection, "acme")
    asked = []
    for operation in ROUTES:
        bodies = [request(operation)]
        if "gift_card" in bodies[0]:
            bodies.append(bodies[0] | {"gift_card": {"card_id": card_id, "pin": "4711"}})
        asked += [(operation, body, f"world-{place}") for place, body in enumerate(bodies)]
    answers = await asyncio.gather(*(stranger.post(one.name, body, key) for one, body, key in asked))
    for (operation, body, _), answer in zip(asked, answers, strict=True):
        conforms(operation, answer.status_code, answer.json())
        for known in "Ada", "ada@example.com", card_id, "987654":
            assert known not in answer.text or known in json.dumps(body), (operation.name, answer.text)
        if operation.refusals and operation.name not in CREATES:
            assert problem(answer)[1] == "not-found", (operation.name, answer.text)
    assert await everything_of(connection, "acme") == mine


async def everything_of(connection: asyncpg.Connection, orgcode: str) -> list[list[dict[str, Any]]]:
    """Every row of the tenant, in every table that has tenants."""
    tables = await connection.fetch(
        "SELECT table_name FROM information_schema.columns JOIN information_schema.tables USING (table_name)"
        " WHERE column_name = 'org' AND table_type = 'BASE TABLE' ORDER BY 1"
    )
    org = await connection.fetchval("SELECT id FROM org WHERE code = $1", orgcode)
    names = [row["table_name"] for row in tables]
    assert len(names) >= 12
    return [await rows(connection, f"SELECT t.* FROM {name} t WHERE org = {org} ORDER BY t::text") for name in names]


async def test_a_reading_writes_nothing(caller: Caller, connection: asyncpg.Connection) -> None:
    await world(caller)
    before = await everything_of(connection, "acme")
    readings = [one for one in ROUTES if one.access in {Access.READ, Access.PROBE}]
    assert len(readings) == 12
    for operation in readings:
        assert (await caller.post(operation.name, request(operation))).status_code == 200, operation.name
    assert await everything_of(connection, "acme") == before
