"""Requests that a proxy in front could read differently: 400 and the end of the connection, or one sure meaning."""

import json
from collections.abc import AsyncIterator, Sequence

import pytest
from starlette.applications import Starlette

from schemas.operations import OPERATIONS
from tests.api.conftest import Caller, Service
from tests.security.conftest import Listening, Wire, listening
from worker.process.status import Status
from worker.web import health
from worker.web.bounds import Bounds
from worker.web.routes import NO_ROUTE

HOST = b"Host: api\r\n"
JSON = HOST + b"Content-Type: application/json\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"
NO_BODY = b"0\r\n\r\n"
POST = b"POST /customer/get HTTP/1.1\r\n"

REFUSED = {
    "content-length and transfer-encoding": POST + JSON + b"Content-Length: 5\r\n" + CHUNKED + b"\r\n" + NO_BODY,
    "transfer-encoding and content-length": POST + JSON + CHUNKED + b"Content-Length: 5\r\n\r\n" + NO_BODY,
    "two transfer-encodings": POST + JSON + CHUNKED + b"Transfer-Encoding: identity\r\n\r\n" + NO_BODY,
    "chunked twice": POST + JSON + CHUNKED + CHUNKED + b"\r\n" + NO_BODY,
    "gzip, chunked": POST + JSON + b"Transfer-Encoding: gzip, chunked\r\n\r\n" + NO_BODY,
    "an unknown coding": POST + JSON + b"Transfer-Encoding: xchunked\r\n\r\n" + NO_BODY,
    "space before the colon": POST + JSON + b"Transfer-Encoding : chunked\r\n\r\n" + NO_BODY,
    "chunked in HTTP/1.0": b"POST /customer/get HTTP/1.0\r\n" + JSON + CHUNKED + b"\r\n" + NO_BODY,
    "two lengths": POST + JSON + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    "one length twice": POST + JSON + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
    "a list of lengths": POST + JSON + b"Content-Length: 2, 2\r\n\r\n{}",
    "a signed length": POST + JSON + b"Content-Length: +2\r\n\r\n{}",
    "a negative length": POST + JSON + b"Content-Length: -1\r\n\r\n",
    "bare LF": b"GET /livez HTTP/1.1\nHost: api\n\n",
    "bare LF after a header": b"GET /livez HTTP/1.1\r\nHost: api\nX: y\r\n\r\n",
    "bare CR": b"GET /livez HTTP/1.1\r\nHost: api\r\nX: a\rY: b\r\n\r\n",
    "LF after a chunk": POST + JSON + CHUNKED + b"\r\n2\n{}\n0\n\n",
    "a chunk of hexadecimal": POST + JSON + CHUNKED + b"\r\n0x2\r\n{}\r\n0\r\n\r\n",
    "a folded header": b"GET /livez HTTP/1.1\r\nHost: api\r\nX: a\r\n b\r\n\r\n",
    "HTTP/9.9": b"GET /livez HTTP/9.9\r\n" + HOST + b"\r\n",
    "HTTP/1.2": b"GET /livez HTTP/1.2\r\n" + HOST + b"\r\n",
    "HTTP/2.0": b"GET /livez HTTP/2.0\r\n" + HOST + b"\r\n",
    "HTTP/0.9": b"GET /livez\r\n\r\n",
    "the preface of HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    "no host": b"GET /livez HTTP/1.1\r\n\r\n",
    "two hosts": b"GET /livez HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "an escaped letter": b"GET /%6detrics HTTP/1.1\r\n" + HOST + b"\r\n",
    "an escaped slash": b"POST /customer%2fget HTTP/1.1\r\n" + JSON + b"Content-Length: 2\r\n\r\n{}",
    "an escaped dot": b"GET /x/%2e%2e/metrics HTTP/1.1\r\n" + HOST + b"\r\n",
    "a dot segment": b"GET /x/../metrics HTTP/1.1\r\n" + HOST + b"\r\n",
    "an empty segment": b"GET //metrics HTTP/1.1\r\n" + HOST + b"\r\n",
    "a backslash": b"GET /x\\metrics HTTP/1.1\r\n" + HOST + b"\r\n",
    "a fragment": b"GET /livez#x HTTP/1.1\r\n" + HOST + b"\r\n",
    "letters beyond ASCII": "GET /m\xe9trics HTTP/1.1\r\nHost: api\r\n\r\n".encode(),
    "an authority": b"CONNECT api:80 HTTP/1.1\r\n" + HOST + b"\r\n",
    "a tunnel": b"CONNECT /livez HTTP/1.1\r\n" + HOST + b"\r\n",
    "a NUL": b"GET /livez HTTP/1.1\r\n" + HOST + b"X: a\0b\r\n\r\n",
    "a space in a name": b"GET /livez HTTP/1.1\r\n" + HOST + b"X Y: a\r\n\r\n",
    "two content-encodings": POST + JSON + b"Content-Encoding: identity\r\nContent-Encoding: gzip\r\n\r\n",
    "two content-types": POST + JSON + b"Content-Type: text/plain\r\n\r\n",
    "two authorizations": POST + JSON + b"Authorization: Bearer a\r\nAuthorization: Bearer b\r\n\r\n",
    "too many headers": b"GET /livez HTTP/1.1\r\n" + HOST + b"X: y\r\n" * 200 + b"\r\n",
    "a head that is too long": b"GET /livez HTTP/1.1\r\n" + HOST + b"X: " + b"y" * 40_000 + b"\r\n\r\n",
    "a target that is too long": b"GET /" + b"y" * 40_000 + b" HTTP/1.1\r\n" + HOST + b"\r\n",
    "a head without an end": b"GET /livez HTTP/1.1\r\n" + HOST + b"X: " + b"y" * 40_000,
    "many megabytes of head": b"GET /livez HTTP/1.1\r\n" + (b"X: " + b"y" * 1000 + b"\r\n") * 5000,
}  # fmt: skip


