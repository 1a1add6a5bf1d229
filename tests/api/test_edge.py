"""The edge around all routes, and bodies that no good client sends."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

import asyncpg
import pytest
from structlog.testing import capture_logs

import schemas
from schemas.operations import OPERATIONS
from tests.api.conftest import Caller, NewCaller, Service, Serving, problem
from tests.api.forwarder import Forwarder
from tests.kafka.conftest import until
from worker.api.watch import Watch
from worker.engine.decider import Decisions
from worker.engine.work import Work
from worker.ledger.queries import Connection
from worker.process.errors import Unavailable
from worker.process.status import Status

CREATE = "/customer/create"
JSON = {"Content-Type": "application/json"}


async def test_the_headers_of_an_answer(caller: Caller) -> None:
    answer = await caller.post("customer.create", X_Request_Id="till-7:42", Origin="https://elsewhere.example")
    assert answer.headers["x-request-id"] == "till-7:42"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert not [name for name in answer.headers if name.startswith("access-control")]
    assert answer.headers["ratelimit-policy"] == '"key";q=1000;w=10'
    assert answer.headers["ratelimit"] == '"key";r=999;t=1'


@pytest.mark.parametrize("given", ["", "a b", "x" * 65, "é", "a\tb"])
async def test_a_request_id_that_is_none_is_replaced(caller: Caller, given: str) -> None:
    headers = [(b"X-Request-Id", given.encode())]
    answer = await caller.http.post(CREATE, json={}, headers=headers)
    assert len(answer.headers["x-request-id"]) == 32


async def test_no_such_route_and_no_such_method(service: Service) -> None:
    async with service.http() as http:
        for path in "/customer", "/customer/create/", "/customer/create%00":
            assert problem(await http.post(path, json={})) == (404, "not-found", "unknown_route")
        for method in "GET", "PUT", "DELETE", "OPTIONS", "HEAD":
            answer = await http.request(method, CREATE)
            assert answer.status_code == 405
            assert "POST" in answer.headers["allow"]
        assert (await http.post("/openapi.json")).status_code == 405


async def test_the_openapi_file_is_served_as_it_is(service: Service) -> None:
    async with service.http() as http:
        answer = await http.get("/openapi.json")
    assert answer.content == (Path(schemas.__file__).parent / "openapi.json").read_bytes()
    assert list(answer.json()["paths"]) == [one.route for one in OPERATIONS.values()]


async def test_the_log_has_no_body_and_no_secret(caller: Caller) -> None:
    body = {"name": "Ada Example", "email": "ada@example.com"}
    with capture_logs() as logs:
        await caller.post("customer.create", body, "K-secret-1")
        await caller.http.post("/customer/Ada Example", json=body)
    lines = [line for line in logs if line["event"] == "request"]
    assert [(line["operation"], line["status"]) for line in lines] == [("customer.create", 200), ("none", 404)]
    assert (lines[0]["orgcode"], lines[0]["key"]) == ("acme", caller.key_id)
    assert not [word for word in ("Ada", "ada@", caller.secret, "K-secret") if word in repr(logs)]


async def test_a_pool_that_nobody_joined(caller: Caller) -> None:
    answer = await caller.post("pool.get", {"pool_id": "P"})
    assert problem(answer) == (404, "not-found", "customer_not_found")
    assert answer.json()["detail"] == "no customer has joined this pool"


@pytest.mark.parametrize(
    ("raw", "detail"),
    [
        (b"", "data: JSON in UTF-8 (line 1, column 1: Expecting value)"),
        (b"{\n", "data: JSON in UTF-8 (line 2, column 1: Expecting property name enclosed in double quotes)"),
        (b"nonsense", "data: JSON in UTF-8 (line 1, column 1: Expecting value)"),
        (b"{} {}", "data: JSON in UTF-8 (line 1, column 4: Extra data)"),
        (b'{"points": NaN}', "data: JSON in UTF-8 (NaN and Infinity are not JSON)"),
        (b'{"name": "\xff"}', "data: JSON in UTF-8 (byte 11 is not UTF-8)"),
        (b"\xef\xbb\xbf{}", "data: JSON in UTF-8 (line 1, column 1: Unexpected UTF-8 BOM (decode using utf-8-sig))"),
        (b"null", "data: an object"),
        (b"[]", "data: an object"),
        (b'"x"', "data: an object"),
        (b'{"name": "a", "name": "b"}', "data: each name once in an object"),
        (b'{"name": "a\\u0000"}', "data: texts without NUL characters"),
        (b'{"name": "\\ud800"}', "data: texts in Unicode without half a surrogate pair, and fewer levels"),
        (b'{"x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "data: fewer levels, it is nested too deeply"),
        (b'{"name": 1' + b"0" * 5000 + b"}", "data: integers of fewer digits"),
        (b'{"name": 5}', "name: a text, in quotes"),
        (b'{"customer_id": ""}', "customer_id: at least 1 character"),
        (b'{"customer_id": "\\u00e9"}', "customer_id: printable ASCII characters only"),
        (b'{"external_ids": {"a": 1}}', "external_ids.*: a text, in quotes"),
    ],
)
async def test_a_body_that_is_refused(caller: Caller, raw: bytes, detail: str) -> None:
    answer = await caller.http.post(CREATE, content=raw, headers=JSON)
    assert problem(answer) == (400, "invalid-request", "invalid")
    assert answer.json()["detail"] == detail


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/jsonx"},
        {"Content-Type": "application/json; charset=utf-16"},
        {"Content-Type": "application/json; charset=utf-8; charset=utf-16"},
        {"Content-Type": "application/json; charset=utf-8; charset=utf-8"},
        {"Content-Type": "application/json; charset*=utf-8''utf-8"},
        {"Content-Type": ";;;"},
        {"Content-Type": "application/json", "Content-Encoding": "gzip"},
    ],
)
async def test_a_body_of_another_kind(caller: Caller, headers: dict[str, str]) -> None:
    answer = await caller.http.post(CREATE, content=b"{}", headers=headers)
    assert problem(answer) == (415, "unsupported-media-type", "not_json")


@pytest.mark.parametrize(
    "kind", ["application/json; charset=UTF-8", "Application/JSON", 'application/json;charset="utf-8"']
)
async def test_json_by_its_other_names(caller: Caller, kind: str) -> None:
    assert (await caller.http.post(CREATE, content=b"{}", headers={"Content-Type": kind})).status_code == 200


@pytest.mark.parametrize("key", ["", "x" * 129, "é"])
async def test_an_idempotency_key_that_is_none(caller: Caller, key: str) -> None:
    answer = await caller.http.post(CREATE, json={}, headers=[(b"Idempotency-Key", key.encode())])
    assert problem(answer) == (400, "invalid-request", "invalid_header")


async def test_a_body_that_is_too_large(serving: Serving, new_caller: NewCaller) -> None:
    async with serving(max_document_bytes=1024) as small:
        caller = await new_caller(of=small)

        async def chunks() -> AsyncIterator[bytes]:
            for _ in range(10):
                yield b" " * 512

        for content in b" " * 1025, chunks():
            answer = await caller.http.post(CREATE, content=content, headers=JSON)
            assert problem(answer) == (413, "too-large", "body_too_large")
            assert answer.headers["connection"] == "close"
        fits = b"{" + b" " * 1022 + b"}"
        assert (await caller.http.post(CREATE, content=fits, headers=JSON)).status_code == 200


async def test_a_body_that_does_not_come(serving: Serving, new_caller: NewCaller) -> None:
    async with serving(api_body_s=0.05) as hasty:
        caller = await new_caller(of=hasty)
        never = asyncio.Event()

        async def chunks() -> AsyncIterator[bytes]:
            yield b"{"
            await never.wait()

        answer = await caller.http.post(CREATE, content=chunks(), headers=JSON)
        assert problem(answer) == (408, "timeout", "body_too_slow")
        assert answer.json()["detail"] == "the body did not arrive within 0.05 s"


# --- too much, too slow, broken --------------------------------------------------------------------------------------


async def locked(connection: asyncpg.Connection, caller: Caller) -> None:
    """Hold the customer C: documents that touch it wait as long as the connection's transaction."""
    await caller.ok("customer.create", {"customer_id": "C"})
    await connection.execute("BEGIN")
    await connection.execute("SELECT FROM account WHERE key = 'C' FOR UPDATE")


