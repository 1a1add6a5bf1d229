"""A till's event in one go: envelope and document become structs, without dictionaries between.

The structs are derived from the models (`schemas.structs`). An event that they don't accept is read by the models.
"""

from typing import Annotated, Any, Final, Literal, NamedTuple, Protocol, Union, cast

import msgspec

from schemas.envelope import SPECVERSION, Envelope
from schemas.registry import DOCUMENTS
from schemas.structs import Quick, Struct
from worker.codec.parse import is_plain


class Event(Protocol):
    """What is read of a CloudEvent. `data` is parsed JSON, or the struct of the document."""

    @property
    def type(self) -> str: ...
    @property
    def source(self) -> str: ...
    @property
    def subject(self) -> object: ...
    @property
    def orgcode(self) -> object: ...
    @property
    def traceparent(self) -> object: ...
    @property
    def data(self) -> object: ...


class Parsed(NamedTuple):
    """An event of either content mode, from its attributes."""

    type: str
    source: str
    subject: object
    orgcode: object
    traceparent: object
    data: object


def read(raw: bytes) -> Event | None:
    """Return the event in a JSON text, its document as a struct, or None if the models must judge it."""
    if not is_plain(raw):
        return None
    try:
        event = _decode(raw)
    except (msgspec.DecodeError, RecursionError):
        return None
    # msgspec passes over unknown names and takes the last of equal ones. What it has read is encoded again: if that
    # has as many colons as the record, it has every member of it.
    if _encode(event).count(b":") != raw.count(b":") or not event.quick.finish(event.data):
        return None
    return cast("Event", event)


def _event(type_: str, quick: Quick) -> type[Struct]:
    """Return the struct of an event of this type, with the attributes of `Envelope`."""
    fields: list[Any] = []
    for name, attribute in Envelope.model_fields.items():
        if name == "data":
            fields.append((name, quick.struct))
        elif name == "specversion":
            fields.append((name, Literal[SPECVERSION]))
        elif name != "type" and attribute.is_required():
            fields.append((name, Annotated[str, msgspec.Meta(min_length=1)]))
        elif name != "type":
            fields.append((name, str | None, None))
    return msgspec.defstruct(
        "QuickEvent", fields, tag_field="type", tag=type_, namespace={"type": type_, "quick": quick},
        kw_only=True, frozen=True, gc=False, omit_defaults=True,
    )  # fmt: skip


_EVENTS: Final = [_event(name, kind.quick) for name, kind in DOCUMENTS.items() if kind.quick is not None]
_decode: Final = msgspec.json.Decoder[Any](Union[tuple(_EVENTS)]).decode  # noqa: UP007  made of a list
_encode: Final = msgspec.json.Encoder().encode
