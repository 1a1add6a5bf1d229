"""How the points of a sale were computed: its basis. A return needs it for its exact share; `explain` shows it."""

from dataclasses import dataclass, field
from enum import IntEnum
from typing import NamedTuple


class Exclusion(IntEnum):
    """Why a line of a sale earns nothing. The numbers are stored."""

    NONE = 0
    GIFT_CARD = 1
    FEE = 2
    LINE = 3  # `loyalty_excluded`
    CATEGORY = 4  # by the policy


class LineBasis(NamedTuple):
    """The basis of a line's points, besides its net amount and the rate."""

    exclusion: Exclusion
    share_minor: int  # its share of the tenders that do not earn
    category: str | None  # the category that excludes it or multiplies its points


@dataclass(slots=True)
class Basis:
    """The basis of a sale's points, besides its policy and its lines' net amounts. A plain sale has none.

    Campaigns and tiers are places in the lists of the policy's version, which never changes.
    """

    campaign: int | None = None
    missed: int | None = None  # a higher campaign that ran, but lacked the consent
    tier: int | None = None
    earned_12m: int = 0  # the points that reached the tier
    repaid: int = 0  # points of the sale that filled a deficit
    lines: dict[int, LineBasis] = field(default_factory=dict)
