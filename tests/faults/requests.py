"""Sends the requests of a `requests.json` to the API, and checks its answers."""

import asyncio
import json
import re
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.faults.verdict import Rules, Verdict
from worker.client.connection import Connection

_ROUTE = re.compile(r"^([A-Z]+) (\S+)")
_WITHIN_S = 90.0
_ATTEMPT_S = 15.0


@dataclass(frozen=True)
class Seen:
    """An answer: its status, 0 for none, and its body."""

    status: int
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        parsed: dict[str, Any] = json.loads(self.body)
        return parsed


def _status(seen: Seen, said: re.Match[str]) -> str | None:
    wanted = {int(number) for number in re.findall(r"\d{3}", said[0])}
    return None if seen.status in wanted else f"came {seen.status}"


def _never(seen: Seen, said: re.Match[str]) -> str | None:
    return f"came {seen.status}" if seen.status == int(said[1]) else None


def _answered(seen: Seen, _: object) -> str | None:
    return None if seen.status else "no answer"


def _reason(seen: Seen, said: re.Match[str]) -> str | None:
    return None if seen.json.get("reason") == said[1] else f"reason {seen.json.get('reason')}"


def _outcome(seen: Seen, _: object) -> str | None:
    return None if "status" in seen.json.get("outcome", {}) else "no outcome beside"


_RULES: Rules[Seen] = Rules(
    {
        r"^\d{3}(?:, or \d{3})*": _status,
        r"never (\d{3})": _never,
        r"^answered": _answered,
        r"reason (\w+)": _reason,
        r"stored outcome beside": _outcome,
    }
)


def read(file: Path) -> list[dict[str, Any]]:
    """The requests of the file; none if it is not there."""
    requests: list[dict[str, Any]] = json.loads(file.read_text(encoding="utf-8")) if file.exists() else []
    return requests


async def play(inputs: Sequence[Mapping[str, Any]], api: Connection) -> list[Verdict]:
    """A verdict for each request."""
    verdicts = []
    async with httpx.AsyncClient(base_url=api.url, headers=api.headers, timeout=_ATTEMPT_S, trust_env=False) as client:
        for given in inputs:
            send = next((one for phrase, one in _SCRIPTS.items() if phrase in given["request"]), _plain)
            try:
                seen = await send(given, client, api)
            except httpx.HTTPError as error:
                verdicts.append(Verdict(given["name"], [f"no answer: {type(error).__name__}"]))
                continue
            verdicts.append(Verdict(given["name"], _RULES.problems(given["right"], seen)))
    return verdicts


async def _plain(given: Mapping[str, Any], client: httpx.AsyncClient, _api: Connection) -> Seen:
    method, route = _parts(given)
    body = given.get("body")
    headers = {"Content-Type": "application/json"} if body is not None else {}
    answer = await client.request(method, route, content=body, headers=headers)
    return Seen(answer.status_code, answer.content)


async def _half_closed(given: Mapping[str, Any], _client: httpx.AsyncClient, api: Connection) -> Seen:
    """Shut the sending side down after the body, as `nc -N` and shell scripts do, and read to the end."""
    method, route = _parts(given)
    url = httpx.URL(api.url)
    body = b'{"customer_id": "nobody"}'
    head = {"Host": url.host, "Content-Type": "application/json", "Content-Length": str(len(body)), **api.headers}
    lines = [f"{method} {route} HTTP/1.1", *(f"{name}: {value}" for name, value in head.items())]
    reader, writer = await asyncio.open_connection(url.host, url.port)
    try:
        writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        writer.write_eof()
        async with asyncio.timeout(_ATTEMPT_S):
            status = await reader.readline()
    except (TimeoutError, OSError):
        return Seen(0, b"")
    finally:
        writer.close()
    return Seen(int(status.split()[1]) if status else 0, b"")


async def _after_expiry(given: Mapping[str, Any], client: httpx.AsyncClient, _api: Connection) -> Seen:
    """Authorize with a hold of a second, and again until the answer is another: the hold has expired then."""
    _, route = _parts(given)
    card, tender = await _post(client, "/giftcard/issue", {"amount_minor": 1000, "currency": "GBP"}), uuid.uuid4().hex
    body = {
        "tender_id": tender, "kind": "gift_card", "gift_card": {"number": card.json["number"]}, "amount_minor": 500,
        "currency": "GBP", "hold_s": 1,
    }  # fmt: skip
    first = await _post(client, route, body)
    until = time.monotonic() + _WITHIN_S
    again = first
    while again.status == httpx.codes.OK and time.monotonic() < until:
        again = await _post(client, route, body)
    return again


async def _post(client: httpx.AsyncClient, route: str, body: Mapping[str, Any]) -> Seen:
    """A request, once more after each 429."""
    while True:
        answer = await client.post(route, json=body)
        if answer.status_code != httpx.codes.TOO_MANY_REQUESTS:
            return Seen(answer.status_code, answer.content)
        await asyncio.sleep(float(answer.headers.get("Retry-After", "1")))


def _parts(given: Mapping[str, Any]) -> tuple[str, str]:
    found = _ROUTE.match(given["request"])
    assert found is not None, given["request"]
    return found[1], found[2].rstrip(",")


_SCRIPTS: dict[str, Callable[[Mapping[str, Any], httpx.AsyncClient, Connection], Awaitable[Seen]]] = {
    "shuts its writing side down": _half_closed,
    "the second after `expires_at`": _after_expiry,
}
