"""The client: what it sends, what it repeats, and how it handles responses that are not answers."""

import threading
import time
import uuid
from collections.abc import Callable

import pytest

from schemas import views
from schemas.operations import OPERATIONS
from schemas.outcomes import OutcomeData
from schemas.problems import Code
from tests.terminal.server import Asked, Reply, in_turn, ok, problem, serving
from worker.client import client
from worker.client.answer import Answer
from worker.client.client import Client
from worker.client.connection import Connection, ConnectionInvalid
from worker.client.failure import ApiError

EARN = OPERATIONS["loyalty.earn"]
GET = OPERATIONS["customer.get"]
BODY = {"customer_id": "C", "points": 5}
APPLIED = ok({"status": "applied", "customer_id": "C"})
SOON = {"Retry_After": "0"}
WHO = ("x-orgcode", "x-api-key", "authorization", "cookie")


async def call(
    answer: Callable[[Asked], Reply], name: str = "loyalty.earn", patience_s: float = 60.0, answer_s: float = 30.0
) -> tuple[Answer | ApiError, list[Asked]]:
    with serving(answer) as api:
        async with Client(Connection(api.url, "acme", "k-1"), patience_s=patience_s, answer_s=answer_s) as client:
            try:
                return await client.call(OPERATIONS[name], BODY), api.asked
            except ApiError as error:
                return error, api.asked


async def test_a_request_and_its_answer() -> None:
    headers = {"Idempotency_Key": "made", "Idempotency_Replayed": "true", "X_Request_Id": "r-9"}
    with serving(in_turn(ok({"status": "applied"}, **headers))) as api:
        async with Client(Connection(api.url + "/crm/", "acme", "k-1")) as client:
            answer = await client.call(EARN, BODY, idempotency_key="mine")
    (asked,) = api.asked
    assert (asked.route, asked.body, asked.key) == ("/crm/loyalty/earn", BODY, "mine")
    assert (asked.headers["x-orgcode"], asked.headers["x-api-key"]) == ("acme", "k-1")
    assert asked.headers["content-type"] == "application/json"
    assert answer == Answer(b'{"status": "applied"}', "r-9", document_id="made", replayed=True)
    assert answer.parse(OutcomeData) == OutcomeData(status="applied")


async def test_a_document_has_one_key_through_all_attempts() -> None:
    later = problem(Code.UNAVAILABLE, "overloaded", **SOON)
    busy = problem(Code.TOO_MANY_REQUESTS, "rate_limited", **SOON)
    answer, asked = await call(in_turn(Reply(dropped=True), later, busy, Reply(502, b"<html>"), APPLIED))
    assert isinstance(answer, Answer)
    assert len(asked) == 5
    (key,) = {one.key for one in asked}
    assert str(uuid.UUID(key)) == key == answer.document_id
    (request_id,) = {one.headers["x-request-id"] for one in asked}
    assert request_id == answer.request_id


async def test_another_call_has_another_key() -> None:
    with serving(in_turn(APPLIED)) as api:
        async with Client(Connection(api.url, "acme", "k-1")) as client:
            for _ in range(2):
                await client.call(EARN, BODY)
    assert len({one.key for one in api.asked}) == 2


async def test_a_tender_is_known_by_its_own_id() -> None:
    with serving(in_turn(APPLIED)) as api:
        async with Client(Connection(api.url, "acme", "k-1")) as client:
            await client.call(OPERATIONS["tender.capture"], {"tender_id": "T1"})
            await client.call(GET, {"customer_id": "C"})
    assert [one.key for one in api.asked] == ["T1", None]