@pytest.fixture
def probes() -> Starlette:
    """An application without a database, as a worker has it."""
    return Starlette(routes=health.routes(Status()), exception_handlers=NO_ROUTE)


@pytest.fixture
async def bare(probes: Starlette) -> AsyncIterator[Listening]:
    async with listening(probes) as running:
        yield running


async def test_ambiguous_requests_are_refused(bare: Listening) -> None:
    """And nothing after it is understood."""
    for name, request in REFUSED.items():
        (answer,) = await bare.answers(request, b"GET /livez HTTP/1.1\r\nHost: api\r\n\r\n")
        assert (answer.status, answer.headers["connection"]) == (400, "close"), (name, answer.body)
        problem = json.loads(answer.body)
        assert (problem["code"], problem["reason"]) == ("invalid-request", "malformed_request"), name
        assert problem["request_id"] == answer.headers["x-request-id"], name


async def test_requests_before_a_faulty_one_are_answered_first(bare: Listening) -> None:
    good = b"GET /livez HTTP/1.1\r\nHost: api\r\n\r\n"
    answers = await bare.answers(good + good + REFUSED["HTTP/9.9"])
    assert [one.status for one in answers] == [200, 200, 400]


async def test_a_fault_in_a_body_is_the_requests_only_answer(api: Listening, caller: Caller) -> None:
    head = POST + JSON + CHUNKED + f"X-Orgcode: acme\r\nX-Api-Key: {caller.secret}\r\n\r\n".encode()
    (answer,) = await api.answers(head, b"2\n{}\n0\n\n")
    assert (answer.status, json.loads(answer.body)["reason"]) == (400, "malformed_request")


# As Java's HttpClient sends it: the head, then the body.
UPGRADE = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAAAAIAAAAB\r\n"
FRAMINGS = {"a length": (b"Content-Length: 2\r\n\r\n", b"{}"), "chunks": (CHUNKED + b"\r\n", b"2\r\n{}\r\n0\r\n\r\n")}


@pytest.mark.parametrize("framing", FRAMINGS)
@pytest.mark.parametrize("apart", [False, True])
async def test_a_request_that_offers_http_2_has_its_body_read(
    api: Listening, caller: Caller, framing: str, *, apart: bool
) -> None:
    ends, body = FRAMINGS[framing]
    key = f"X-Orgcode: acme\r\nX-Api-Key: {caller.secret}\r\n".encode()
    head = b"POST /customer/list HTTP/1.1\r\n" + JSON + key + UPGRADE + ends
    again = b"POST /customer/list HTTP/1.1\r\n" + JSON + key + b"Connection: close\r\nContent-Length: 2\r\n\r\n{}"
    answers = await api.answers(*((head, body) if apart else (head + body,)), again)
    assert [one.status for one in answers] == [200, 200]


UNDERSTOOD = {
    "HTTP/1.0": b"GET /livez HTTP/1.0\r\n\r\n",
    "the absolute form": b"GET http://elsewhere/livez HTTP/1.1\r\nHost: api\r\nConnection: close\r\n\r\n",
    "an upgrade that is not taken": b"GET /livez HTTP/1.1\r\nHost: api\r\n"
    b"Connection: Upgrade, close\r\nUpgrade: h2c\r\n\r\n",
    "a query": b"GET /livez?x=%2f HTTP/1.1\r\nHost: api\r\nConnection: close\r\n\r\n",
}


