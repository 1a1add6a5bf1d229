"""`account.past`: the lots and days of an account that has many, in few bytes, written only now and then.

A document changes one or two of them. Those stand in `account.lots` and `account.earned`; `past` stays as it is, so
Postgres writes none of it to the WAL. It is packed as columns instead of rows, differences instead of days, then zlib:
days follow each other, lots live equally long, and what was earned on a day is what its lot holds.
"""

import zlib
from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import Final

from worker.domain.state.accounts import Past
from worker.domain.state.days import lot_of, stored_lot
from worker.stored.packing import pack, unpack

_VERSION: Final = 1


def pack_past(past: Past) -> bytes:
    """Return the bytes. Raises OverflowError for an integer beyond 64 bits."""
    lots = sorted((expires, expires - available, *rest) for (available, expires), rest in _stored(past))
    ends, lives, *numbers = zip(*lots, strict=True) if lots else [()] * 5
    days, points = zip(*sorted(past.earned.items()), strict=True) if past.earned else ((), ())
    columns = _steps(ends), _steps(lives), *numbers, _steps(days), points
    return bytes((_VERSION,)) + zlib.compress(pack(columns))


def past_of(packed: bytes) -> Past:
    """Return what `pack_past` packed. Raises ValueError for bytes of a newer version."""
    if packed[0] != _VERSION:
        raise ValueError(f"account.past has version {packed[0]}, which this program can't read")
    ends, lives, amounts, held, expired, days, points = unpack(zlib.decompress(packed[1:]))
    rests = zip(amounts, held, expired, strict=True)
    keys = (lot_of(end - life, end) for end, life in zip(accumulate(ends), accumulate(lives), strict=True))
    return Past(dict(zip(keys, rests, strict=True)), dict(zip(accumulate(days), points, strict=True)))


def _stored(past: Past) -> list[tuple[tuple[int, int], tuple[int, int, int]]]:
    return [(stored_lot(*key), rest) for key, rest in past.lots.items()]


def _steps(column: Sequence[int]) -> list[int]:
    return [*column[:1], *(value - before for before, value in pairwise(column))]
