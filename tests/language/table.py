"""Tables: a row for each case. tests/language/__init__.py has the grammar."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.language.words import boxes, steps

FOLDER = Path(__file__).parents[1] / "domain" / "tables"
HEADING = ["given", "when", "then"]


@dataclass(frozen=True)
class Row:
    """One case. `rule` is the rule that it shows; in `given`, every `let` is resolved."""

    heading: str
    rule: str
    line: int
    state: str
    given: tuple[str, ...]
    when: tuple[str, ...]
    then: tuple[str, ...]

    def __str__(self) -> str:
        named = f"{self.heading}: {self.rule}" if self.rule else self.heading
        return f"{named} (line {self.line}) {self.state} | {'; '.join(self.when)}"


def rows(path: Path) -> Iterator[Row]:
    """Return the rows of a file; of a Markdown page, those in its `decisions` boxes."""
    text = path.read_text()
    named: dict[str, tuple[str, ...]] = {}
    heading, rule, before = path.stem, "", ""
    for number, raw in enumerate((boxes(text, "decisions") if path.suffix == ".md" else text).splitlines(), 1):
        line = raw.strip()
        if line.startswith("## "):
            heading, rule = line.removeprefix("## "), ""
        elif line.startswith("#"):
            comment = line.strip("#- ")
            rule = f"{rule} {comment}" if before.startswith("#") and rule else comment
        elif not line:
            rule = ""
        elif line.startswith("let "):
            name, _, meaning = line.removeprefix("let ").partition("=")
            named[name.strip()] = _resolved(meaning, named)
        elif [cell.strip() for cell in line.split("|")] != HEADING:
            given, when, then = line.split("|")
            yield Row(heading, rule, number, given.strip(), _resolved(given, named), steps(when), steps(then))
        before = line


def table(name: str) -> list[Row]:
    """Return the rows of one of the domain's tables."""
    return list(rows(FOLDER / f"{name}.txt"))


def _resolved(text: str, named: dict[str, tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(document for step in steps(text) for document in named.get(step, (step,)))