EARN = {"customer_id": "C", "points": 1}


async def test_a_deadline_and_what_became_of_it(
    serving: Serving, new_caller: NewCaller, connection: asyncpg.Connection
) -> None:
    async with serving(api_deadline_s=0.3) as hasty:
        caller = await new_caller(of=hasty)
        await locked(connection, caller)
        answer = await caller.post("loyalty.earn", EARN, "K")
        assert problem(answer) == (503, "unavailable", "timed_out")
        assert (answer.headers["retry-after"], answer.headers["idempotency-key"]) == ("1", "K")
        await connection.execute("COMMIT")
    async with serving() as patient:
        again = await (await new_caller(of=patient)).post("loyalty.earn", EARN, "K")
    assert again.json()["points"]["balance"] == 1


async def test_more_than_can_be_in_hand_is_told_at_once(
    serving: Serving, new_caller: NewCaller, connection: asyncpg.Connection
) -> None:
    async with serving(api_max_in_hand=3, api_key_share=1, api_tenant_share=1, api_address_share=1) as small:
        caller = await new_caller(of=small)
        await locked(connection, caller)
        waiting = [asyncio.create_task(caller.post("loyalty.earn", EARN)) for _ in range(3)]
        await until(lambda: small.api.in_hand.used == 3)
        answer = await caller.post("customer.create")
        assert problem(answer) == (503, "unavailable", "overloaded")
        assert answer.headers["retry-after"] == "1"
        async with small.http() as http:
            assert (await http.get("/livez")).status_code == 200
        await connection.execute("COMMIT")
        assert [one.status_code for one in await asyncio.gather(*waiting)] == [200] * 3
        assert (await caller.post("customer.create")).status_code == 200


