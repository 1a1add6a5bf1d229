"""MessagePack for layouts, and how bytes of an older version become the newest layout."""

from collections.abc import Sequence
from typing import Any, Final, Generic, TypeVar, cast

import ormsgpack

from worker.domain.state.accounts import AccountType

AccountKey = tuple[AccountType, str]
StoredKey = Sequence[Any]
"""(type, key): a tuple as it is packed, a list as it was unpacked. So is any part of a layout."""
_FIRST_UNVERSIONED: Final = 0x80  # MessagePack: a lesser first byte is an integer, and each layout is an array or a map

unpack = ormsgpack.unpackb


def pack(value: object) -> bytes:
    """Return MessagePack; a NamedTuple is an array. Raises OverflowError for an integer beyond 64 bits, which Postgres
    would refuse in a column as well: the document becomes a dead letter.
    """
    try:
        return ormsgpack.packb(value, default=tuple)
    except ormsgpack.MsgpackEncodeError as error:  # a TypeError, which says too little when it is caught
        if "64-bit" in str(error):
            raise OverflowError("an integer beyond 64 bits") from error
        raise


def trimmed(layout: Any, least: int) -> tuple[Any, ...]:  # noqa: ANN401  NamedTuples have no type of their own
    """Return the members without trailing defaults, but at least `least` of them. So a new member changes no row that
    lacks it.
    """
    end = len(layout)
    while end > least and layout[end - 1] == layout._field_defaults[layout._fields[end - 1]]:
        end -= 1
    return tuple(layout[:end])


Newest = TypeVar("Newest")


class Versions(Generic[Newest]):
    """The layouts of a stored thing, the newest last. Each is a NamedTuple. Each after the first has a classmethod
    `lift`, which makes it from the one before.
    """

    def __init__(self, *layouts: Any) -> None:  # noqa: ANN401  as above
        self._layouts = layouts
        self._least = len(layouts[-1]._fields) - len(layouts[-1]._field_defaults)

    def dump(self, layout: Newest) -> bytes:
        """Return the bytes. From version 2 on they begin with the version."""
        packed = pack(trimmed(layout, self._least))
        return packed if len(self._layouts) == 1 else bytes((len(self._layouts),)) + packed

    def load(self, packed: bytes) -> Newest:
        version = packed[0] if packed[0] < _FIRST_UNVERSIONED else 1
        layout = self._layouts[version - 1](*unpack(packed if version == 1 else packed[1:]))
        for newer in self._layouts[version:]:
            layout = newer.lift(layout)
        return cast("Newest", layout)


def stored_key(key: AccountKey | None) -> StoredKey | None:
    return None if key is None else (int(key[0]), key[1])


def account_key(stored: StoredKey | None) -> AccountKey | None:
    return None if stored is None else (AccountType(stored[0]), stored[1])
