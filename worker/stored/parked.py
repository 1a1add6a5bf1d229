"""The layout of `parked.document`: a document that waits."""

from typing import Any, NamedTuple

from worker.stored.event import Wait
from worker.stored.packing import pack, unpack


class ParkedDocument(NamedTuple):
    """`model` is what `DocumentType.dump` made."""

    model: Any
    traceparent: bytes | None
    waits: list[Wait]  # that are over


def pack_parked(document: ParkedDocument) -> bytes:
    """Return the bytes. The waits follow the other members one by one."""
    return pack((document.model, document.traceparent, *document.waits))


def parked_of(packed: bytes) -> ParkedDocument:
    model, traceparent, *waits = unpack(packed)
    return ParkedDocument(model, traceparent, [Wait(*wait) for wait in waits])
