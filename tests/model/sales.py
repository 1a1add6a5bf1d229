"""Sales and their voids (contract §2.2)."""

from __future__ import annotations

from datetime import date, timedelta

from tests.model import tenders
from tests.model.accounts import Card
from tests.model.rules import Data, first, kept, rate
from tests.model.world import Doc, Sale, Tender, World

STORED_VALUE = ("gift_card", "points")


def completed(world: World, doc: Doc) -> None:
    data = doc.data
    named = [t for t in data.get("tenders", []) if t["kind"] in STORED_VALUE]
    if doc.subject in world.voided_sales:
        blocks = [_void_named(world, doc, world.tender(t["tender_id"])) for t in named]
        world.emit(doc, "rejected", ["already_voided"], tenders=blocks)
        for block in blocks:
            if block["state"] == "voided":
                tenders.answer_waiting(world, world.tender(block["tender_id"]))
        return
    policy, version = world.policy(doc.at)
    points, why_not = earned(world, doc, policy)
    customer_id = data.get("customer_id")
    sale = Sale(
        doc,
        world.account_key(customer_id) if customer_id else None,
        points,
        policy,
        world.lot(doc.on, policy),
        {line["line_id"]: line for line in data["lines"]},
    )
    world.sales[doc.subject] = sale
    if sale.account and customer_id:
        world.account(sale.account).credit(sum(points.values()), sale.lot)
        world.count(doc, sum(points.values()))
    blocks = [_name(world, doc, world.tender(t["tender_id"]), t) for t in named]
    blocks += _orphans(world, doc)
    card_reasons = _load_sold_cards(world, sale, policy)
    owed, paid = (
        sum(line["net_minor"] for line in data["lines"]),
        sum(t["amount_minor"] for t in data.get("tenders", [])),
    )
    coin = policy["cash_rounding_minor"].get(data["currency"], 0)
    rounded = abs(owed - paid) < coin and any(t["kind"] == "cash" for t in data.get("tenders", []))
    flags: list[str | None] = ["tenders_mismatch" if data.get("tenders") and owed != paid and not rounded else None]
    world.emit(
        doc,
        "applied",
        flags,
        points={"reason": why_not} if why_not else None,
        account=sale.account,
        tenders=blocks,
        card_reasons=card_reasons,
        lines=[{"line_id": key, "points": earned} for key, earned in points.items() if earned],
        policy_version=version,
    )


def earned(world: World, doc: Doc, policy: Data) -> tuple[dict[int, int], str | None]:
    """Points a line for the sale's customer, and why there are none."""
    data = doc.data
    customer_id = data.get("customer_id")
    if not customer_id:
        return {}, None
    status = world.status(customer_id, doc.at)
    if status in ("customer_erased", "customer_blocked"):
        return {}, status
    bonus = world.bonus(customer_id, doc.at, policy)
    points = rate(data["lines"], data.get("tenders", []), data["currency"], policy, bonus)
    return (points, status) if points is not None else ({}, first([status, "currency_not_in_policy"]))


def _name(world: World, doc: Doc, tender: Tender, named: Data) -> Data:
    """The sale captures an amount of a tender; the block that it shows of it."""
    if not _owns(tender, doc.subject):
        return tender.block("already_voided" if tender.state == "voided" else "invalid_state")
    before = moved(tender)
    reason = tenders.capture(world, tender, named["amount_minor"], doc.on)
    tell(world, doc, tender, before)
    if tender.state == "captured" and tender.kind != named["kind"]:
        reason = first([reason, "kind_mismatch"])
    return tender.block("tender_not_found" if reason == "wait" else reason)


def _owns(tender: Tender, sale_id: str) -> bool:
    """The first completed sale that names a tender owns it (SALE8)."""
    tender.owner = tender.owner or sale_id
    return tender.owner == sale_id


def _orphans(world: World, doc: Doc) -> list[Data]:
    """Tenders that were requested for the sale, and that no sale names: holds end, what was taken is told."""
    blocks = []
    for tender in world.tenders.values():
        if tender.sale_id == doc.subject and not tender.owner:
            if tender.state == "authorized":
                before = moved(tender)
                tenders.end_hold(world, tender)
                tell(world, doc, tender, before)
            elif tender.state == "captured":
                blocks.append(tender.block("not_in_sale"))
    return blocks


def moved(tender: Tender) -> tuple[str, int, int]:
    return tender.state, tender.captured_minor(), tender.refunded_minor()


def tell(world: World, doc: Doc, tender: Tender, before: tuple[str, int, int]) -> None:
    """crm.tender.changed for a tender that was requested and that another document moved."""
    if tender.requested and moved(tender) != before:
        data = {"tender": tender.block(), "cause": doc.subject, "payer": tender}
        world.notice("crm.tender.changed", tender.tender_id, **data)


