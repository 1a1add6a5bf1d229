"""Show the decision that a document would get, without deciding it."""

import time
from collections.abc import Iterable, Sequence
from typing import Any

import orjson

from schemas.envelope import OUTCOME_PREFIX
from schemas.policy import Policy
from worker.codec import Message, Undecodable
from worker.codec.encode import REPLAYED
from worker.engine.pipeline import Pipeline
from worker.ops.record import EventRecord


class Invalid(Exception):
    """The event would be a dead letter. The message has the reason and the rule, never a value."""


async def simulate(
    pipeline: Pipeline,
    event: bytes,
    orgcode: str | None = None,
    *,
    trusted: bool = False,
    draft: Policy | None = None,
) -> list[Message]:
    """Return the messages that reading this CloudEvent (structured mode, JSON) now would publish; for a known document,
    its stored outcomes.

    `orgcode` replaces an absent one. `trusted`: as if the document came with the scope card:trusted. `draft`: a policy
    to decide by instead of the one in force. A simulation takes no PIN and treats each card as accepted (contract
    SAFE7), so nobody can try PINs with it. Raises Invalid, or pipeline.Conflict.
    """
    now_us = time.time_ns() // 1000
    record = EventRecord(_for_tenant(event, orgcode), now_us // 1000)
    (item,) = pipeline.decode([record], now_us).items
    if isinstance(item, Undecodable):
        raise Invalid(": ".join(part for part in (item.reason.value, item.detail) if part))
    if place := _pin(item.doctype.dump(item.model)):
        raise Invalid(f"invalid: {place}: a simulation takes no PIN")
    item.trusted = trusted
    return await pipeline.rehearsal.simulate(item, now_us, draft)


def outcome(messages: Sequence[Message]) -> tuple[dict[str, Any], bool]:
    """Return the data of the latest outcome that would be published, and whether it is a stored one."""
    decided = [(orjson.loads(message.value or b"{}"), message.headers) for message in messages]
    envelope, headers = next(part for part in reversed(decided) if part[0]["type"].startswith(OUTCOME_PREFIX))
    return envelope["data"], REPLAYED in headers


def _pin(stored: object, path: str = "") -> str:
    """Return where a PIN is in a document's stored form; empty if there is none."""
    inside: Iterable[tuple[str, object]]
    match stored:
        case dict():
            inside = ((f"{path}.{name}" if path else name, value) for name, value in stored.items())
        case tuple() | list():
            inside = ((f"{path}[{place}]", value) for place, value in enumerate(stored))
        case _:
            return ""
    for at, value in inside:
        found = at if at.rpartition(".")[2] == "pin" and value is not None else _pin(value, at)
        if found:
            return found
    return ""


def _for_tenant(event: bytes, orgcode: str | None) -> bytes:
    """Return the event with the tenant's code, otherwise unchanged: the decoder reports other errors."""
    if orgcode is None:
        return event
    try:
        envelope = orjson.loads(event)
    except ValueError:
        return event
    if not isinstance(envelope, dict) or not envelope:
        return event
    if envelope.get("orgcode", orgcode) != orgcode:
        raise Invalid("orgcode: the event names another tenant")
    if "orgcode" in envelope:
        return event
    inside = event.index(b"{") + 1
    return b"".join((event[:inside], b'"orgcode":', orjson.dumps(orgcode), b",", event[inside:]))
