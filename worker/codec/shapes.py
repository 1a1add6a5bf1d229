"""Find secrets in text that no parser understood, by the name before them and by their shape.

Everything here takes linear time for any text: each pattern is anchored, bounded or possessive.
"""

import csv
import io
import re
from typing import Final

from worker.codec.names import Secrecy, secrecy

MASK: Final = "***"
QUOTED: Final = f'"{MASK}"'

# Marks between the digits of a number: spaces of any width, dashes, and what phone numbers have.
_GAP: Final = r"[ \-+().\u00a0\u2009\u202f\u2010-\u2015\u2212]"
_SHAPES: Final = re.compile(
    rf"""
    (?P<keep>   # no secret, though full of digits: a UUID, a date, a time
      \b[0-9a-f]{{8}}-[0-9a-f]{{4}}-[0-9a-f]{{4}}-[0-9a-f]{{4}}-[0-9a-f]{{12}}\b
      | (?<![\d-])(?:0001|9999|19\d\d|20\d\d)-[01]\d-[0-3]\d
        (?:[T ][0-2]\d:[0-5]\d(?::[0-5]\d(?:\.\d{{1,9}})?)?(?:Z|[+-]\d\d:?\d\d\b)?)?(?![\d-])
    )
    | %?[A-Za-z]?\d{{8,40}}+\^[^\^\n]{{0,80}}\^[^\s?]{{0,120}}\??     # track 1 of a card: number, name, more
    | ;?\d{{8,40}}+[=D]\d{{1,60}}\??                                 # track 2
    | \+?\d(?:{_GAP}{{0,3}}\d){{7,}}                          # a card number, a phone number
    | (?<![\w.+%-])[\w.+%-]++@[\w-]++(?:\.[\w-]++)*+                 # an e-mail address
    | (?P<pin>\b[Pp](?i:in)[a-z]{{0,6}}\b[^\w\n]{{0,4}}(?:(?:is|was|code|no|nr)\b[^\w\n]{{0,4}})?)\d{{3,12}}\b
    | (?P<base64>(?<![A-Za-z0-9+/_=-])[A-Za-z0-9+/_-]{{48,}}+={{0,2}})   # it may hold any of them
    """,
    re.VERBOSE,
)

# A name of up to three words, and the marks between it and its value: quotes, escaped or not, with a colon or without.
_PAIR: Final = re.compile(
    r"(?<![\w.-])(?P<name>[^\W\d_][\w.-]{0,63}+(?:[ ][\w.-]{1,63}+){0,2}?)"
    r"(?:(?P<level>\\*+)[\"']++(?:\s|\\+[nrt])*+(?::|=>?)?+|\s*+(?::|=>?))"
    r"(?:\s|\\+[nrt])*+(?=\S)"
)
_TAG: Final = re.compile(r"<(?:[\w.-]{1,64}:)?(?P<tag>[^\W\d_][\w.-]{0,63}+)(?:\s[^<>]{0,256})?(?<!/)>")
_QUOTE: Final = re.compile(r"(?<!\\)(\\*+)\"")
_MARK: Final = re.compile(r"(?<!\\)(\\*+)\"|[{}\[\]]")
_OTHER_QUOTES: Final = re.compile(r"'(?:[^'\\]|\\.)*+'?|\\++'[^'\\]*+(?:\\++')?", re.DOTALL)
_COLON: Final = re.compile(r"(?:\s|\\+[nrt])*+:")
# Unquoted: O'Neill, Ada. A comma ends it only before another name.
_WORDS: Final = re.compile(r"(?:[^,}\]&<;\r\n\"'{\[]|(?<=\w)'(?=\w)|,(?![^,\r\n}&;<]{0,80}[:=\"'{\[]))*+")
_CLOSING_BYTES: Final = 4096  # how far behind a tag we look for the one that closes it


def masked_text(text: str) -> str:
    """Return the text with secrets masked: what follows a secret's name, and what has the shape of a secret."""
    if "<" in text:
        text = _tags_masked(text)
    return _SHAPES.sub(_shape, _pairs_masked(text))


def masked_lines(text: str) -> str:
    """Return a text that may be a table with secrets masked: columns with a secret's name, and, without names, rows
    that hold a number.
    """
    table = _table(text)
    if table is not None:
        return table
    return masked_text("".join(map(_row, text.splitlines(keepends=True))))


def _shape(match: re.Match[str]) -> str:
    base64 = match["base64"]
    if base64 and (base64.islower() or base64.isupper() or not any(map(str.isdigit, base64))):
        return base64  # a long word
    return match["keep"] or (match["pin"] or "") + MASK


