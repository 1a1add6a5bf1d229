"""Documents of one customer, one card and one tenant, in GBP."""

from schemas.scalars import format_instant
from tests.codec.records import Data, Record
from tests.ledger.conftest import NOW_US, record

AT = format_instant(NOW_US)


def sale(sale_id: str, net_minor: int = 1000, customer_id: str | None = "C", **more: object) -> Data:
    return {"sale_id": sale_id, "store_id": "s", "occurred_at": AT, "currency": "GBP", "customer_id": customer_id,
            "lines": [{"line_id": 1, "sku": "x", "net_minor": net_minor}], **more}  # fmt: skip


def sold(sale_id: str, **more: object) -> Record:
    return record("scm.sale.completed", sale(sale_id, **more))  # type: ignore[arg-type]


def command(type_: str, command_id: str, /, **data: object) -> Record:
    return record(f"crm.{type_}", {"command_id": command_id, "occurred_at": AT, **data})


def request(tender_id: str, amount_minor: int, *, capture: bool = False) -> Record:
    data = {"tender_id": tender_id, "occurred_at": AT, "currency": "GBP", "amount_minor": amount_minor,
            "capture": capture, "kind": "gift_card", "gift_card": {"number": "6006-0017"}}  # fmt: skip
    return record("scm.tender.requested", data)


def about(type_: str, id_field: str, id_: str) -> Record:
    return record(type_, {id_field: id_, "occurred_at": AT})


CARD: Data = {"gift_card": {"number": "6006-0017"}, "amount_minor": 500, "currency": "GBP"}
