"""Tenders (contract §2.1, §5)."""

from typing import Final

from schemas import documents, requests, views
from schemas.catalogue.entry import NO_CUSTOMER, Entry, document, reading
from schemas.catalogue.example import AT, CAPTURED, CARD, SPLIT, card
from schemas.content import ContentV1
from schemas.reasons import Reason
from schemas.scopes import Scope

ENTRIES: Final[tuple[Entry, ...]] = (
    document(
        "scm.tender.requested",
        4,
        documents.TenderRequested,
        scope=Scope.TENDER,
        summary="Hold money on a gift card, or points. With `capture`, take it at once.",
        operation="tender.authorize",
        refusals=(
            Reason.ALREADY_VOIDED,
            Reason.TOO_LATE,
            Reason.CARD_NOT_ACCEPTED,
            *NO_CUSTOMER,
            Reason.CURRENCY_MISMATCH,
            Reason.CARD_EXPIRED,
            Reason.CARD_FROZEN,
            Reason.HOLD_EXPIRED,
            Reason.BELOW_MINIMUM,
            Reason.OVER_MAXIMUM,
            Reason.GIFT_CARD_BUYS_GIFT_CARD,
            Reason.INSUFFICIENT_BALANCE,
        ),
        content={1: ContentV1.request},
        example={  # contract §7 example 4, SPLIT
            "tender_id": "T1",
            "sale_id": "london-1-2026-03-01-0043",
            "store_id": "london-1",
            "terminal_id": "till-3",
            "occurred_at": AT,
            "currency": "GBP",
            "amount_minor": 4000,
            "kind": "gift_card",
            "gift_card": CARD,
            "allow_partial": True,
            "hold_s": 900,
        },
        id_field="tender_id",
        answered=SPLIT,
    ),
    document(
        "scm.tender.captured",
        5,
        documents.TenderCaptured,
        scope=Scope.TENDER,
        summary="Capture a hold, or a part of it. A capture that comes before its request waits: `parked`.",
        operation="tender.capture",
        refusals=(Reason.ALREADY_VOIDED, Reason.INVALID_STATE, Reason.HOLD_EXPIRED),
        content={1: ("tender_id", "amount_minor", "training")},
        example={"tender_id": "T1", "occurred_at": AT, "amount_minor": 2500},
        id_field="tender_id",
        answered={
            "status": "applied",
            "tender_id": "T1",
            "gift_cards": [card("gc-1", -2500, 0, 3)],
            "tender": CAPTURED,
            "policy_version": 0,
        },
    ),
    document(
        "scm.tender.voided",
        6,
        documents.TenderVoided,
        scope=Scope.TENDER,
        summary="Release a hold, or give a captured amount back.",
        operation="tender.void",
        content={1: ("tender_id",)},
        example={"tender_id": "T9", "occurred_at": AT, "reason": "timeout"},
        id_field="tender_id",
        answered={
            "status": "applied",
            "tender_id": "T9",
            "tender": {
                "tender_id": "T9",
                "state": "voided",
                "requested_minor": 0,
                "approved_minor": 0,
                "captured_minor": 0,
                "refunded_minor": 0,
            },
        },
    ),
    reading(
        "tender.get",
        requests.TenderGet,
        views.TenderView,
        scope=Scope.TENDER,
        summary="Return a tender's present state, and the amounts that it captured and gave back.",
        refusals=(Reason.TENDER_NOT_FOUND,),
        asked={"tender_id": "T1"},
        answered={
            **CAPTURED,
            "kind": "gift_card",
            "currency": "GBP",
            "sale_id": "london-1-2026-03-01-0043",
            "card_id": "gc-1",
        },
    ),
)
