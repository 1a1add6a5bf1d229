"""A row of an import, or the reason why a line is not a row."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from schemas.operations import Operation


class FileInvalid(Exception):
    """The file has errors. Each line of the message has row, column and rule, and never a value."""

    def __init__(self, *problems: str) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


class FileUnreadable(Exception):
    """The file can't be read. The message says why."""


@dataclass(frozen=True, slots=True)
class Row:
    """A body and its position in the file: as a spreadsheet counts it (the header is row 1), or the line in JSONL."""

    number: int
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Layout:
    """What the rows of a file are: bodies of `operation`, each with a `unique` member of its own, at most `most` rows.
    A row gets absent members from `defaults`.
    """

    operation: Operation
    unique: tuple[str, ...]
    most: int | None = None
    defaults: Mapping[str, str] = field(default_factory=dict)