@pytest.mark.parametrize("name", UNDERSTOOD)
async def test_unambiguous_requests_are_answered(bare: Listening, name: str) -> None:
    (answer,) = await bare.answers(UNDERSTOOD[name])
    assert (answer.status, answer.body) == (200, b'{"status":"alive"}')


async def test_a_trailer_is_no_header(api: Listening, caller: Caller) -> None:
    """Else it could bring a key that the proxy has not seen."""
    head = POST + JSON + CHUNKED + b"X-Orgcode: acme\r\nConnection: close\r\n\r\n"
    (answer,) = await api.answers(head + b"2\r\n{}\r\n0\r\nX-Api-Key: " + caller.secret.encode() + b"\r\n\r\n")
    assert answer.status == 401


async def test_requests_ahead_are_answered_in_order_and_bounded(probes: Starlette) -> None:
    async with listening(probes, Bounds(pipelined=4)) as bare:
        ahead = b"GET /livez HTTP/1.1\r\nHost: api\r\n\r\nGET /nowhere HTTP/1.1\r\nHost: api\r\n\r\n"
        answers = await bare.answers(ahead * 2, end=True)
        assert [one.status for one in answers] == [200, 404, 200, 404]
        answers = await bare.answers(ahead * 10)
        assert [one.status for one in answers] == [200, 404, 200, 404, 200, 400], "one in progress and four ahead"


async def test_a_client_that_ends_its_half_is_answered(api: Listening, caller: Caller) -> None:
    body = b'{"customer_id": "C"}'
    head = f"X-Orgcode: acme\r\nX-Api-Key: {caller.secret}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    (answer,) = await api.answers(b"POST /customer/create HTTP/1.1\r\n" + JSON + head + body, end=True)
    assert answer.status == 200
    assert json.loads(answer.body)["customer_id"] == "C"


@pytest.mark.parametrize("framing", ["length", "chunked"])
async def test_an_oversized_body_of_any_size_gets_its_413(api: Listening, caller: Caller, framing: str) -> None:
    """Also where the client writes all of it before it reads."""
    total, piece = 40 << 20, b" " * (1 << 20)
    wire = await api.connect()
    head = POST + JSON + f"X-Orgcode: acme\r\nX-Api-Key: {caller.secret}\r\n".encode()
    chunked = framing == "chunked"
    wire.writer.write(head + (CHUNKED if chunked else f"Content-Length: {total}\r\n".encode()) + b"\r\n")
    for _ in range(total // len(piece)):
        wire.writer.write(b"100000\r\n" + piece + b"\r\n" if chunked else piece)
        await wire.writer.drain()
    if chunked:
        wire.writer.write(NO_BODY)
    answer = await wire.answer()
    assert (answer.status, answer.headers["connection"]) == (413, "close")
    assert await wire.rest() == b""


METHODS = ("HEAD", "OPTIONS", "PUT", "DELETE", "PATCH", "TRACE")
PROBES = ("/livez", "/readyz", "/metrics")
PAGES = ("/", "/docs", "/openapi.json")


async def check_methods(wire: Wire, path: str, others: Sequence[str]) -> None:
    for method in others:
        wire.writer.write(f"{method} {path} HTTP/1.1\r\nHost: api\r\n\r\n".encode())
        if method == "HEAD":  # announces a body that does not come
            assert b" 405 " in (await wire.reader.readuntil(b"\r\n\r\n")).split(b"\r\n")[0]
        else:
            answer = await wire.answer()
            assert (answer.status, json.loads(answer.body)["reason"]) == (405, "method_not_allowed"), (method, path)
            assert answer.headers["allow"] in ("GET", "POST", "GET, POST")


async def test_every_route_knows_one_method(service: Service) -> None:
    async with listening(service.api.app) as api:
        wire = await api.connect()
        service.api._strangers._most = 10_000
        for path in *PROBES, *PAGES:
            await check_methods(wire, path, (*METHODS, "POST"))
        for operation in OPERATIONS.values():
            await check_methods(wire, operation.route, (*METHODS, "GET"))
        for path in "*", "/nowhere":
            await check_methods(wire, path, ("OPTIONS",))


async def test_the_probes_of_a_worker_know_one_method(bare: Listening) -> None:
    wire = await bare.connect()
    for path in PROBES:
        await check_methods(wire, path, (*METHODS, "POST"))
