"""Documents of random worlds: few ids, so that they meet; amounts small, so that they run out."""

from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

Data = dict[str, Any]
Said = tuple[str, Data]
"""(type, data)"""

DAY = 86_400
AT = "2026-03-01T12:00:00Z"
CARDS = {alias: f"6006-{alias * 8}-{ord(alias):04}" for alias in "GHKLMNOP"}


def card(alias: str) -> Data:
    return {"number": CARDS[alias]}


@dataclass(frozen=True)
class Basket:
    """A sale as it was made up: its lines' nets, and the stored-value tenders that it names with their kinds."""

    sale_id: str
    nets: dict[int, int]
    tenders: dict[str, str]
    said: Said


amounts = st.integers(1, 1500)
small = st.integers(1, 400)


@st.composite
def lines(draw: st.DrawFn, cards: str = "") -> list[Data]:
    found = []
    for line_id in draw(st.lists(st.integers(1, 9), min_size=1, max_size=4, unique=True)):
        line: Data = {"line_id": line_id, "sku": "x", "net_minor": draw(st.integers(0, 2500))}
        match draw(
            st.sampled_from(["goods", "goods", "goods", "toys", "excluded", "fee", *(["card"] if cards else [])])
        ):
            case "toys":
                line["category"] = "toys"
            case "excluded":
                line["loyalty_excluded"] = True
            case "fee":
                line["item_type"] = "fee"
            case "card":
                line |= {"item_type": "gift_card", "gift_card": card(draw(st.sampled_from(cards)))}
        found.append(line)
    return found


@st.composite
def sales(
    draw: st.DrawFn, sale_id: str, customers: list[str | None], tenders: dict[str, str], cards: str = ""
) -> Basket:
    """A sale that names some of `tenders` (tender_id → kind), and perhaps cash."""
    sold = draw(lines(cards))
    named = draw(st.lists(st.sampled_from(sorted(tenders)), unique=True, max_size=2)) if tenders else []
    paid = [{"tender_id": id_, "kind": tenders[id_], "amount_minor": draw(st.integers(0, 700))} for id_ in named]
    if draw(st.booleans()):
        paid.append({"tender_id": f"{sale_id}-cash", "kind": "cash", "amount_minor": draw(amounts)})
    data = {
        "sale_id": sale_id,
        "store_id": "store",
        "occurred_at": AT,
        "currency": "GBP",
        "customer_id": draw(st.sampled_from(customers)),
        "lines": sold,
        "tenders": paid,
    }
    nets = {line["line_id"]: line["net_minor"] for line in sold}
    return Basket(sale_id, nets, {id_: tenders[id_] for id_ in named}, ("scm.sale.completed", data))


@st.composite
def returns(
    draw: st.DrawFn,
    return_id: str,
    basket: Basket | None,
    tenders: dict[str, str],
    customers: list[str | None],
    cards: str,
) -> Said:
    """A return of a sale's lines, or without a receipt; refunds go to `tenders`, to cards and to cash."""
    ids = sorted(basket.nets) if basket is not None else [1, 2]
    returned = [
        {"line_id": place, "sale_line_id": line_id if basket is not None else None, "net_minor": draw(amounts)}
        for place, line_id in enumerate(draw(st.lists(st.sampled_from([*ids, 10]), min_size=1, max_size=3)), 1)
    ]
    refunds: list[Data] = []
    for place in range(draw(st.integers(0, 2))):
        refund: Data = {"refund_id": str(place), "amount_minor": draw(small)}
        where = draw(st.sampled_from([*sorted(tenders), *cards, "cash"]))
        if where in tenders:
            refund |= {"kind": tenders[where], "tender_id": where}
        elif where in CARDS:
            refund |= {"kind": "gift_card", "gift_card": card(where)}
        else:
            refund["kind"] = "cash"
        refunds.append(refund)
    data = {
        "return_id": return_id,
        "sale_id": None if basket is None else basket.sale_id,
        "occurred_at": AT,
        "currency": "GBP",
        "customer_id": draw(st.sampled_from(customers)),
        "lines": returned,
        "refunds": refunds,
    }
    return "scm.return.completed", data


@st.composite
def requests(draw: st.DrawFn, tender_id: str, kind: str, payer: str, sale_ids: list[str | None]) -> Said:
    """A request of card or points; `payer` is a card's alias or a customer."""
    data: Data = {
        "tender_id": tender_id,
        "occurred_at": AT,
        "currency": "GBP",
        "amount_minor": draw(small),
        "kind": kind,
        "sale_id": draw(st.sampled_from(sale_ids)),
        "capture": draw(st.booleans()),
        "allow_partial": draw(st.booleans()),
    }
    data |= {"customer_id": payer} if kind == "points" else {"gift_card": card(payer)}
    return "scm.tender.requested", data


def capture(tender_id: str, amount_minor: int | None) -> Said:
    return "scm.tender.captured", {"tender_id": tender_id, "occurred_at": AT, "amount_minor": amount_minor}


def void(of: str, id_: str) -> Said:
    """Void of a "sale", a "return" or a "tender"."""
    return f"scm.{of}.voided", {f"{of}_id": id_, "occurred_at": AT}


def command(type_: str, command_id: str, **data: object) -> Said:
    return f"crm.{type_}", {"command_id": command_id, "occurred_at": AT, **data}


policies = st.fixed_dictionaries(
    {
        "earn": st.fixed_dictionaries(
            {
                "points_per_unit": st.sampled_from(["1", "0.3", "7"]),
                "multipliers": st.sampled_from([[], [{"category": "toys", "factor": "2.5"}]]),
                "on_points_tender": st.booleans(),
                "on_gift_card_tender": st.booleans(),
                "pending_days": st.sampled_from([0, 0, 3]),
            }
        ),
        "redeem": st.fixed_dictionaries(
            {
                "point_value_minor": st.sampled_from([{"GBP": "0.5"}, {"GBP": "0.3"}, {"GBP": "4"}]),
                "step_points": st.sampled_from([1, 1, 10]),
            }
        ),
    }
)
