"""Where generated card numbers go: a private CSV, a line a card; they are said once, so none may be lost."""

import csv
import io
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Final

from worker.crm import private
from worker.crm.bulk.state import StateInvalid, whole_lines

_HEAD: Final = b"row,number,card_id,amount_minor,currency\n"


class Numbers:
    """The file, and the rows of which it has the number."""

    def __init__(self, file: BinaryIO, rows: set[int]) -> None:
        self._file = file
        self.rows = rows

    def add(self, row: int, number: str, body: Mapping[str, Any], answer: Mapping[str, Any]) -> None:
        """Keep a number; before the row counts as done."""
        card = (answer.get("gift_cards") or [{}])[0]
        line = io.StringIO()
        csv.writer(line, lineterminator="\n").writerow(
            [row, number, card.get("card_id", ""), body["amount_minor"], body["currency"]]
        )
        self._file.write(line.getvalue().encode())
        self._file.flush()
        self.rows.add(row)


@contextmanager
def opened(path: Path, *, fresh: bool) -> Iterator[Numbers]:
    """The file, 0600; `fresh`: nothing was done yet, so what is in it is not of this import. Raises StateInvalid."""
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, private.MODE)
    except OSError as error:
        raise StateInvalid(f"{path}: {error.strerror}") from None
    with os.fdopen(handle, "r+b") as file:
        try:
            private.make_private(path)
        except private.NotPrivate as error:
            raise StateInvalid(f"{error}; card numbers are not written to it") from None
        lines = whole_lines(file)
        if lines and (fresh or lines[0] + b"\n" != _HEAD):
            raise StateInvalid(f"{path} is there already: name another file with --out")
        if not lines:
            file.write(_HEAD)
            file.flush()
        try:
            yield Numbers(file, {int(line.partition(b",")[0]) for line in lines[1:]})
        finally:
            file.flush()
            os.fsync(file.fileno())
