"""The explanation of a document, for JSON and for text. Times are RFC 3339 in UTC; fractions are exact, in strings."""

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

ShownAccountType = Literal["points", "gift_card", "pool", "contra"]
LotChange = Literal["credited", "taken", "repaid", "owed", "gone", "lapsed", "held"]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Identity(_Part):
    """A document of the same tenant."""

    type: str
    subject: str


class Related(Identity):
    """Another document about the same sale or tender, and its result."""

    status: str
    at: str


class Source(_Part):
    """Where and when the document was read; no topic: it came through an interface."""

    received_at: str
    record_at: Annotated[str, Field(description="the record's timestamp")]
    topic: str | None = None
    partition: int | None = None
    offset: int | None = None


class Published(_Part):
    """An outcome or a notice, as it was published."""

    id: str
    type: str
    subject: str
    topic: str
    time: str
    data: dict[str, Any]


class PolicyInForce(_Part):
    """The policy version of the decision; without `since` it is the default, which is always in force."""

    version: int
    since: str | None = None


class Account(_Part):
    """The owner of an account: a customer, a card or a pool; or the name of a contra account."""

    kind: ShownAccountType
    id: str
    last4: str | None = None


class Lot(_Part):
    """A part of an amount and the lot that it is about. `repaid` filled a deficit, `owed` became one, `gone` had
    expired before, `lapsed` expired as soon as it was back. Without a date: available at once, never expires.
    """

    account: Account
    change: LotChange
    amount: int
    available_from: date | None = None
    expires_on: date | None = None


class Transfer(_Part):
    """`amount` points or minor units left `from` and went to `to`."""

    source: Annotated[Account, Field(alias="from")]
    target: Annotated[Account, Field(alias="to")]
    amount: int


class CampaignShown(_Part):
    """A campaign of the policy; `needs_consent` where it asks for one."""

    id: str
    factor: str
    needs_consent: str | None = None


class TierShown(_Part):
    """The tier, and the `earned_12m` points that reached it."""

    name: str
    factor: str
    from_points_12m: int
    earned_12m: int


class EarningLine(_Part):
    """`exact` = eligible ÷ unit × points a unit × category, campaign and tier factor; points = `floor` + `left_over`.

    `left_over` is 1 if this line got one of the points that the floors leave.
    """

    line_id: int
    net_minor: int
    tender_share_minor: Annotated[int, Field(description="its share of the tenders that do not earn")]
    excluded: Annotated[str | None, Field(description="why it earns nothing")] = None
    eligible_minor: int
    category: Annotated[str | None, Field(description="that excludes it or multiplies its points")] = None
    category_factor: str
    exact: str
    floor: int
    left_over: int
    points: Annotated[int, Field(description="as booked, before any return")]
    returned_minor: Annotated[int, Field(description="that returns have brought back up to now")]
    kept_points: Annotated[int, Field(description="that are left of it now")]


class Earning(_Part):
    """The rating of the lines. `adds_up`: computed again from the stored data, the points are those that were
    booked.
    """

    currency: str
    points_per_unit: str
    unit_minor: int
    campaign: CampaignShown | None = None
    missed_campaign: Annotated[CampaignShown | None, Field(description="higher; the customer had not consented")] = None
    tier: TierShown | None = None
    exact: Annotated[str, Field(description="the lines' sum, before the one floor")]
    points: int
    adds_up: bool
    lines: list[EarningLine]


class ReturnedLine(_Part):
    """The effect of a return's line on the sold line: the formula of contract §2.2, before and after."""

    line_id: int
    sale_line_id: int | None = None
    asked_minor: int
    returned_minor: Annotated[int, Field(description="that counted: the sold line had no more")]
    sold_minor: int | None = None
    earned: Annotated[int | None, Field(description="points that the sold line had earned")] = None
    before_minor: Annotated[int | None, Field(description="returned of it earlier")] = None
    kept_before: int | None = None
    kept_after: int | None = None


class SaleNow(_Part):
    """The present state of a sale."""

    voided: bool
    forfeited: Annotated[bool, Field(description="its points were, because no customer record came")]
    by_hand: Annotated[int, Field(description="points taken back by crm.loyalty.reverse and not set off yet")]


class TenderShown(_Part):
    """A tender that the document names: as the document left it, and as it is now."""

    tender_id: str
    kind: str
    moved: Annotated[bool, Field(description="whether the document changed it, or is its own")]
    state: str
    captured_minor: int
    refunded_minor: int
    points: int | None = None
    reason: str | None = None
    account: Account | None = None
    point_value_minor: Annotated[str | None, Field(description="of a point, by the policy of the request")] = None
    step_points: int | None = None
    state_now: str
    captured_now_minor: int
    refunded_now_minor: int
    lots_now: list[Lot] = []


class Entry(_Part):
    """The amount that a command moved on one account, and how much of it has been undone since."""

    account: Account
    amount: int
    undone: int
    lots_now: list[Lot] = []


class Wait(_Part):
    """A wait for a sale or a tender. `ended_by`: the document that ended it; without it and `until`, the deadline
    did.
    """

    waits_for: Literal["sale", "tender"]
    id: str
    ended_by: Related | None = None
    until: Annotated[str | None, Field(description="the deadline, while it waits")] = None


class Explanation(_Part):
    """The decision of a document, its reasons and its effects. The JSON leaves out empty members."""

    orgcode: str
    type: str
    subject: str
    state: Annotated[
        Literal["decided", "parked", "expected", "voided_before"],
        Field(description="expected: a sale that another document waits for; voided_before: its void came first"),
    ]
    source: Source | None = None
    published: list[Published] = []
    policy: PolicyInForce | None = None
    account: Annotated[Account | None, Field(description="that earned")] = None
    earning: Earning | None = None
    no_points: Annotated[str | None, Field(description="why a sale earned none: a reason, or no_customer")] = None
    sale: SaleNow | None = None
    returned: list[ReturnedLine] = []
    set_off: Annotated[int, Field(description="points of it that had been taken back by hand before")] = 0
    lots: list[Lot] = []
    transfers: list[Transfer] = []
    archived: Annotated[str | None, Field(description="the archive that its transfers are in, if it has any")] = None
    tenders: list[TenderShown] = []
    entry: Entry | None = None
    waits: list[Wait] = []
    waiters: Annotated[list[Identity], Field(description="documents that wait for this sale or tender")] = []
    related: list[Related] = []

    def json_text(self) -> str:
        """Return the JSON text without empty members."""
        return self.model_dump_json(by_alias=True, exclude_defaults=True, indent=2)
