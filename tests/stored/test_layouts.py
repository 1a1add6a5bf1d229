"""Layouts grow by members at the end, or by a version that lifts the one before. No other module knows positions."""

import ast
from pathlib import Path
from typing import NamedTuple, Self

from worker.stored.packing import Versions, pack

WORKER = Path(__file__).parents[2] / "worker"
OWN_BYTES = {  # they unpack what they packed themselves, and nothing of it is stored
    "views/cursors.py",
    "ledger/overlay/rows.py",
    "ledger/overlay/since.py",
    "ops/replay/tally.py",
}


class First(NamedTuple):
    name: str
    amount: int


class Grown(NamedTuple):
    name: str
    amount: int
    colour: str = ""
    size: int = 0


class Second(NamedTuple):
    amount_minor: int
    name: str

    @classmethod
    def lift(cls, older: First) -> Self:
        return cls(older.amount * 100, older.name)


class Third(NamedTuple):
    amount_minor: int
    name: str
    currency: str

    @classmethod
    def lift(cls, older: Second) -> Self:
        return cls(older.amount_minor, older.name, "GBP")


def test_a_new_member_changes_no_row_that_lacks_it() -> None:
    before, after = Versions[First](First), Versions[Grown](Grown)
    assert after.dump(Grown("a", 1)) == before.dump(First("a", 1)) == pack(["a", 1])
    assert after.load(before.dump(First("a", 1))) == Grown("a", 1)
    for grown in (Grown("a", 1, "red"), Grown("a", 1, "", 5), Grown("a", 1, "red", 5)):
        assert after.load(after.dump(grown)) == grown


def test_old_versions_are_lifted_to_the_newest() -> None:
    first, second = Versions[First](First).dump(First("a", 1)), Versions[Second](First, Second).dump(Second(100, "a"))
    newest = Versions[Third](First, Second, Third)
    assert [newest.load(one) for one in (first, second)] == [Third(100, "a", "GBP")] * 2
    assert newest.load(newest.dump(Third(5, "b", "EUR"))) == Third(5, "b", "EUR")
    assert newest.dump(Third(5, "b", "EUR"))[0] == 3


def test_only_stored_unpacks() -> None:
    """A module without unpacked values can't take one apart by position."""
    unpackers = set()
    for path in WORKER.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            named = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
            if named in {"unpack", "unpackb"}:
                unpackers.add(path.relative_to(WORKER).as_posix())
    assert {path for path in unpackers if not path.startswith("stored/")} == OWN_BYTES
