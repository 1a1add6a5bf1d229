"""A till's event in one go: envelope and document become structs, without dictionaries between.

The structs are derived from the models (`schemas.structs`). An event that they don't accept is read by the models.
"""

from collections.abc import Callable
from typing import Annotated, Any, Final, Literal, NamedTuple, Protocol, Union, cast

import msgspec

from schemas.envelope import SPECVERSION, Envelope
from schemas.registry import DOCUMENTS
from schemas.structs import Quick, Struct
from worker.codec.parse import is_plain, parse


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
    """Return the event in a JSON text, its document as a struct, or None if the models must judge it. Raises Refused
    for a name that comes twice.
    """
    event = _decoded(raw, _decode_event)
    return cast("Event", event) if event is not None and event.quick.finish(event.data) else None


def document(type_: str, raw: bytes) -> Struct | None:
    """Return the document of this type in a JSON text, as `read` does."""
    decode, quick = _DOCUMENTS.get(type_, (None, None))
    if decode is None or quick is None:
        return None
    struct: Struct | None = _decoded(raw, decode)
    return struct if struct is not None and quick.finish(struct) else None


def _decoded(raw: bytes, decode: Callable[[bytes], Any]) -> Any:  # noqa: ANN401  # a struct, or None
    if not is_plain(raw):
        return None
    try:
        struct = decode(raw)
    except (msgspec.DecodeError, RecursionError):
        return None
    # msgspec takes the last of equal names. What it has read is encoded again: if that has as many colons as the
    # record, it has every member of it. It has fewer where a member is a default, or nobody reads it: parse, and see.
    if _encode(struct).count(b":") != raw.count(b":"):
        parse(raw)
    return struct


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


_QUICK: Final = {name: kind.quick for name, kind in DOCUMENTS.items() if kind.quick is not None}
_EVENTS: Final = tuple(_event(name, quick) for name, quick in _QUICK.items())
_DOCUMENTS: Final = {name: (msgspec.json.Decoder(quick.struct).decode, quick) for name, quick in _QUICK.items()}
_decode_event: Final = msgspec.json.Decoder[Any](Union[_EVENTS]).decode  # noqa: UP007  made of a list
_encode: Final = msgspec.json.Encoder().encode