def _load_sold_cards(world: World, sale: Sale, policy: Data) -> dict[str, str]:
    reasons: dict[str, str] = {}
    before = list(world.cards.values())
    by_card = sum(t["amount_minor"] for t in sale.doc.data.get("tenders", []) if t["kind"] == "gift_card")
    bought_with_card = by_card > sum(
        n["net_minor"] for n in sale.doc.data["lines"] if n.get("item_type") != "gift_card"
    )
    for line in sale.doc.data["lines"]:
        if line.get("item_type") != "gift_card" or "gift_card" not in line:
            continue
        ref, currency = line["gift_card"], sale.doc.data["currency"]
        load = ref.get("load_minor", line["net_minor"])
        there = world.card(ref) in before
        card = card_to_load(world, sale.doc, ref)
        if card is None:
            reasons["?"] = "card_not_accepted"
        elif card.currency != currency:
            reasons[card.number] = "currency_mismatch"
        else:
            rules = policy["gift_card"]
            flags = [
                reasons.get(card.number),
                card.refuses(sale.doc.on),
                "card_exists" if there and not rules["reload"] else None,
                "gift_card_buys_gift_card" if bought_with_card and not rules["bought_with_gift_card"] else None,
            ]
            card.move(load)
            sale.loads[line["line_id"]] = (card, load)
            if why := first(flags):
                reasons[card.number] = why
    return reasons


def card_to_load(world: World, doc: Doc, ref: Data) -> Card | None:
    """The card of a sale line or refund; a number that nobody has used becomes a new card, an unknown id does not."""
    if world.card_to_load(ref) is None and "number" in ref:
        days = world.policy(doc.at)[0]["gift_card"]["expire_days"]
        world.cards[ref["number"]] = Card(ref["number"], doc.data["currency"], expires_on=expiry(doc, days))
    return world.card_to_load(ref)


def expiry(doc: Doc, days: int | None) -> date | None:
    return doc.on + timedelta(days=days) if days is not None else None


def voided(world: World, doc: Doc) -> None:
    world.voided_sales.add(doc.subject)
    sale = world.sales.get(doc.subject)
    hit = [t for t in world.tenders.values() if t.sale_id == doc.subject]
    lines = []
    if sale:
        hit += [world.tender(t["tender_id"]) for t in sale.doc.data.get("tenders", []) if t["kind"] in STORED_VALUE]
        nets = {key: line["net_minor"] for key, line in sale.lines.items()}
        left = {key: kept(points, nets[key], sale.returned.get(key, 0)) for key, points in sale.points.items()}
        take_points(world, sale, sum(left.values()))
        lines = [{"line_id": key, "points": -points} for key, points in left.items() if points]
        for key, (card, load) in sale.loads.items():
            card.take_load(load_left(load, nets[key], sale.returned.get(key, 0)))
        for card, amount in sale.refund_loads:
            card.take_load(amount)
    hit = [tender for tender in hit if tender.owner in (None, doc.subject)]
    blocks = _void_tenders(world, doc, hit)
    for tender, amount in sale.refunds if sale else []:
        if tender not in hit:
            before = moved(tender)
            tenders.unrefund(world, tender, amount, doc.on)
            tell(world, doc, tender, before)
            blocks += [tender.block()] if moved(tender) != before else []
    world.emit(doc, "applied", account=sale and sale.account, tenders=blocks, lines=lines)
    for tender in hit:
        tenders.answer_waiting(world, tender)


def load_left(load: int, net: int, returned: int) -> int:
    """A partly returned card line keeps ⌊load·(n - R)/n⌋ (RET7)."""
    return kept(load, net, returned)


def _void_named(world: World, doc: Doc, tender: Tender) -> Data:
    if not _owns(tender, doc.subject):
        return tender.block("already_voided" if tender.state == "voided" else "invalid_state")
    [block] = _void_tenders(world, doc, [tender])
    return block


def _void_tenders(world: World, doc: Doc, hit: list[Tender]) -> list[Data]:
    blocks = []
    for tender in {t.tender_id: t for t in hit}.values():
        before = moved(tender)
        tenders.void(world, tender, doc.on)
        tell(world, doc, tender, before)
        blocks.append(tender.block())
    return blocks


def take_points(world: World, sale: Sale, points: int) -> int:
    """From the account that earned, less what was taken back by hand before (PTS16). How much was let go."""
    if not sale.account:
        return 0
    by_hand = min(sale.by_hand, points)
    sale.by_hand -= by_hand
    sale.set_off += by_hand
    world.count(sale.doc, -(points - by_hand))
    unlimited = sale.policy["negative_balance"] == "unlimited"
    return world.account(sale.account).reverse(points - by_hand, sale.lot, unlimited=unlimited)
