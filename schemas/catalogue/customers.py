"""Customers and their consents (contract §2.3, §5)."""

from typing import Final

from schemas import commands, requests, views
from schemas.catalogue.entry import NO_CUSTOMER, Entry, document, reading
from schemas.catalogue.example import (
    BALANCE,
    CARD_NOW,
    CUSTOMER,
    DECIDED_AT,
    EARNED,
    OTHER,
    PROFILE,
    command,
    of_customer,
    points,
)
from schemas.operation import Access
from schemas.reasons import Reason
from schemas.scopes import Scope

ENTRIES: Final[tuple[Entry, ...]] = (
    document(
        "crm.customer.create",
        10,
        commands.CustomerCreate,
        scope=Scope.CUSTOMER_WRITE,
        summary="Create a customer. Points that were waiting for this customer are credited.",
        refusals=(Reason.CUSTOMER_ERASED, Reason.CUSTOMER_BLOCKED, Reason.CUSTOMER_EXISTS),
        content={1: ("command_id", "customer_id", "name", "email", "phone", "external_ids"), 2: ("birth_date",)},
        example=command(
            "create-1001",
            customer_id="C-1001",
            name="Ada Example",
            email="ada@example.com",
            birth_date="--12-10",
            phone="+44 20 7946 0000",
            external_ids={"shop": "77-1"},
        ),
        answered=of_customer(points=points(0, 0, 0)),
    ),
    document(
        "crm.customer.update",
        11,
        commands.CustomerUpdate,
        scope=Scope.CUSTOMER_WRITE,
        summary="Change a customer's profile, block or unblock. Absent members stay as they are.",
        refusals=(Reason.CUSTOMER_NOT_FOUND, Reason.CUSTOMER_ERASED),
        content={
            1: ("command_id", "customer_id", "name", "email", "phone", "external_ids", "status"),
            2: ("birth_date",),
        },
        example=command("update-1", customer_id="C-1001", status="blocked"),
        answered=of_customer(),
    ),
    reading(
        "customer.get",
        requests.CustomerGet,
        views.CustomerView,
        scope=Scope.CUSTOMER_READ,
        summary="Return a customer's profile, consents, points, tier, gift cards and latest activity.",
        refusals=(Reason.CUSTOMER_NOT_FOUND,),
        asked=CUSTOMER,
        answered={
            **CUSTOMER,
            "status": "active",
            "profile": PROFILE,
            "consents": [{"purpose": "marketing", "channel": "email", "granted": True, "since": DECIDED_AT}],
            "points": BALANCE,
            "tier": {"name": "gold", "factor": "1.5", "earned_12m": 5119},
            "lots": [{"points": 119, "held": 0, "expires_on": "2027-02-28"}],
            "pool_id": "family-1",
            "gift_cards": [CARD_NOW],
            "activity": [EARNED],
        },
    ),
    reading(
        "customer.list",
        requests.CustomerList,
        views.CustomerPage,
        scope=Scope.CUSTOMER_READ,
        summary="List customers, or find them by name, e-mail, phone or an external id.",
        asked={"name": "exam ad", "phone": "+442079460000", "limit": 20},
        answered={
            "items": [{**CUSTOMER, "status": "active", "profile": PROFILE, "balance": 119}],
            "next_cursor": "Qy0xMDAx",
        },
    ),
    document(
        "crm.customer.erase",
        12,
        commands.CustomerErase,
        scope=Scope.CUSTOMER_WRITE,
        summary="Erase a customer's personal data for good. The ledger keeps a pseudonym.",
        refusals=(Reason.CUSTOMER_NOT_FOUND, Reason.CUSTOMER_ERASED),
        access=Access.DANGEROUS,
        content={1: ("command_id", "customer_id")},
        example=command("erase-1", customer_id="C-1001", reason="asked for it"),
        answered=of_customer(),
    ),
    document(
        "crm.customer.merge",
        13,
        commands.CustomerMerge,
        scope=Scope.CUSTOMER_WRITE,
        summary="Merge a customer into another one. The old id leads to the other from then on.",
        refusals=(*NO_CUSTOMER, Reason.INVALID_STATE),
        access=Access.DANGEROUS,
        content={1: ("command_id", "from_customer_id", "into_customer_id")},
        example=command("merge-1", from_customer_id="C-1002", into_customer_id="C-1001"),
        answered=of_customer(
            points=points(40, 159, 3), counterparty={"customer_id": "C-1002", "points": points(-40, 0, 5, OTHER)}
        ),
    ),
    document(
        "crm.consent.set",
        14,
        commands.ConsentSet,
        scope=Scope.CUSTOMER_WRITE,
        summary="Record that a customer gave or withdrew a consent.",
        operation="customer.consent.set",
        refusals=(*NO_CUSTOMER,),
        content={1: ("command_id", "customer_id", "purpose", "channel", "granted", "source")},
        example=command(
            "consent-1", customer_id="C-1001", purpose="marketing", channel="email", granted=True, source="till"
        ),
        answered=of_customer(),
    ),
)