@pytest.mark.parametrize(
    "refusal",
    [
        problem(Code.INSUFFICIENT_BALANCE, "insufficient_balance"),
        problem(Code.CONFLICT, "conflict"),
        problem(Code.UNAUTHORIZED, "credentials_not_accepted"),
        problem(Code.INTERNAL_ERROR, "internal_error"),
        Reply(302, headers={"Location": "http://127.0.0.1:1/"}),
        Reply(200, b"<html>Welcome</html>"),
        Reply(404, b"no such page"),
    ],
)
async def test_a_final_answer_is_not_retried(refusal: Reply) -> None:
    error, asked = await call(in_turn(refusal))
    assert isinstance(error, ApiError)
    assert len(asked) == 1


async def test_a_refusal_says_all_that_the_api_says() -> None:
    outcome = {"status": "rejected", "reason": "insufficient_balance", "category": "insufficient-balance"}
    refusal = problem(
        Code.INSUFFICIENT_BALANCE, "insufficient_balance", "the document was rejected", outcome, X_Request_Id="r-7"
    )
    error, asked = await call(in_turn(refusal))
    assert isinstance(error, ApiError)
    assert (error.code, error.reason, error.status) == (Code.INSUFFICIENT_BALANCE, "insufficient_balance", 422)
    assert (error.detail, error.outcome, error.request_id) == ("the document was rejected", outcome, "r-7")
    assert error.data == refusal.body
    assert error.document_id == asked[0].key
    assert not error.is_undecided


async def test_a_page_of_a_proxy_is_no_answer() -> None:
    error, _ = await call(in_turn(Reply(200, b"<html>Log in</html>")))
    assert isinstance(error, ApiError)
    assert (error.code, error.reason, error.data) == (Code.INTERNAL_ERROR, "not_an_answer", None)


async def test_retry_after_is_waited_for() -> None:
    at: list[float] = []

    def answer(_: Asked) -> Reply:
        at.append(time.monotonic())
        return APPLIED if len(at) > 1 else problem(Code.TOO_MANY_REQUESTS, "rate_limited", Retry_After="1")

    done, _ = await call(answer)
    assert isinstance(done, Answer)
    assert at[1] - at[0] >= 1


async def test_patience_ends_before_a_wait_that_is_too_long() -> None:
    error, asked = await call(in_turn(problem(Code.UNAVAILABLE, "overloaded", Retry_After="3600")), patience_s=5)
    assert isinstance(error, ApiError)
    assert (error.reason, error.retry_after_s, len(asked)) == ("overloaded", 3600, 1)
    assert not error.is_undecided


async def test_retry_after_may_be_a_date() -> None:
    past = problem(Code.UNAVAILABLE, "unavailable", Retry_After="Sun, 06 Nov 1994 08:49:37 GMT")
    answer, asked = await call(in_turn(past, APPLIED))
    assert isinstance(answer, Answer)
    assert len(asked) == 2


async def test_no_answer_in_time_leaves_open_what_became_of_it() -> None:
    never = threading.Event()
    try:
        error, asked = await call(in_turn(Reply(after=never)), patience_s=0, answer_s=0.2)
    finally:
        never.set()
    assert isinstance(error, ApiError)
    assert (error.code, error.reason) == (Code.UNAVAILABLE, "no_answer")
    assert error.is_undecided
    assert error.document_id == asked[0].key


async def test_nobody_there() -> None:
    with serving(in_turn(APPLIED)) as gone:
        pass
    async with Client(Connection(gone.url, "acme", "k-1"), patience_s=0) as client:
        with pytest.raises(ApiError) as raised:
            await client.call(EARN, BODY)
    assert (raised.value.code, raised.value.reason) == (Code.UNAVAILABLE, "unreachable")
    assert not raised.value.is_undecided
    assert "k-1" not in repr(raised.value)


async def test_a_session_is_made_once_or_not_at_all() -> None:
    error, asked = await call(in_turn(Reply(dropped=True), ok({})), "session.create")
    assert isinstance(error, ApiError)
    assert (error.reason, len(asked)) == ("no_answer", 1)
    assert asked[0].key is None
    limited = problem(Code.TOO_MANY_REQUESTS, "rate_limited", **SOON)
    answer, asked = await call(in_turn(limited, ok({})), "session.create")
    assert isinstance(answer, Answer)
    assert len(asked) == 2


