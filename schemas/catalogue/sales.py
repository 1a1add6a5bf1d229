"""Sales and returns (contract §2.1, §5)."""

from typing import Final

from schemas import documents
from schemas.catalogue.entry import Entry, document
from schemas.catalogue.example import AT, CUSTOMER, of_customer, points
from schemas.content import ContentV1
from schemas.reasons import Reason
from schemas.scopes import Scope

ENTRIES: Final[tuple[Entry, ...]] = (
    document(
        "scm.sale.completed",
        1,
        documents.SaleCompleted,
        scope=Scope.SALE_WRITE,
        summary="Complete a sale: earn points, capture its tenders, load the gift cards that it sells.",
        operation="sale.complete",
        refusals=(Reason.ALREADY_VOIDED,),
        content={1: ContentV1.sale},
        example={  # contract §7 example 3, PART POINTS
            "sale_id": "london-1-2026-03-01-0042",
            "store_id": "london-1",
            "terminal_id": "till-3",
            "occurred_at": AT,
            "business_date": "2026-03-01",
            "currency": "GBP",
            "customer_id": "C-1001",
            "lines": [
                {"line_id": 1, "sku": "85123A", "category": "home", "quantity": "6", "net_minor": 1500},
                {"line_id": 2, "sku": "22752", "category": "toys", "quantity": "1", "net_minor": 500},
            ],
            "tenders": [
                {"tender_id": "london-1-2026-03-01-0042-P", "kind": "points", "amount_minor": 401},
                {"tender_id": "london-1-2026-03-01-0042-C", "kind": "cash", "amount_minor": 1599},
            ],
        },
        id_field="sale_id",
        answered=of_customer(
            sale_id="london-1-2026-03-01-0042",
            points=points(19, 119, 2),
            lines=[{"line_id": 1, "points": 19}],
            policy_version=0,
        ),
    ),
    document(
        "scm.sale.voided",
        2,
        documents.SaleVoided,
        scope=Scope.SALE_WRITE,
        summary="Undo a whole sale, including its returns.",
        operation="sale.void",
        content={1: ("sale_id",)},
        example={"sale_id": "london-1-2026-03-01-0042", "occurred_at": AT, "reason": "scanned twice"},
        id_field="sale_id",
        answered=of_customer(
            sale_id="london-1-2026-03-01-0042",
            points=points(-19, 100, 3),
            lines=[{"line_id": 1, "points": -19}],
            policy_version=0,
        ),
    ),
    document(
        "scm.return.completed",
        3,
        documents.ReturnCompleted,
        scope=Scope.SALE_WRITE,
        summary="Take goods back. A return that comes before its sale waits: `parked`.",
        operation="return.complete",
        refusals=(
            Reason.ALREADY_VOIDED,
            Reason.SALE_LINE_NOT_FOUND,
            Reason.CURRENCY_MISMATCH,
            Reason.OVER_RETURNED,
            Reason.AMOUNT_OVER_CAPTURED,
        ),
        content={1: ContentV1.returned},
        example={  # contract §7 example 3
            "return_id": "london-1-2026-03-08-0007",
            "sale_id": "london-1-2026-03-01-0042",
            "store_id": "london-1",
            "occurred_at": "2026-03-08T16:02:11+00:00",
            "currency": "GBP",
            "customer_id": "C-1001",
            "lines": [{"line_id": 1, "sale_line_id": 1, "sku": "85123A", "quantity": "6", "net_minor": 1500}],
            "refunds": [
                {"refund_id": "1", "kind": "points", "amount_minor": 301, "tender_id": "london-1-2026-03-01-0042-P"},
                {"refund_id": "2", "kind": "cash", "amount_minor": 1199},
            ],
        },
        id_field="return_id",
        answered={
            "status": "parked",
            "reason": "sale_not_found",
            "category": "not-found",
            **CUSTOMER,
            "sale_id": "london-1-2026-03-01-0042",
            "return_id": "london-1-2026-03-08-0007",
        },
    ),
    document(
        "scm.return.voided",
        7,
        documents.ReturnVoided,
        scope=Scope.SALE_WRITE,
        summary="Undo a return that was keyed by mistake: its lines, refunds and loads.",
        operation="return.void",
        refusals=(Reason.INVALID_STATE,),
        content={2: ("return_id",)},
        example={"return_id": "london-1-2026-03-08-0007", "occurred_at": AT, "reason": "keyed twice"},
        id_field="return_id",
        answered=of_customer(
            sale_id="london-1-2026-03-01-0042",
            return_id="london-1-2026-03-08-0007",
            points=points(11, 111, 4),
            lines=[{"line_id": 1, "points": 11}],
            policy_version=0,
        ),
    ),
)
