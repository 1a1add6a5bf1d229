"""Write generated card numbers to a private CSV, one line for each card, so that none is lost."""

import csv
import io
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from worker.terminal import private_files
from worker.terminal.bulk.state import StateInvalid, append, whole_lines

_HEAD: Final = b"row,number,card_id,amount_minor,currency\n"


class Numbers:
    """The file, and the numbers in it by their row."""

    def __init__(self, path: Path, file: io.FileIO, kept: dict[int, str]) -> None:
        self._path = path
        self._file = file
        self.kept = kept

    def add(self, row: int, body: Mapping[str, Any], answer: Mapping[str, Any]) -> None:
        """Write the number in the answer, before the row counts as done. Raises StateInvalid and OSError."""
        number = answer.get("number")
        if number is None:
            raise StateInvalid(f"row {row}: another API key issued this card, and gets its number alone")
        if self.kept.get(row) == number:
            return
        if row in self.kept:
            raise StateInvalid(f"{self._path} holds another import's numbers: name another file with --out")
        card = (answer.get("gift_cards") or [{}])[0]
        line = io.StringIO()
        csv.writer(line, lineterminator="\n").writerow(
            [row, number, card.get("card_id", ""), body["amount_minor"], body["currency"]]
        )
        append(self._file, line.getvalue().encode())
        self.kept[row] = number


@contextmanager
def opened(path: Path, done: set[int]) -> Iterator[Numbers]:
    """Return the file, with mode 0600; `done` has the rows that are done by the state. Raises StateInvalid."""
    try:
        file = private_files.appended(path)
    except OSError as error:
        raise StateInvalid(f"{path}: {error.strerror}") from None
    with file:
        try:
            private_files.make_private(path)
        except private_files.NotPrivate as error:
            raise StateInvalid(f"{error}; card numbers are not written to it") from None
        kept = _read(path, file)
        if len(kept.keys() - done) > 1:  # the last number may be written although its row does not count as done yet
            raise StateInvalid(f"{path} holds another import's numbers: name another file with --out")
        try:
            yield Numbers(path, file, kept)
        finally:
            os.fsync(file.fileno())


def _read(path: Path, file: io.FileIO) -> dict[int, str]:
    lines = whole_lines(file)
    if not lines:
        append(file, _HEAD)
        return {}
    try:
        kept = {int(row): number for row, number, *_ in csv.reader(line.decode() for line in lines[1:])}
    except ValueError:
        kept = {}
    if lines[0] + b"\n" != _HEAD or len(kept) < len(lines) - 1:
        raise StateInvalid(f"{path} is there already, and holds no numbers: name another file with --out")
    return kept
