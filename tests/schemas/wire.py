"""Documents with one thing changed, and a keyring whose tokens can be read."""

import copy
from typing import Any

from pydantic import ValidationError

from schemas import examples
from schemas.errors import detail
from schemas.registry import DOCUMENTS
from schemas.scalars import CardToken, PinToken, canonical_number

ABSENT = object()


class Keys:
    """A keyring of named keys."""

    stored = False

    def __init__(self, *names: bytes) -> None:
        self._names = names

    def number(self, plain: str, /) -> CardToken:
        canonical = canonical_number(plain)
        spelled = () if plain == canonical else self._tokens(plain)
        return CardToken(self._tokens(canonical), canonical[-4:], spelled)

    def pin(self, plain: str, /) -> PinToken:
        return PinToken(self._tokens(plain))

    def _tokens(self, plain: str) -> tuple[bytes, ...]:
        return tuple(name + plain.encode()[::-1] for name in self._names)


KEYS = Keys(b"new:", b"old:")


def example(type_: str) -> dict[str, Any]:
    return copy.deepcopy(dict(examples.DOCUMENTS[type_]))


def changed(type_: str, path: str = "", value: object = ABSENT) -> Any:  # noqa: ANN401  # any JSON
    """The example of a type with the member at `lines.0.net_minor` set, or taken away; an empty path is all of it."""
    if not path:
        return value
    data: Any = example(type_)
    *way, last = [int(step) if step.isdecimal() else step for step in path.split(".")]
    inner = data
    for step in way:
        inner = inner[step]
    if value is ABSENT:
        del inner[last]
    else:
        inner[last] = value
    return data


def named(value: object) -> str:
    """A short name for a value in the name of a test."""
    text = (
        "absent" if value is ABSENT else ascii(value if not isinstance(value, int) or abs(value) < 10**20 else "huge")
    )
    return text[:40]


def read(type_: str, data: object) -> Any:  # noqa: ANN401  # an instance of the type's model
    return DOCUMENTS[type_].validate(data, KEYS)


def refusal(type_: str, data: object) -> str:
    """Return the message of a refused document; empty if it is accepted."""
    try:
        read(type_, data)
    except ValidationError as error:
        return detail(error)
    return ""


def content(type_: str, data: object, key_index: int = 0, version: int | None = None) -> tuple[object, ...]:
    doctype = DOCUMENTS[type_]
    return doctype.content(read(type_, data), key_index, version or doctype.digest_version)
