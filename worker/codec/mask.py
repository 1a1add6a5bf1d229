"""Mask card numbers, PINs and personal data in dead letters; the rest of a record stays as it came (contract §3.4).

JSON is masked member by member: members of the contract stay, others are judged by name and shape. Everything else is
text that we do not understand, and is judged by names and shapes alone (`worker.codec.shapes`).
"""

import json
import re
from functools import lru_cache
from typing import Any, Final, NamedTuple

from worker.codec.names import CARD_MEMBERS, Secrecy, header_secrecy, known_names, secrecy
from worker.codec.parse import Refused, parse
from worker.codec.shapes import MASK, masked_lines, masked_text

MOST_BYTES: Final = 1 << 20
# Masking text costs up to 0.7 µs a byte, in calls that hold the interpreter's lock.
TEXT_BYTES: Final = 1 << 16
_PLAIN_ID: Final = re.compile(r"[\w.:/+ -]{0,128}", re.ASCII).fullmatch
# A schema registry's magic byte or a byte order mark before the text.
_PREFIX: Final = re.compile(rb"[^\x20-\x7e]{0,16}")
_CONTROL: Final = re.compile(r"[\x01-\x08\x0b\x0c\x0e-\x1f]")
# Characters in the notations of JSON, forms and XML.
_ESCAPES: Final = re.compile(
    r"(?<!\\)\\++u00([2-7][0-9A-Fa-f])|%([2-7][0-9A-Fa-f])|&(?:#(?:x([2-7][0-9A-Fa-f])|([0-9]{2,3}))|(quot|apos|lt|gt|amp));"
)
_LAST_WORDS: Final = re.compile(rb"[\w .@+-]{1,64}\Z")
# A number standing alone or in groups of four; a date or a count within an id (`london-1-2026-03-01-0043`) is none.
_NUMBER_IN_KEY: Final = re.compile(
    rb"(?<![^\W_])(?<![^\W_]-)\d(?:[ -]{0,3}\d){7,}|\d{12,}|(?:\d{4}[ -]){2,}\d{2,}|[^\s@]@[^\s@]+\.|[^\x20-\x7e]"
)
_KEY_BYTES: Final = 256


class Masked(NamedTuple):
    """A value without its secrets. `found`: it had some. `truncated`: this is only its beginning."""

    value: bytes | None
    found: bool
    truncated: bool = False


def mask(value: bytes | None) -> Masked:
    """Return the value with its secrets masked. A value without secrets keeps its bytes.

    JSON of up to `MOST_BYTES` is masked whole. Of other large values only the beginning is kept.
    """
    if not value:
        return Masked(value, found=False)
    if len(value) <= MOST_BYTES:
        prefix = _PREFIX.match(value)
        start = 0 if prefix is None else prefix.end()
        try:
            parsed = parse(value[start:])
        except Refused:
            pass
        else:
            masked = _masked(parsed, Secrecy.UNKNOWN)
            if masked == parsed:
                return Masked(value, found=False)
            text = json.dumps(masked, ensure_ascii=False, separators=(",", ":"))
            return Masked(value[:start] + text.encode(), found=True)
    if len(value) <= TEXT_BYTES:
        return Masked(*_masked_bytes(value))
    beginning = _LAST_WORDS.sub(b"", value[:TEXT_BYTES])
    return Masked(*_masked_bytes(beginning), truncated=True)


def mask_header(name: str, value: bytes | None) -> Masked:
    """Return the value of a header with its secrets masked."""
    if not value:
        return Masked(value, found=False)
    match header_secrecy(name):
        case Secrecy.KNOWN if _PLAIN_ID(value.decode("latin-1")):
            return Masked(value, found=False)
        case Secrecy.SECRET | Secrecy.CARD:
            return Masked(MASK.encode(), found=True)
        case _:
            return mask(value)


def names_secret(key: bytes) -> bool:
    """Return whether a record's key holds a card number or personal data, or is not an id at all."""
    return len(key) > _KEY_BYTES or _NUMBER_IN_KEY.search(key) is not None or _names_secret(key)


def _names_secret(key: bytes) -> bool:
    """Return whether a key is JSON, or text, in which a secret is named."""
    return any(mark in key for mark in b"{:=<") and mask(key).found


def _masked(value: Any, shown: Secrecy) -> Any:  # noqa: ANN401  # JSON
    """Return JSON with its secrets masked; `shown` says what may be seen of this value."""
    if value is None or shown is Secrecy.SECRET:
        return None if value is None else MASK
    if isinstance(value, dict):
        return {_masked_name(name): _masked(inner, _member(name, shown)) for name, inner in value.items()}
    if isinstance(value, list):
        return [_masked(inner, shown) for inner in value]
    if shown is Secrecy.CARD:
        return value if isinstance(value, bool) else MASK
    if isinstance(value, str):
        return value if shown is Secrecy.KNOWN and _PLAIN_ID(value) else _masked_string(value)
    if shown is Secrecy.KNOWN or isinstance(value, bool):
        return value
    return value if masked_text(str(value)) == str(value) else MASK


@lru_cache(maxsize=4096)
def _masked_name(name: str) -> str:
    return name if name in known_names() else masked_text(name)


def _member(name: str, around: Secrecy) -> Secrecy:
    own = secrecy(name)
    if around is Secrecy.CARD and own is not Secrecy.SECRET and name not in CARD_MEMBERS:
        return Secrecy.CARD
    return own


def _masked_string(text: str) -> str:
    """Return a string with its secrets masked. JSON in it is read as JSON: some publishers encode twice. A string that
    is too long is masked whole.
    """
    if len(text) > TEXT_BYTES:
        return MASK
    if text[:1] in {"{", "[", '"'}:
        masked = mask(text.encode())
        return masked.value.decode("utf-8", "surrogateescape") if masked.value and masked.found else text
    return masked_text(text)


def _masked_bytes(value: bytes) -> tuple[bytes, bool]:
    """Return bytes that are not JSON with their secrets masked. If something is masked, NULs and perhaps escapes are
    dropped.
    """
    text = value.replace(b"\0", b"").decode("utf-8", "surrogateescape")
    if _CONTROL.search(text, 16):  # not text, so nothing in it can be told apart
        return MASK.encode(), True
    masked = masked_lines(text)
    plain = _ESCAPES.sub(_unescaped, masked)
    if plain != masked and (again := masked_lines(plain)) != plain:
        masked = again
    return (value, False) if masked == text else (masked.encode("utf-8", "surrogateescape"), True)


def _unescaped(escape: re.Match[str]) -> str:
    if escape[5]:
        return _ENTITIES[escape[5]]
    code = int(escape[4]) if escape[4] else int(escape[1] or escape[2] or escape[3], 16)
    return chr(code) if chr(code).isprintable() else escape[0]


_ENTITIES: Final = {"quot": '"', "apos": "'", "lt": "<", "gt": ">", "amp": "&"}
