"""Dead letters keep the value as it came, except what nobody may read there (contract §3)."""

import re

# `data_base64` may hold any of the others.
SECRET = frozenset({"number", "pin", "name", "email", "phone", "data_base64"})

# A key of letters, escaped or not, and its colon. Within JSON in a string (a publisher that encodes twice) quotes have
# backslashes before them: one, three, seven…
_KEY = re.compile(
    rb"(?<!\\)(?P<level>\\*+)\"(?P<key>(?:[a-z0-9_]|\\+u00[0-9a-fA-F]{2}){3,11})(?P=level)\"(?:\s|\\+[nrt])*:(?:\s|\\+[nrt])*"
)
_ESCAPE = re.compile(rb"\\+u00([0-9a-fA-F]{2})")
_QUOTE = re.compile(rb"(?<!\\)(\\*+)\"")
_MARK = re.compile(rb"(?<!\\)(\\*+)\"|[{}\[\]]")
_WORD = re.compile(rb"[^\s,}\]\"{\[\\]*")


def mask(value: bytes | None) -> tuple[bytes | None, bool]:
    """The value with card numbers, PINs, names, e-mails and phones masked, and whether there were any.

    All other bytes stay as they are, whether the value is JSON or what is left of it. Takes linear time.
    """
    if not value:
        return value, False
    kept: list[bytes] = []
    done = 0
    while (key := _KEY.search(value, done)) is not None:
        level = key["level"]
        name = _ESCAPE.sub(lambda escape: bytes([int(escape[1], 16)]), key["key"]).decode("latin-1")
        end = _end(value, key.end(), len(level)) if name in SECRET else key.end()
        if end > key.end() and value[key.end() : end] != b"null":
            kept += (value[done : key.end()], level, b'"***', level, b'"')
        else:
            kept.append(value[done:end])
        # the closing quote of this key may open the next thing where this was no key after all
        done = end
    return (b"".join([*kept, value[done:]]), True) if any(part == b'"***' for part in kept) else (value, False)


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
