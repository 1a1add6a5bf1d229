"""A client of the HTTP API: an operation and a body in; an answer or an ApiError out."""

import json
import uuid
from collections.abc import AsyncIterator, Mapping
from http import HTTPStatus
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any, Final, Self

import httpx
import tenacity

from schemas.operations import Access, Operation
from schemas.problems import ApiReason, Code
from worker.client.answer import Answer
from worker.client.connection import Connection, is_header_safe, is_loopback
from worker.client.failure import ApiError, from_response, from_transport

CONNECT_S: Final = 5.0
ANSWER_S: Final = 30.0  # the API gives up earlier, and says so
PATIENCE_S: Final = 60.0
_LATER: Final = frozenset({Code.UNAVAILABLE, Code.TOO_MANY_REQUESTS, Code.TIMEOUT})
_BACK_OFF: Final = tenacity.wait_random_exponential(multiplier=0.2, max=5)

_KEY_RULE: Final = "idempotency_key: 1 to 128 printable ASCII characters, without a space at either end"

_HEADERS: Final = {
    "Content-Type": "application/json",
    "Accept": "application/json, application/problem+json",
    "User-Agent": "g3n",
}


def pool(url: str, answer_s: float = ANSWER_S, connections: int = 10) -> httpx.AsyncClient:
    """Return connections to the API at `url`. They hold no key, so clients of several callers can share them."""
    limits = httpx.Limits(max_connections=connections, max_keepalive_connections=connections)
    return httpx.AsyncClient(
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),  # one caller's cookies would go with another's key
        timeout=httpx.Timeout(answer_s, connect=CONNECT_S, pool=None),
        limits=limits,
        # httpx takes a proxy from the environment unless it is given a transport. No proxy reaches this machine's
        # loopback, and none should see the key.
        transport=httpx.AsyncHTTPTransport(limits=limits) if is_loopback(url) else None,
        follow_redirects=False,  # the key goes to nobody else
    )


class Client:
    """Calls the API with one key of one tenant. Tasks can share a client.

    Temporary failures (no connection, 429, 503) are repeated, after `Retry-After` if there is one, for at most
    `patience_s`. That is safe. A document keeps its Idempotency-Key through all attempts of a call, so it has one
    effect, whatever became of the earlier attempts (contract §5). Readings change nothing. Any other call is repeated
    only if it was surely not processed.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        answer_s: float = ANSWER_S,
        patience_s: float = PATIENCE_S,
        connections: int = 10,
        over: httpx.AsyncClient | None = None,
    ) -> None:
        """`over` is a pool that the client shares with others and that its owner closes. Without it the client has its
        own.
        """
        self._connection = connection
        self._patience_s = patience_s
        self._http = pool(connection.url, answer_s, connections) if over is None else over
        self._owns_http = over is None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections, if they are the client's own."""
        if self._owns_http:
            await self._http.aclose()

    async def call(
        self,
        operation: Operation,
        body: Mapping[str, object],
        *,
        idempotency_key: str | None = None,
        patience_s: float | None = None,
    ) -> Answer:
        """Return the operation's answer. Raises ApiError.

        Without `idempotency_key` a document gets an id of its own; a tender's is its `tender_id` (contract §2.1). An id
        in the body that no header can carry is sent in the body only. `patience_s` replaces the client's own for this
        call.
        """
        content = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
        headers = {**_HEADERS, **self._connection.headers, "X-Request-Id": uuid.uuid4().hex}
        if operation.document is not None:
            key = idempotency_key or document_id(operation, body)
            if is_header_safe(key):
                headers["Idempotency-Key"] = key
            elif operation.id_field is None or body.get(operation.id_field) != key:
                raise ApiError(Code.INVALID_REQUEST, ApiReason.INVALID_HEADER, _KEY_RULE, headers["X-Request-Id"])
        attempts = tenacity.AsyncRetrying(
            retry=tenacity.retry_if_exception(lambda error: _may_ask_again(error, operation)),
            wait=_wait_s,
            stop=tenacity.stop_before_delay(self._patience_s if patience_s is None else patience_s),
            reraise=True,
        )
        return await attempts(self._ask, operation.route, content, headers)

    async def pages(self, operation: Operation, body: Mapping[str, object]) -> AsyncIterator[Answer]:
        """Yield the pages of a list or a history, from the cursor in `body` to the last page. Raises ApiError."""
        cursor: object = body.get("cursor")
        while True:
            answer = await self.call(operation, {**body, **({} if cursor is None else {"cursor": cursor})})
            yield answer
            cursor = answer.json().get("next_cursor")
            if cursor is None:
                return

    async def _ask(self, route: str, content: bytes, headers: Mapping[str, str]) -> Answer:
        request_id, key = headers["X-Request-Id"], headers.get("Idempotency-Key")
        try:
            response = await self._http.post(self._connection.url + route, content=content, headers=headers)
        except httpx.HTTPError as error:
            raise from_transport(error, request_id, key) from error
        if response.status_code != HTTPStatus.OK or not _is_object(response):
            raise from_response(response, request_id, key)
        headers = response.headers
        return Answer(
            data=response.content,
            request_id=headers.get("X-Request-Id", request_id),
            document_id=headers.get("Idempotency-Key", key),
            replayed=headers.get("Idempotency-Replayed") == "true",
            tender_state=headers.get("Crm-Tender-State"),
        )


def document_id(operation: Operation, body: Mapping[str, Any]) -> str:
    """Return the id of a document without one: a tender has its own, any other gets a new one."""
    own = None if operation.id_field is None else body.get(operation.id_field)
    return own if isinstance(own, str) else str(uuid.uuid4())


def _is_object(response: httpx.Response) -> bool:
    """Return whether a body is a JSON object: a proxy's login page may come with 200, too."""
    try:
        return isinstance(json.loads(response.content), dict)
    except ValueError:
        return False


def _may_ask_again(error: BaseException, operation: Operation) -> bool:
    if not isinstance(error, ApiError) or error.code not in _LATER:
        return False
    if operation.document is not None or operation.access is Access.READ:
        return True
    return error.code is not Code.UNAVAILABLE or error.reason == "unreachable"


def _wait_s(state: tenacity.RetryCallState) -> float:
    """Return how long to wait: as the API asked, else with jitter, so that many callers don't come back at once."""
    error = state.outcome.exception() if state.outcome else None
    asked = error.retry_after_s if isinstance(error, ApiError) else None
    return _BACK_OFF(state) if asked is None else asked + _BACK_OFF(state) / 10
