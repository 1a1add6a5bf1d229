"""Replace characters that a terminal or a pipe can't show because it is not UTF-8."""

import codecs
import sys
from io import TextIOWrapper
from typing import Final

_HANDLER: Final = "g3n_terminal"
_PLAIN: Final = str.maketrans(
    {"…": "...", "–": "-", "—": "-", "≥": ">=", "≤": "<=", "→": "->", "’": "'", "“": '"', "”": '"', "·": "*"}
)


def write_what_it_can() -> None:
    """Never fail to write: where the encoding lacks a character, show `>=` for `≥` and an escape for a letter."""
    codecs.register_error(_HANDLER, _instead)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors=_HANDLER)


def _instead(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    signs = error.object[error.start : error.end].translate(_PLAIN)
    return signs.encode("ascii", "backslashreplace").decode(), error.end
