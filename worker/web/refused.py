"""Answers that the server gives before any route: problem details (RFC 9457), on a connection that then closes."""

import uuid
from typing import Final

import orjson

from schemas.problems import API_REASONS, MEDIA_TYPE, PROBLEMS, ApiReason, details

_PHRASES: Final = {400: b"Bad Request", 408: b"Request Timeout", 503: b"Service Unavailable"}


def answer(reason: ApiReason, detail: str | None = None) -> bytes:
    """Return the bytes of a response: status line, headers, problem. Without `detail`, the reason's own
    words are used.
    """
    api_reason, request_id = API_REASONS[reason], uuid.uuid4().hex
    status = PROBLEMS[api_reason.code].status
    body = orjson.dumps(details(api_reason.code, reason.value, detail or api_reason.detail, request_id))
    return b"HTTP/1.1 %d %b\r\ncontent-type: %b\r\ncontent-length: %d\r\nx-request-id: %b\r\n%b\r\n%b" % (
        status,
        _PHRASES[status],
        MEDIA_TYPE.encode(),
        len(body),
        request_id.encode(),
        b"cache-control: no-store\r\nx-content-type-options: nosniff\r\nconnection: close\r\n",
        body,
    )
