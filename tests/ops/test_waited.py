"""A document that waited gets a place between its tenant's other records of the partition."""

from typing import Any

from worker.ops.rebuild.waited import _assigned


def row(orgcode: str, offset: int, no: int | None = None) -> dict[str, Any]:
    return {"orgcode": orgcode, "topic": "scm.tenders", "partition": 0, "record_offset": offset, "no": no}


def test_it_is_between_its_neighbours() -> None:
    known = [row("a", 10, 1), row("a", 20, 3)]
    assert _assigned([0, 2, 4], known, [waited := row("a", 15)]) == [(2, waited)]


def test_it_may_have_overtaken_another_tenants_flood() -> None:
    """Within one batch, records of a later offset came first."""
    known = [row("till", 5000, 0), row("flood", 100, 2), row("flood", 101, 3)]
    assert _assigned([1], known, [waited := row("till", 5001)]) == [(1, waited)]