def _pairs_masked(text: str) -> str:
    kept: list[str] = []
    done = 0
    while (pair := _PAIR.search(text, done)) is not None:
        value = pair.end()
        end = _end(text, value, len(pair["level"] or "")) if _is_hidden(pair["name"]) else value
        if _COLON.match(text, end):  # a key of an object whose bracket is missing
            end = value
        kept += _shown(text, done, value, end)
        done = end
    return "".join([*kept, text[done:]])


def _tags_masked(text: str) -> str:
    kept: list[str] = []
    done = 0
    while (tag := _TAG.search(text, done)) is not None:
        value = tag.end()
        end = _tag_end(text, value, tag["tag"]) if _is_hidden(tag["tag"]) else value
        kept += _shown(text, done, value, end)
        done = end
    return "".join([*kept, text[done:]])


def _shown(text: str, done: int, value: int, end: int) -> tuple[str, ...]:
    """Return the text from `done` on, with the value from `value` to `end` masked, unless it is empty,
    null or masked.
    """
    if end == value or text.startswith(("null", MASK, QUOTED), value):
        return (text[done:end],)
    return text[done:value], QUOTED


def _is_hidden(name: str) -> bool:
    """Return whether the value after these words is a secret: all of them are its name, or only the last one is."""
    return secrecy(name) in _HIDDEN or (" " in name and secrecy(name.rpartition(" ")[2]) in _HIDDEN)


_HIDDEN: Final = frozenset({Secrecy.SECRET, Secrecy.CARD})


def _tag_end(text: str, start: int, name: str) -> int:
    """Return where the content of a tag ends: at its closing tag, else at the next tag."""
    closing = text.find(f"{name}>", start, start + _CLOSING_BYTES)
    if closing != -1:
        return text.rfind("<", start, closing)
    following = text.find("<", start)
    return len(text) if following == -1 else following


def _end(text: str, start: int, level: int) -> int:
    """Return where the value that begins at `start` ends, or the end of the text."""
    if text.startswith("\\" * level + '"', start):
        return _string_end(text, start + level + 1, level)
    if (other := _OTHER_QUOTES.match(text, start)) is not None:
        return other.end()
    if text[start] in "{[":
        return _nested_end(text, start, level)
    words = _WORDS.match(text, start)
    return start if words is None else words.end()


def _nested_end(text: str, start: int, level: int) -> int:
    depth, place = 0, start
    while (mark := _MARK.search(text, place)) is not None:
        place = mark.end()
        if mark[1] is None:
            depth += 1 if mark[0] in "{[" else -1
            if depth == 0:
                return place
        elif len(mark[1]) < level:  # the string around this JSON has ended
            return mark.start()
        else:
            place = _string_end(text, place, level)
    return len(text)


def _string_end(text: str, start: int, level: int) -> int:
    """Return the position behind the quote that closes a string: an even number of backslashes precedes it."""
    for quote in _QUOTE.finditer(text, start):
        own, rest = divmod(len(quote[1]) - level, level + 1)
        if own < 0:
            return quote.start()
        if rest == 0 and own % 2 == 0:
            return quote.end()
    return len(text)


# --- tables ----------------------------------------------------------------------------------------------------------

_DELIMITERS: Final = ",;\t|"
_COLUMN: Final = re.compile(r"\s*[^\W\d][\w .#/-]{0,63}\s*").fullmatch
_NUMBER: Final = re.compile(rf"\d(?:{_GAP}{{0,3}}\d){{7,}}")
_CELL: Final = re.compile(r"[^,;\t|\r\n]+")
_NAMES_SOMETHING: Final = re.compile(r"[:=<>{}\[\]]")


def _table(text: str) -> str | None:
    """Return a table whose header names a secret, with that column masked, or None."""
    head, newline, _ = text[:4096].lstrip().partition("\n")
    delimiter = max(_DELIMITERS, key=head.count)
    if not newline or not head.count(delimiter):
        return None
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    written = io.StringIO(newline="")
    writer = csv.writer(written, delimiter=delimiter)
    try:
        names = next(rows)
        if not all(map(_COLUMN, names)) or not any(map(_is_hidden, map(str.strip, names))):
            return None
        shown = [not _is_hidden(name.strip()) for name in names]
        writer.writerow(map(masked_text, names))
        for row in rows:
            pairs = zip(row, [*shown, *[False] * len(row)], strict=False)
            writer.writerow([masked_text(cell) if show else MASK for cell, show in pairs])
    except csv.Error:
        return MASK
    return written.getvalue()


def _row(line: str) -> str:
    """Return a row of a table without a header. If it holds a number, all of it is masked: its neighbours may be a PIN
    and a name.
    """
    if any(mark in line for mark in _DELIMITERS) and not _NAMES_SOMETHING.search(line) and _NUMBER.search(line):
        return _CELL.sub(MASK, line)
    return line
