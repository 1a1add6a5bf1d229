"""Rows of a table as scenarios, so that Kafka, Postgres and the model decide the same cases.

Notices are left out: a scenario that names one must name all of its type, also those of given documents.
"""

from collections.abc import Iterator

from tests.language.scenario import Phase, Scenario, Step
from tests.language.table import Row
from tests.language.words import words

KINDS = {"T": "capture", "R": "return"}  # documents that can be parked, by the first letter of their ids


def retold(rows: list[Row], prefix: str) -> Iterator[Scenario]:
    """Return the rows in which no time passes and no documents must share a batch. Tenants are `prefix-<line>`."""
    for row in rows:
        sent = (*row.given, *row.when)
        if not any(step.startswith("wait ") or " + " in step for step in sent) and len(row.when) == 1:
            name = f"{row.rule or row.heading} (line {row.line})"
            yield Scenario(name, f"{prefix}-{row.line}", [Phase(list(_steps(row)))])


def _steps(row: Row) -> Iterator[Step]:
    for text in row.given:
        yield Step(row.line, text, words(text), "any ...")
    (text,) = row.when
    again = text in row.given  # a duplicate gets its stored outcome, which the row repeats
    yield Step(row.line, text, words(text), "again" if again else row.then[0])
    for other in row.then[1:]:
        what, _, expected = other.partition(": ")
        kind, subject, *_ = what.split()
        if kind == "final":
            yield Step(row.line, other, (kind, KINDS[subject[0]], subject), expected)
