"""Read a till's event in one step: envelope and document become structs, without dictionaries between.

The structs are derived from the models (`schemas.structs`). An event that they don't accept is read by the models.
"""

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final, Literal, NamedTuple, Protocol, Union, cast

import msgspec

from schemas.envelope import SPECVERSION, Envelope
from schemas.registry import DOCUMENTS
from schemas.structs import Quick, Struct
from worker.codec.parse import parse


class Way(NamedTuple):
    """The two steps from bytes to a struct: msgspec's, then ours, which returns whether the document is valid."""

    decode: Callable[[bytes], Any]
    finish: Callable[[Any], bool]


class Event(Protocol):
    """The members of a CloudEvent that the worker reads. `data` is parsed JSON, or the struct of the document."""

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
    return cast("Event | None", _read(raw, _EVENTS))


def document(type_: str, raw: bytes) -> Struct | None:
    """Return the document of this type in a JSON text, as `read` does."""
    return _read(raw, _DOCUMENTS[type_]) if type_ in _DOCUMENTS else None


def _read(raw: bytes, ways: Mapping[bool, Way]) -> Struct | None:
    if b"\\" in raw:  # an escape may be a NUL, or half of a surrogate pair
        return None
    # Texts without escapes are in the bytes as they are. JSON itself refuses all control characters but DEL.
    way = ways[raw.isascii() and b"\x7f" not in raw]
    try:
        struct = way.decode(raw)
    except (ValueError, RecursionError):
        return None
    # msgspec takes the last of equal names. So the struct is encoded again, without white space. If that is as long as
    # the record, or has as many colons, the struct has every member of it: no member can be written in fewer bytes. It
    # has fewer if a member is a default or is not read; then the parser looks for equal names.
    encoded = _encode(struct)
    if len(encoded) != len(raw) and encoded.count(b":") != raw.count(b":"):
        parse(raw)
    return struct if way.finish(struct) else None


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


def _way(quick: Quick) -> Way:
    return Way(msgspec.json.Decoder(quick.struct).decode, quick.finish)


def _way_of_events(*, ascii_only: bool) -> Way:
    events = tuple(_event(name, doctype.quick[ascii_only]) for name, doctype in DOCUMENTS.items() if doctype.quick)
    any_event: Any = Union[events]  # noqa: UP007  # one type a document
    return Way(msgspec.json.Decoder(any_event).decode, lambda event: event.quick.finish(event.data))


_EVENTS: Final = {ascii_only: _way_of_events(ascii_only=ascii_only) for ascii_only in (False, True)}
_DOCUMENTS: Final = {
    name: {ascii_only: _way(quick) for ascii_only, quick in doctype.quick.items()}
    for name, doctype in DOCUMENTS.items()
    if doctype.quick
}
_encode: Final = msgspec.json.Encoder().encode
