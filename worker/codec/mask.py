"""Dead letters keep the value as it came, except what nobody may read there (contract §3)."""

import json
import re

# `data_base64` may hold any of the others.
SECRET = frozenset({"number", "pin", "name", "email", "phone", "data_base64"})
# Objects of which only some members are secret; whatever else stands there is a card number in the wrong place.
CARDS = frozenset({"gift_card", "from_card", "to_card"})

# A key of letters, escaped or not, and its colon. Within JSON in a string (a publisher that encodes twice) quotes have
# backslashes before them: one, three, seven…
_KEY = re.compile(
    rb"(?<!\\)(?P<level>\\*+)\"(?P<key>(?:[A-Za-z0-9_]|\\+u00[0-9a-fA-F]{2}){3,11})(?P=level)\"(?:\s|\\+[nrt])*:(?:\s|\\+[nrt])*"
)
_ESCAPE = re.compile(rb"\\+u00([0-9a-fA-F]{2})")
_QUOTE = re.compile(rb"(?<!\\)(\\*+)\"")
_MARK = re.compile(rb"(?<!\\)(\\*+)\"|[{}\[\]]")
_COLON = re.compile(rb"(?:\s|\\+[nrt])*:").match
_WORD = re.compile(rb"[^\s,}\]\"{\[\\]*")
# The same in what is no JSON: Python's notation, YAML, XML, a form, JSON that lacks a quote or a colon.
_LOOSE = re.compile(
    rb"(?is)(?<![a-z0-9_])(?P<key>(?:number|pin|name|email|phone)(?:[\\\"']++\s*+[:=]?+|\s*+[:=>])\s*+)"
    rb"(?!\\*+\"\*\*\*|null\b)(?:\"(?:[^\"\\]|\\.)*+\"?|'(?:[^'\\]|\\.)*+'?|\\++[\"'][^\"'\\]*+(?:\\++[\"'])?"
    rb"|[^\s,}\]&<;\"'{\[\\][^,}\]&<;\r\n\"']*+)"
)


def mask(value: bytes | None, *, broken: bool = False) -> tuple[bytes | None, bool]:
    """The value with card numbers, PINs, names, e-mails and phones masked, and whether there were any.

    All other bytes stay as they are, whether the value is JSON or what is left of it. `broken`: it is no JSON, so a key
    is whatever looks like one, in UTF-16 too, and more than the secret may go. Takes linear time.
    """
    if not value:
        return value, False
    if not broken:
        masked = _masked(value)
        return masked, masked != value
    encoding = json.detect_encoding(value)
    unicode = value if encoding.startswith("utf-8") else value.decode(encoding, "replace").encode()
    masked = _LOOSE.sub(rb'\g<key>"***"', _masked(unicode))
    if masked == unicode:
        return value, False
    return (masked if unicode is value else masked.decode().encode(encoding)), True


def is_secret(name: str) -> bool:
    """Whether a key, or a header with or without `ce_`, names what nobody may read."""
    return name.lower().removeprefix("ce_") in SECRET


def _masked(value: bytes) -> bytes:
    kept: list[bytes] = []
    done = 0
    while (key := _KEY.search(value, done)) is not None:
        start, level = key.end(), key["level"]
        name = _ESCAPE.sub(lambda escape: bytes([int(escape[1], 16)]), key["key"]).decode("latin-1").lower()
        card = name in CARDS and value[start : start + 1] != b"{"
        end = _end(value, start, len(level)) if card or name in SECRET else start
        if card and _COLON(value, end):  # a key, of an object whose bracket is missing
            end = start
        if end > start and value[start:end] != b"null":
            kept += (value[done:start], level, b'"***', level, b'"')
        else:
            kept.append(value[done:end])
        # the closing quote of this key may open the next thing where this was no key after all
        done = end
    return b"".join([*kept, value[done:]])


def _end(value: bytes, start: int, level: int) -> int:
    """Where the JSON value that begins at `start` ends; the end of all where it does not."""
    if value.startswith(b"\\" * level + b'"', start):
        return _string_end(value, start + level + 1, level)
    if value[start : start + 1] not in (b"{", b"["):
        word = _WORD.match(value, start)
        return start if word is None else word.end()
    depth, place = 0, start
    while (mark := _MARK.search(value, place)) is not None:
        place = mark.end()
        if mark[1] is None:
            depth += 1 if mark[0] in b"{[" else -1
            if depth == 0:
                return place
        elif len(mark[1]) < level:  # the string ended in which this JSON is
            return mark.start()
        else:
            place = _string_end(value, place, level)
    return len(value)


def _string_end(value: bytes, start: int, level: int) -> int:
    """Behind the quote that closes a string: an even number of backslashes of its own stands before it."""
    for quote in _QUOTE.finditer(value, start):
        own, rest = divmod(len(quote[1]) - level, level + 1)
        if own < 0:
            return quote.start()
        if rest == 0 and own % 2 == 0:
            return quote.end()
    return len(value)
