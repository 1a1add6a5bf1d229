"""Decompress a record batch, up to a limit: a few bytes can expand to any number."""

import mmap
import struct
import zlib
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import cramjam
from aiokafka.record.default_records import DefaultRecordBatch

# Twice the largest batch of an input topic; an ordinary batch is a hundredth of it.
LIMIT_BYTES: Final = 32 << 20
_GZIP_WINDOW_BITS = 31
# Java clients frame snappy in blocks of their own, each preceded by its length.
_XERIAL = b"\x82SNAPPY\x00\x00\x00\x00\x01\x00\x00\x00\x01"
# cramjam's messages for an output that is too small, as opposed to a broken input.
_OUTPUT_FULL = "failed to write whole buffer"


class Inflated(NamedTuple):
    """The decompressed bytes, or the first of them up to the limit."""

    data: bytes
    too_large: bool = False
    broken: bool = False


def inflate(codec: int, data: memoryview, limit_bytes: int = LIMIT_BYTES) -> Inflated:
    """Decompress the records of a batch with the codec in its attributes. Allocates at most `limit_bytes`."""
    try:
        match codec:
            case DefaultRecordBatch.CODEC_GZIP:
                return _gzip(data, limit_bytes)
            case DefaultRecordBatch.CODEC_SNAPPY:
                return _snappy(data, limit_bytes)
            case DefaultRecordBatch.CODEC_LZ4:
                return _framed(cramjam.lz4.decompress_into, data, limit_bytes)
            case DefaultRecordBatch.CODEC_ZSTD:
                return _framed(cramjam.zstd.decompress_into, data, limit_bytes)
    except (cramjam.DecompressionError, zlib.error, struct.error, ValueError):
        pass
    return Inflated(b"", broken=True)


def _gzip(data: memoryview, limit_bytes: int) -> Inflated:
    whole = bytearray()
    rest: bytes | memoryview = data
    while rest:  # a stream may have several members, one after the other
        stream = zlib.decompressobj(_GZIP_WINDOW_BITS)
        whole += stream.decompress(rest, limit_bytes + 1 - len(whole))
        if len(whole) > limit_bytes:
            return Inflated(bytes(whole[:limit_bytes]), too_large=True)
        if not stream.eof:
            return Inflated(bytes(whole), broken=True)
        rest = stream.unused_data
    return Inflated(bytes(whole))


def _snappy(data: memoryview, limit_bytes: int) -> Inflated:
    if data[: len(_XERIAL)] != _XERIAL:
        if cramjam.snappy.decompress_raw_len(data) > limit_bytes:
            return Inflated(b"", too_large=True)
        return Inflated(bytes(cramjam.snappy.decompress_raw(data)))
    whole, at = bytearray(), len(_XERIAL)
    while at < len(data):
        (size,) = struct.unpack_from("!i", data, at)
        block = data[at + 4 : at + 4 + size]
        if len(whole) + cramjam.snappy.decompress_raw_len(block) > limit_bytes:
            return Inflated(bytes(whole), too_large=True)
        whole += bytes(cramjam.snappy.decompress_raw(block))
        at += 4 + max(0, size)
    return Inflated(bytes(whole))


def _framed(decompress_into: Callable[[Any, Any], int], data: memoryview, limit_bytes: int) -> Inflated:
    # Anonymous memory costs only the pages that are written to; a bytearray would be filled with zeros first.
    with mmap.mmap(-1, limit_bytes) as output:
        try:
            size = decompress_into(data, output)
        except cramjam.DecompressionError as error:
            if _OUTPUT_FULL not in str(error):
                raise
            return Inflated(output[:], too_large=True)
        return Inflated(output[:size])
