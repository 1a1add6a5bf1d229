"""The documents of a file that a person publishes: CloudEvents, or the `data` of one type."""

import json
import time
import uuid
from collections.abc import Iterator, Sequence
from typing import Any, Final

import orjson

from schemas.registry import DOCUMENTS
from worker.codec import Undecodable
from worker.codec.decode import Decoder
from worker.kafka.exchange import Outgoing
from worker.kafka.topics import Topics
from worker.ops.record import EventRecord

_SOURCE: Final = "/g3n/publish"
_PREFIXES: Final = ("scm.sale.", "scm.return.", "scm.tender.", "crm.")  # in the order of Topics.inputs


class Unpublishable(Exception):
    """The file has errors. Each line of the message has place, path and rule, and never a value."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = tuple(problems)


def read(raw: bytes, decoder: Decoder, topics: Topics, *, type_: str | None, orgcode: str | None) -> list[Outgoing]:
    """Return the documents of the file, each of which the worker would accept.

    The file is JSON (an object, or an array of them) or JSON lines. An object without `specversion` is the `data` of a
    document of `type_`. `orgcode` is the tenant of those that name none. Raises Unpublishable.
    """
    ready, problems = [], []
    now_us = time.time_ns() // 1000
    for place, text in _objects(raw):
        try:
            event = _event(text, type_, orgcode)
        except ValueError as error:
            problems.append(f"{place}: {error}")
            continue
        item = decoder.decode(EventRecord(event, now_us // 1000), now_us)
        if isinstance(item, Undecodable):
            what = ": ".join(part for part in (item.reason.value, item.detail) if part)
            problems.append(f"{place}: would be a dead letter: {what}")
            continue
        ready.append(_ready(event, topics))
    if problems:
        raise Unpublishable(problems)
    if not ready:
        raise Unpublishable(["there is no document in it"])
    return ready


def _objects(raw: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield each JSON object of the file as it is written, with its place."""
    text = raw.removeprefix(b"\xef\xbb\xbf").strip()
    if text.startswith(b"["):
        try:
            parsed = json.loads(text)
        except ValueError as error:
            raise Unpublishable([f"is not JSON: {error}"]) from None
        yield from ((f"document {place}", json.dumps(one).encode()) for place, one in enumerate(parsed, 1))
        return
    lines = [(f"line {place}", line) for place, line in enumerate(text.splitlines(), 1) if line.strip()]
    if len(lines) > 1 and not _is_json(lines[0][1]):  # one object over several lines
        lines = [("the document", text)]
    yield from lines


def _is_json(line: bytes) -> bool:
    try:
        json.loads(line)
    except ValueError:
        return False
    return True


def _event(text: bytes, type_: str | None, orgcode: str | None) -> bytes:
    """Return the CloudEvent of an object; a complete one unchanged. Raises ValueError with what is missing."""
    try:
        parsed = json.loads(text)
    except ValueError as error:
        raise ValueError(f"is not JSON: {error}") from None
    if not isinstance(parsed, dict):
        raise ValueError("is not a JSON object")  # noqa: TRY004  # as all else that is wrong with it
    if "specversion" in parsed:
        if "orgcode" in parsed or orgcode is None:
            return text
        return json.dumps({**parsed, "orgcode": orgcode}).encode()
    if type_ is None:
        raise ValueError("has no specversion, so it is data: name its type, as --type scm.sale.completed")
    if orgcode is None:
        raise ValueError("data names no tenant: --orgcode, or G3N_ORGCODE")
    return json.dumps(
        {
            "specversion": "1.0",
            "id": str(uuid.uuid4()),
            "source": _SOURCE,
            "type": type_,
            "subject": parsed.get(DOCUMENTS[type_].id_field),
            "orgcode": orgcode,
            "datacontenttype": "application/json",
            "data": parsed,
        }
    ).encode()


def _ready(event: bytes, topics: Topics) -> Outgoing:
    """Return the record of a decoded event. Its topic is that of its type; its key is as contract IN1 recommends."""
    envelope: dict[str, Any] = orjson.loads(event)
    data = envelope["data"]
    type_, subject = envelope["type"], envelope["subject"]
    topic = next(topic for prefix, topic in zip(_PREFIXES, topics.inputs, strict=True) if type_.startswith(prefix))
    key = data.get("customer_id") or data.get("sale_id") or subject
    return Outgoing(topic, str(key).encode(), event, envelope["orgcode"], type_, subject)
