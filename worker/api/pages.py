"""Pages that need no key: the OpenAPI file, and the reference that is made from it."""

import functools
from collections.abc import Callable
from importlib import resources
from typing import Final

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from worker.api import reference
from worker.web.routes import get

_CHUNK_BYTES: Final = 32_768


class Page(Response):
    """A page, sent in pieces that all readers share: a client that does not read keeps one piece in
    memory, not a page.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002  Starlette's signature
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        body = memoryview(self.body)
        for start in range(0, len(body), _CHUNK_BYTES):
            piece = bytes(body[start : start + _CHUNK_BYTES])
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


def routes(admit: Callable[[Request], None]) -> list[Route]:
    """Return `/`, `/docs` and `/openapi.json`. `admit` may refuse by raising. They take no slot of
    requests with a key.
    """

    async def openapi(request: Request) -> Response:
        admit(request)
        return Page(_openapi(), media_type="application/json")

    async def page(request: Request) -> Response:
        admit(request)
        html, policy = _reference()
        return Page(html, headers={"Content-Security-Policy": policy}, media_type="text/html")

    return [get("/", page), get("/docs", page), get("/openapi.json", openapi)]


@functools.cache
def _openapi() -> bytes:
    return resources.files("schemas").joinpath("openapi.json").read_bytes()


@functools.cache
def _reference() -> tuple[bytes, str]:
    return reference.page(orjson.loads(_openapi()))
