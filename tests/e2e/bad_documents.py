"""Mistakes inside documents other than sales, and what is masked in dead letters (contract §2, §3)."""

from __future__ import annotations

from tests.e2e.bad_record import SECRET_CARD, Bad, Data, changed, encoded, in_data, other_document, soon


def mistakes() -> list[Bad]:
    """Mistakes of other types than sales."""
    request: Data = {"currency": "GBP", "amount_minor": 1, "kind": "gift_card"}
    policy: Data = {"effective_from": "2020-01-01T00:00:00Z"}
    return [
        changed(
            "request of nought",
            "invalid",
            other_document("scm.tender.requested", "tender_id", **{**request, "amount_minor": 0}),
        ),
        changed(
            "points of nobody",
            "invalid",
            other_document("scm.tender.requested", "tender_id", **{**request, "kind": "points"}),
        ),
        changed("request of no card", "invalid", other_document("scm.tender.requested", "tender_id", **request)),
        changed(
            "hold of nought",
            "invalid",
            other_document("scm.tender.requested", "tender_id", **request, gift_card={"card_id": "x"}, hold_s=0),
        ),
        changed(
            "hold of weeks",
            "invalid",
            other_document("scm.tender.requested", "tender_id", **request, gift_card={"card_id": "x"}, hold_s=604_801),
        ),
        changed(
            "void for no reason known", "invalid", other_document("scm.tender.voided", "tender_id", reason="boredom")
        ),
        changed("capture of nought", "invalid", other_document("scm.tender.captured", "tender_id", amount_minor=0)),
        changed(
            "return of a sale without its lines",
            "invalid",
            other_document(
                "scm.return.completed",
                "return_id",
                sale_id="S9",
                currency="GBP",
                lines=[{"line_id": 1, "net_minor": 1}],
            ),
        ),
        changed(
            "adjust by nobody",
            "invalid",
            other_document("crm.loyalty.adjust", "command_id", customer_id="C", points=1, reason="x"),
        ),
        changed(
            "adjust by nought",
            "invalid",
            other_document("crm.loyalty.adjust", "command_id", customer_id="C", points=0, reason="x", actor="y"),
        ),
        changed("earn of nothing", "invalid", other_document("crm.loyalty.earn", "command_id", customer_id="C")),
        changed(
            "consent for no purpose known",
            "invalid",
            other_document("crm.consent.set", "command_id", customer_id="C", purpose="fun", granted=True),
        ),
        changed(
            "policy with a negative factor",
            "invalid",
            other_document("crm.policy.put", "command_id", policy={"earn": {"points_per_unit": "-1"}}, **policy),
        ),
        changed(
            "policy with a float",
            "invalid",
            other_document("crm.policy.put", "command_id", policy={"earn": {"points_per_unit": 1.5}}, **policy),
        ),
        changed(
            "policy with a share above one",
            "invalid",
            other_document("crm.policy.put", "command_id", policy={"redeem": {"max_share_of_sale": "1.1"}}, **policy),
        ),
    ]


def masked() -> list[Bad]:
    """Card numbers, PINs, names, e-mails and phones are masked in dead letters."""
    card = {"number": SECRET_CARD, "pin": "86420"}
    person = {"name": "Ada Lovelace", "email": "ada@example.org", "phone": "+441632960000"}
    tender = {"currency": "GBP", "amount_minor": 0, "kind": "gift_card", "gift_card": card}
    sold = {"line_id": 1, "sku": "a", "net_minor": -1, "item_type": "gift_card", "gift_card": card}
    issue = {"gift_card": {"number": SECRET_CARD}, "pin": "86420", "amount_minor": -1, "currency": "GBP"}
    refund = {"refund_id": "1", "kind": "gift_card", "amount_minor": 0, "gift_card": card}
    moved = {"from_card": card, "to_card": card, "amount_minor": 0}
    return [
        changed(
            "masked: request", "invalid", other_document("scm.tender.requested", "tender_id", **tender), masked=True
        ),
        changed("masked: sale", "invalid", in_data(lines=[sold]), masked=True),
        changed(
            "masked: return",
            "invalid",
            other_document("scm.return.completed", "return_id", refunds=[refund]),
            masked=True,
        ),
        changed(
            "masked: issue",
            "invalid",
            other_document("crm.giftcard.issue", "command_id", **issue),
            masked=True,
        ),
        changed(
            "masked: transfer", "invalid", other_document("crm.giftcard.transfer", "command_id", **moved), masked=True
        ),
        changed(
            "masked: customer",
            "invalid",
            other_document("crm.customer.create", "command_id", customer_id=5, **person),
            masked=True,
        ),
        changed(
            "masked: unknown type",
            "unknown_type",
            other_document("crm.nothing", "command_id", **person, gift_card=card),
            masked=True,
        ),
        changed(
            "masked: clock",
            "clock_ahead",
            lambda e: (
                other_document("crm.customer.create", "command_id", **person)(e)
                or e["data"].update(occurred_at=soon(30))
            ),
            masked=True,
        ),
        Bad(
            "masked: broken JSON",
            frozenset({"not_json"}),
            encoded({"data": {"gift_card": card, **person}})[:-1],
            masked=True,
        ),
    ]
