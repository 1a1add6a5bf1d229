"""Points, pools and the policy (contract §2.3, §5)."""

from typing import Final

from schemas import commands, requests, views
from schemas.catalogue.entry import NO_CUSTOMER, Entry, command, document, reading
from schemas.operation import Access
from schemas.reasons import Reason
from schemas.scopes import Scope

_OF_POINTS: Final = (Reason.CUSTOMER_ERASED, Reason.COMMAND_NOT_FOUND, Reason.INVALID_STATE)

ENTRIES: Final[tuple[Entry, ...]] = (
    document(
        "crm.loyalty.earn",
        16,
        commands.LoyaltyEarn,
        scope=Scope.LOYALTY_WRITE,
        summary="Credit points, or the points that the policy gives for an amount.",
        refusals=(*NO_CUSTOMER, Reason.CURRENCY_NOT_IN_POLICY),
        content={1: ("command_id", "customer_id", "points", "amount_minor", "currency")},
        example=command("earn-1", customer_id="C-1001", points=100, reason="survey"),
    ),
    document(
        "crm.loyalty.redeem",
        17,
        commands.LoyaltyRedeem,
        scope=Scope.LOYALTY_WRITE,
        summary="Spend points outside a sale.",
        refusals=(*NO_CUSTOMER, Reason.BELOW_MINIMUM, Reason.INSUFFICIENT_BALANCE),
        content={1: ("command_id", "customer_id", "points")},
        example=command("redeem-1", customer_id="C-1001", points=90),
    ),
    document(
        "crm.loyalty.adjust",
        18,
        commands.LoyaltyAdjust,
        scope=Scope.LOYALTY_ADJUST,
        summary="Correct a points balance by hand, with a person and a reason.",
        refusals=(Reason.CUSTOMER_NOT_FOUND, Reason.CUSTOMER_ERASED, Reason.INSUFFICIENT_BALANCE),
        access=Access.DANGEROUS,
        content={1: ("command_id", "customer_id", "points")},
        example=command("adjust-1", customer_id="C-1001", points=-20, reason="booked twice"),
    ),
    document(
        "crm.loyalty.transfer",
        31,
        commands.LoyaltyTransfer,
        scope=Scope.LOYALTY_WRITE,
        summary="Move points to another customer. To undo it, transfer back.",
        refusals=(*NO_CUSTOMER, Reason.INVALID_STATE, Reason.INSUFFICIENT_BALANCE),
        content={2: ("command_id", "from_customer_id", "to_customer_id", "points")},
        example=command("move-1", from_customer_id="C-1001", to_customer_id="C-2002", points=50, reason="a present"),
    ),
    document(
        "crm.loyalty.claim",
        34,
        commands.LoyaltyClaim,
        scope=Scope.LOYALTY_WRITE,
        summary="Give a sale that has no customer to this one: its points, less what was returned since.",
        refusals=(Reason.ALREADY_VOIDED, *NO_CUSTOMER, Reason.SALE_NOT_FOUND, Reason.INVALID_STATE),
        content={2: ("command_id", "sale_id", "customer_id")},
        example=command("claim-1", sale_id="london-1-2026-03-01-0044", customer_id="C-1001", reason="forgot the app"),
    ),
    document(
        "crm.loyalty.restore",
        19,
        commands.LoyaltyRestore,
        scope=Scope.LOYALTY_WRITE,
        summary="Give back redeemed points, into the lots that they came from.",
        refusals=(*_OF_POINTS, Reason.TENDER_NOT_FOUND, Reason.BELOW_MINIMUM, Reason.AMOUNT_OVER_CAPTURED),
        content={1: ("command_id", "of", "points")},
        example=command("restore-1", of={"type": "crm.loyalty.redeem", "id": "redeem-1"}, points=50),
    ),
    document(
        "crm.loyalty.reverse",
        20,
        commands.LoyaltyReverse,
        scope=Scope.LOYALTY_WRITE,
        summary="Take back earned points, from the earning's own lot first.",
        refusals=(*_OF_POINTS, Reason.SALE_NOT_FOUND, Reason.OVER_RETURNED),
        content={1: ("command_id", "of", "points")},
        example=command("reverse-1", of={"type": "crm.loyalty.earn", "id": "earn-1"}),
    ),
    document(
        "crm.pool.join",
        29,
        commands.PoolJoin,
        scope=Scope.LOYALTY_WRITE,
        summary="Let a customer share the points of a pool. All of their points go in.",
        refusals=(*NO_CUSTOMER, Reason.INVALID_STATE),
        content={1: ("command_id", "customer_id", "pool_id")},
        example=command("join-1", customer_id="C-1001", pool_id="family-1"),
    ),
    document(
        "crm.pool.leave",
        30,
        commands.PoolLeave,
        scope=Scope.LOYALTY_WRITE,
        summary="Let a customer leave a pool, with `points` of it. The last member takes everything.",
        refusals=(*NO_CUSTOMER, Reason.INVALID_STATE, Reason.INSUFFICIENT_BALANCE),
        content={1: ("command_id", "customer_id", "pool_id"), 2: ("points",)},
        example=command("leave-1", customer_id="C-1001", pool_id="family-1"),
    ),
    reading(
        "pool.get",
        requests.PoolGet,
        views.PoolView,
        scope=Scope.LOYALTY_READ,
        summary="Return a pool's members and points.",
        refusals=(Reason.CUSTOMER_NOT_FOUND,),
    ),
    reading(
        "loyalty.history",
        requests.LoyaltyHistory,
        views.HistoryPage,
        scope=Scope.LOYALTY_READ,
        summary="List the changes of a points account, with document and balance.",
        refusals=(Reason.CUSTOMER_NOT_FOUND,),
    ),
    reading(
        "loyalty.policy.get",
        requests.PolicyGet,
        views.PolicyView,
        scope=Scope.LOYALTY_READ,
        summary="Return the policy in force, or another version of it.",
    ),
    document(
        "crm.policy.put",
        15,
        commands.PolicyPut,
        scope=Scope.POLICY_WRITE,
        summary="Put a new version of the policy into force, from a given time on.",
        operation="loyalty.policy.put",
        refusals=(Reason.POLICY_NOT_LATER, Reason.OVER_MAXIMUM),
        access=Access.DANGEROUS,
        content={1: ("command_id", "policy", "effective_from")},
        example=command(
            "policy-1",
            effective_from="2026-04-01T00:00:00+01:00",
            policy={"earn": {"multipliers": [{"category": "toys", "factor": "2"}]}},
        ),
    ),
)
