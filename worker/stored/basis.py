"""The basis of the points of a sale, or of a return without a receipt: part of `event.record`."""

from typing import Any, NamedTuple

from worker.domain.state.basis import Basis, Exclusion, LineBasis


class BasisV1(NamedTuple):
    """`lines` has (line_id, exclusion, share_minor, category) of each line, in a row."""

    campaign: int | None
    missed: int | None
    tier: int | None
    earned_12m: int
    repaid: int
    lines: list[Any]


def stored_basis(basis: Basis) -> BasisV1:
    lines = [value for line_id, line in basis.lines.items() for value in (line_id, *line)]
    return BasisV1(basis.campaign, basis.missed, basis.tier, basis.earned_12m, basis.repaid, lines)


def basis_of(members: list[Any]) -> Basis:
    stored = BasisV1(*members)
    flat = stored.lines
    groups = zip(flat[::4], flat[1::4], flat[2::4], flat[3::4], strict=True)
    lines = {line_id: LineBasis(Exclusion(why), share, category) for line_id, why, share, category in groups}
    return Basis(stored.campaign, stored.missed, stored.tier, stored.earned_12m, stored.repaid, lines)
