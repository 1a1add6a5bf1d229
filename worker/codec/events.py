"""Read a till's event in one step: envelope and document become structs, without dictionaries between.

The structs are derived from the models (`schemas.structs`). An event that they don't accept is read by the models.
"""

from collections.abc import Callable
from typing import Annotated, Any, Final, Literal, NamedTuple, Protocol, Union

import msgspec

from schemas.envelope import SPECVERSION, Envelope
from schemas.registry import DOCUMENTS
from schemas.structs import Quick, Struct
from worker.codec.parse import parse


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
    event = _decoded(_EVENTS[_is_plain(raw)], raw)
    return event if event is not None and event.quick.finish(event.data) else None


def document(type_: str, raw: bytes) -> Struct | None:
    """Return the document of this type in a JSON text, as `read` does."""
    doctype = DOCUMENTS.get(type_)
    if doctype is None or not doctype.quick:
        return None
    quick = doctype.quick[_is_plain(raw)]
    struct: Struct | None = _decoded(quick.decode, raw)
    return struct if struct is not None and quick.finish(struct) else None


def _decoded(decode: Callable[[bytes], Any], raw: bytes) -> Any:  # noqa: ANN401  what it decodes, or None
    if b"\\" in raw:  # an escape may be a NUL, or half of a surrogate pair
        return None
    try:
        struct = decode(raw)
    except (ValueError, RecursionError):
        return None
    # msgspec takes the last of equal names. So the struct is encoded again, without white space. If that is as long as
    # the record, or has as many colons, the struct has every member of it: no member can be written in fewer bytes. It
    # has fewer if a member is a default or is not read; then the parser looks for equal names.
    encoded = _encode(struct)
    if len(encoded) != len(raw) and encoded.count(b":") != raw.count(b":"):
        parse(raw)
    return struct


def _is_plain(raw: bytes) -> bool:
    """Return whether all texts are printable ASCII. JSON itself refuses all other control characters than DEL."""
    return raw.isascii() and b"\x7f" not in raw


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


def _decoder_of_events(*, ascii_only: bool) -> Callable[[bytes], Any]:
    events = tuple(_event(name, doctype.quick[ascii_only]) for name, doctype in DOCUMENTS.items() if doctype.quick)
    any_event: Any = Union[events]  # noqa: UP007  # one type a document
    return msgspec.json.Decoder(any_event).decode


_EVENTS: Final = {ascii_only: _decoder_of_events(ascii_only=ascii_only) for ascii_only in (False, True)}
_encode: Final = msgspec.json.Encoder().encode