async def test_a_request_cancelled_before_its_batch_is_not_decided(
    serving: Serving, new_caller: NewCaller, connection: asyncpg.Connection
) -> None:
    async with serving(api_deadline_s=0.3) as hasty:
        caller = await new_caller(of=hasty)
        await locked(connection, caller)
        blocking = asyncio.create_task(caller.post("loyalty.earn", EARN))
        await until(lambda: hasty.api.in_hand.used == 1 and not hasty.api.batcher._waiting)
        late = await caller.post("customer.create", {"customer_id": "D"})
        assert problem(late) == (503, "unavailable", "timed_out")
        await blocking
        await connection.execute("COMMIT")
        await caller.ok("customer.create", {"customer_id": "E"})
    assert await connection.fetchval("SELECT count(*) FROM account WHERE key = 'D'") == 0


async def test_a_fault_of_ours_tells_nothing(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    """And is that document's alone: what shares its batch is decided."""
    decide = caller.service.api.batcher._pipeline._decider.decide

    async def broken(connection: Connection, works: list[Work], *, in_turn: bool) -> Decisions:
        if any(work.subject == "bad" for work in works):
            raise AssertionError("a secret of Ada")
        return await decide(connection, works, in_turn=in_turn)

    monkeypatch.setattr(caller.service.api.batcher._pipeline._decider, "decide", broken)
    with capture_logs() as logs:
        answers = await asyncio.gather(*(caller.post("customer.create", None, key) for key in ("a", "b", "bad", "c")))
    assert [one.status_code for one in answers] == [200, 200, 500, 200]
    assert problem(answers[2]) == (500, "internal-error", "internal_error")
    assert answers[2].headers["idempotency-key"] == "bad"
    assert "Ada" not in answers[2].text
    assert [line["event"] for line in logs if line["log_level"] == "error"] == ["document_failed"]


async def test_failures_of_many_requests_take_one_line_a_second() -> None:
    watch = Watch(cast("Any", None), Status())
    with capture_logs() as logs:
        for _ in range(5):
            watch.failed(Unavailable("no connection"))
        watch._quiet_until = 0.0
        watch.failed(Unavailable("no connection"))
    assert [line["requests"] for line in logs] == [1, 5]


async def test_without_postgres(serving: Serving, new_caller: NewCaller, database: str) -> None:
    """Told as such, and over when it is back."""
    async with Forwarder.to(database) as way, serving(postgres_dsn=way.dsn) as service:
        caller = await new_caller(of=service)
        await caller.ok("customer.create", None, "K")
        await way.close()
        answer = await caller.post("customer.create", None, "K")
        assert problem(answer) == (503, "unavailable", "unavailable")
        assert (answer.headers["retry-after"], answer.headers["idempotency-key"]) == ("1", "K")
        await until(lambda: "postgres" in service.status.why_not)
        await way.open()
        await until(lambda: not service.status.why_not)
        again = await caller.post("customer.create", None, "K")
        assert again.headers["idempotency-replayed"] == "true"


async def test_a_postgres_that_hangs(serving: Serving, new_caller: NewCaller, database: str) -> None:
    """It takes connections and says nothing, like a stopped process: not ready, and no request waits for it."""
    async with Forwarder.to(database) as way, serving(postgres_dsn=way.dsn, api_deadline_s=25) as service:
        caller = await new_caller(of=service)
        await caller.ok("customer.create")
        async with way.silent():
            await until(lambda: service.status.why_not.get("postgres") == "no answer within 2 s")
            for name in "customer.create", "customer.get":
                assert problem(await caller.post(name)) == (503, "unavailable", "unavailable")
            async with service.http() as http:
                assert (await http.get("/readyz")).json()["why"] == {"postgres": "no answer within 2 s"}
        await until(lambda: not service.status.why_not)
        await caller.ok("customer.create")