async def test_pages() -> None:
    rows = [{"customer_id": f"C{n}", "status": "active", "profile": {}, "balance": n} for n in range(3)]

    def answer(asked: Asked) -> Reply:
        at = int(asked.body.get("cursor", "0"))
        return ok({"items": [rows[at]], **({"next_cursor": str(at + 1)} if at < 2 else {})})

    with serving(answer) as api:
        async with Client(Connection(api.url, "acme", "k-1")) as client:
            pages = [page.parse(views.CustomerPage) async for page in client.pages(OPERATIONS["customer.list"], {})]
    assert [item.customer_id for page in pages for item in page.items] == ["C0", "C1", "C2"]
    assert [one.body for one in api.asked] == [{}, {"cursor": "1"}, {"cursor": "2"}]


@pytest.mark.parametrize(
    ("url", "orgcode", "key"),
    [
        ("ftp://x", "acme", "k"),
        ("https://", "acme", "k"),
        ("https://me:secret@x", "acme", "k"),
        ("https://x/?a=1", "acme", "k"),
        ("https://x:port", "acme", "k"),
        ("https://x", "ACME", "k"),
        ("https://x", "acme", ""),
        ("https://x", "acme", "a\nb"),
    ],
)
def test_a_connection_that_cannot_be_right(url: str, orgcode: str, key: str) -> None:
    with pytest.raises(ConnectionInvalid):
        Connection(url, orgcode, key)


def test_a_connection_keeps_its_key_to_itself() -> None:
    there = Connection(" https://api.example.com/crm/ ", "acme", "k-1")
    assert there.url == "https://api.example.com/crm"
    assert "k-1" not in repr(there)
    assert not there.in_clear
    assert Connection("http://api.example.com", "acme", "k").in_clear
    assert not Connection("http://127.0.0.1:8000", "acme", "k").in_clear
    assert not Connection("http://localhost:8000", "acme", "k").in_clear


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_a_proxy_of_the_environment_is_never_asked_for_the_loopback(
    host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # nobody listens there
    with serving(in_turn(ok({}))) as api:
        url = api.url.replace("127.0.0.1", host)
        async with Client(Connection(url, "acme", "k-1"), patience_s=0) as client:
            assert (await client.call(GET, BODY)).json() == {}
        async with Client(Connection("http://api.example", "acme", "k-1"), patience_s=0) as client:
            with pytest.raises(ApiError, match="unreachable"):  # the proxy's refusal: no name was looked up
                await client.call(GET, BODY)


async def test_callers_share_connections_and_nothing_else() -> None:
    with serving(in_turn(ok({}, Set_Cookie="of=the-first; Path=/"))) as api:
        async with client.pool(api.url) as shared:
            await Client(Connection(api.url, "acme", "k-1"), over=shared).call(GET, BODY)
            await Client(Connection(api.url, "other", "t-2", is_session=True), over=shared).call(GET, BODY)
    first, second = ({name: asked.headers.get(name) for name in WHO} for asked in api.asked)
    assert first == {"x-orgcode": "acme", "x-api-key": "k-1", "authorization": None, "cookie": None}
    assert second == {"x-orgcode": "other", "x-api-key": None, "authorization": "Bearer t-2", "cookie": None}


@pytest.mark.parametrize("key", ["k1 ", " k1", "a\nb", "\u00dcberweisung-7", "x" * 129])
async def test_a_key_that_no_header_can_carry_is_refused_before_anything_is_sent(key: str) -> None:
    with serving(in_turn(APPLIED)) as api:
        async with Client(Connection(api.url, "acme", "k-1")) as client:
            with pytest.raises(ApiError) as refused:
                await client.call(EARN, BODY, idempotency_key=key)
    assert (refused.value.code, refused.value.reason) == (Code.INVALID_REQUEST, "invalid_header")
    assert key not in refused.value.detail
    assert api.asked == []
