"""All scenarios."""

from collections.abc import Iterator
from pathlib import Path

from tests.language.retold import retold
from tests.language.scenario import Scenario, parse
from tests.language.table import table
from tests.language.words import boxes

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "tests" / "e2e" / "scenarios"
CONTRACT = ROOT / "docs" / "contract.md"


def read_all() -> list[Scenario]:
    """Return the worked examples of the contract's page, the table of tenders, then the folder's files in order."""
    return [one for one in _all() if any(phase.steps for phase in one.phases)]


def _all() -> Iterator[Scenario]:
    yield from parse(boxes(CONTRACT.read_text(), "scenario"), "contract")
    yield from retold(table("tender_states"), "tender-states")
    for path in sorted(FOLDER.glob("*.txt")):
        yield from parse(path.read_text(), path.stem.replace("_", "-"))
