"""A row of an import, or why a file has none."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from schemas.operations import Operation


class FileInvalid(Exception):
    """What is wrong with the file: one line each, with row, column and rule, and never a value."""

    def __init__(self, *problems: str) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Row:
    """A body and its place in the file as a spreadsheet counts it (the header is row 1); in JSONL the line."""

    number: int
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Layout:
    """What the rows of a file are: the bodies of `operation`, each with its own `unique` member, at most `most` rows.

    A row that lacks a member of `defaults` gets it from there.
    """

    operation: Operation
    unique: tuple[str, ...]
    most: int | None = None
    defaults: Mapping[str, str] = field(default_factory=dict)
