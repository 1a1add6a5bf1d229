"""Returns, and what waits (contract §2.2)."""

from __future__ import annotations

from datetime import datetime, timedelta
from fractions import Fraction

from tests.model import tenders
from tests.model.rules import Data, first, kept, rate
from tests.model.sales import STORED_VALUE, card_to_load, load_left, moved, take_points, tell
from tests.model.world import Doc, Return, Sale, Tender, World


def returned(world: World, doc: Doc) -> None:
    """A return as it arrives: decided, or parked."""
    waits_for = _decide_return(world, doc)
    if waits_for:
        world.parked.append(doc)
        world.emit(doc, "parked", [waits_for])


def retry_parked(world: World) -> None:
    """Try parked documents again after every document that could free them."""
    waiting, world.parked = world.parked, []
    world.parked = [doc for doc in waiting if _decide_return(world, doc)] + world.parked


def give_up(world: World, now: datetime) -> None:
    """End waits that are longer than the policy's deadline (§2.2 What waits)."""

    def overdue(doc: Doc) -> bool:
        return doc.received + timedelta(days=world.policy(doc.at)[0]["park_deadline_days"]) < now

    late, world.parked = [d for d in world.parked if overdue(d)], [d for d in world.parked if not overdue(d)]
    for tender in world.tenders.values():
        for doc in [doc for doc in tender.waiting if overdue(doc)]:
            late.append(doc)
            tenders.forget_capture(tender, doc)
    for doc in late:
        if _decide_return(world, doc, overdue=True) if doc.type == "scm.return.completed" else True:
            world.emit(doc, "rejected", ["parked_too_long"])
    for key, account in world.accounts.items():
        mine = [sale.doc for sale in world.sales.values() if sale.account == key]
        if not account.known and mine and overdue(mine[0]):
            points = {"change": -account.balance(), "reason": "customer_not_found"}
            account.lots.clear()
            account.deficit = 0
            world.notice("crm.points.forfeited", key, points=points)


def _decide_return(world: World, doc: Doc, *, overdue: bool = False) -> str | None:
    """Return the document that the return waits for, or None once it has its final outcome. Overdue, it waits for no
    tender.
    """
    data = doc.data
    sale = world.sales.get(data.get("sale_id", ""))
    if doc.subject in world.voided_returns:
        world.emit(doc, "rejected", ["already_voided"])
        return None
    if "sale_id" in data:
        if data["sale_id"] in world.voided_sales:
            world.emit(doc, "rejected", ["already_voided"])
            return None
        if sale is None:
            return "sale_not_found"
        if sale.doc.data["currency"] != data["currency"]:
            world.emit(doc, "rejected", ["currency_mismatch"])
            return None
    refunds = data.get("refunds", [])
    for refund in refunds:
        if "tender_id" in refund and refund["kind"] in STORED_VALUE:
            known = world.tenders.get(refund["tender_id"])
            if not overdue and (known is None or known.state in UNDECIDED):
                return "tender_not_found"
    _apply_return(world, doc, sale, refunds)
    return None


def _apply_return(world: World, doc: Doc, sale: Sale | None, refunds: list[Data]) -> None:
    done = world.returns[doc.subject] = Return(doc, sale)
    lines, account, reasons, points_reason, any_line, came_back = (
        _linked_lines(world, done, sale) if sale else _unlinked_lines(world, done)
    )
    given, blocks = 0, []
    card_reasons: dict[str, str] = {}
    for refund in refunds:
        amount, reason, block = _refund(world, done, refund, card_reasons)
        given += amount
        reasons.append(reason)
        blocks += [block] if block else []
    all_off = not any_line and not given
    status = "rejected" if all_off else "partial" if first(reasons) else "applied"
    refunded = sum(refund["amount_minor"] for refund in refunds)
    reasons.append("refunds_mismatch" if refunded > came_back else None)
    world.emit(
        doc,
        status,
        reasons,
        points={"reason": points_reason} if points_reason else None,
        account=account,
        tenders=blocks,
        lines=lines,
        card_reasons=card_reasons,
    )


UNDECIDED = ("none", "awaiting", "authorized")

# Points a line, account, reasons, the reason of the points, whether a line counted, and the net that the lines counted.
Lines = tuple[list[Data], str | None, list[str | None], str | None, bool, int]


def _linked_lines(world: World, done: Return, sale: Sale) -> Lines:
    doc = done.doc
    lines, reasons, points, any_line, came_back = [], [], 0, False, 0
    for line in doc.data["lines"]:
        sold = sale.lines.get(line["sale_line_id"])
        if sold is None:
            reasons.append("sale_line_not_found")
            continue
        key, net = sold["line_id"], sold["net_minor"]
        before = sale.returned.get(key, 0)
        asked = line["net_minor"]
        done.lines.append((line["line_id"], key, asked))
        counted = min(asked, max(0, net - before))
        # A line that sold for nothing comes back as a whole, once: it counts how many returns named it.
        after = sale.returned[key] = before + (asked if net else 1)
        nothing = before > 0 if net == 0 else counted == 0 < asked
        if counted < asked or nothing:
            reasons.append("over_returned")
        if nothing:
            continue
        any_line = True
        came_back += counted
        change = kept(sale.points.get(key, 0), net, before) - kept(sale.points.get(key, 0), net, after)
        points += change
        lines += [{"line_id": line["line_id"], "points": -change}] if change else []
        if key in sale.loads:
            card, load = sale.loads[key]
            card.take_load(load_left(load, net, before) - load_left(load, net, after))
    done.let_go = take_points(world, sale, points)
    status = world.status(sale.doc.data["customer_id"], doc.at) if sale.account else None
    why = status if status == "customer_not_found" else None
    return lines, sale.account, list(reasons), why, any_line, came_back


def _unlinked_lines(world: World, done: Return) -> Lines:
    doc = done.doc
    customer_id = doc.data.get("customer_id")
    came_back = sum(line["net_minor"] for line in doc.data["lines"])
    if not customer_id:
        return [], None, [], None, True, came_back
    policy = world.policy(doc.at)[0]
    rated = rate(doc.data["lines"], [], doc.data["currency"], policy, Fraction(1))
    status = world.status(customer_id, doc.at)
    unknown = status if status == "customer_not_found" else None
    key = world.account_key(customer_id)
    if rated is None:
        return [], key, [], unknown or "currency_not_in_policy", True, came_back
    unlimited = policy["negative_balance"] == "unlimited"
    done.account, done.points = key, sum(rated.values())
    world.count(doc, -done.points)
    done.let_go = world.account(key).reverse(sum(rated.values()), (None, None), unlimited=unlimited)
    return [{"line_id": i, "points": -p} for i, p in rated.items() if p], key, [], unknown, True, came_back


def _of_sale(tender: Tender, sale: Sale | None) -> bool:
    """Return whether a return of the sale may refund it: the sale names it, or its request the sale. No sale: any."""
    if sale is None:
        return True
    named = [t["tender_id"] for t in sale.doc.data.get("tenders", []) if t["kind"] in STORED_VALUE]
    return tender.tender_id in named or tender.sale_id == sale.doc.subject


def _refund(
    world: World, done: Return, refund: Data, card_reasons: dict[str, str]
) -> tuple[int, str | None, Data | None]:
    """One refund of a return: what was given back, why not all, the tender's block."""
    doc, sale = done.doc, done.sale
    amount = refund["amount_minor"]
    if refund["kind"] not in STORED_VALUE:
        return amount, None, None
    if "tender_id" in refund:
        tender = world.tender(refund["tender_id"])
        if tender.state in UNDECIDED:  # the return has waited for it too long
            return 0, "parked_too_long", tender.block("parked_too_long")
        if tender.state != "voided" and not _of_sale(tender, sale):
            return 0, "tender_not_found", tender.block("tender_not_found")
        before = moved(tender)
        given, reason = tenders.refund(world, tender, amount, doc.on)
        if tender.state == "captured":
            done.refunds.append((tender, amount))
            if sale:
                sale.refunds.append((tender, amount))
        tell(world, doc, tender, before)
        return given, reason, tender.block(reason)
    card = card_to_load(world, doc, refund["gift_card"])
    if card is None:
        return 0, "card_not_accepted", None
    if card.currency != doc.data["currency"]:
        return 0, "currency_mismatch", None
    if why := first([card_reasons.get(card.number), card.refuses(doc.on)]):
        card_reasons[card.number] = why
    card.move(amount)
    done.loads.append((card, amount))
    if sale:
        sale.refund_loads.append((card, amount))
    return amount, None, None


def voided(world: World, doc: Doc) -> None:
    """Undo a return; one that is not decided yet will be rejected."""
    done = world.returns.get(doc.subject)
    world.voided_returns.add(doc.subject)
    if done is None or (done.sale and done.sale.doc.subject in world.voided_sales):
        world.emit(doc, "applied")
        return
    sale, account, lines = done.sale, done.account, []
    if sale:
        account = sale.account
        lines = _keep_again(done, sale, doc)
        kept_again = sum(points for _, points in lines)
        by_hand = min(sale.set_off, kept_again)
        sale.set_off -= by_hand
        sale.by_hand += by_hand
        if account:
            world.account(account).put_again(kept_again - by_hand, sale.lot, doc.on, done.let_go)
            world.count(sale.doc, kept_again - by_hand)
        for load in done.loads:
            sale.refund_loads.remove(load)
        for asked in done.refunds:
            sale.refunds.remove(asked)
    elif account:
        world.account(account).put_again(done.points, done.lot, doc.on, done.let_go)
        world.count(done.doc, done.points)
    for card, amount in done.loads:
        card.take_load(amount)
    blocks = _take_refunds(world, done, doc)
    shown = [{"line_id": line_id, "points": points} for line_id, points in lines if points]
    world.emit(doc, "applied", account=account, tenders=blocks, lines=shown)


def _keep_again(done: Return, sale: Sale, doc: Doc) -> list[tuple[int, int]]:
    lines = []
    for line_id, key, asked in done.lines:
        net, before = sale.lines[key]["net_minor"], sale.returned[key]
        after = sale.returned[key] = before - (asked if net else 1)
        points = sale.points.get(key, 0)
        lines.append((line_id, kept(points, net, after) - kept(points, net, before)))
        if key in sale.loads:
            card, load = sale.loads[key]
            card.put_load(load_left(load, net, after) - load_left(load, net, before), doc.on)
    return lines


def _take_refunds(world: World, done: Return, doc: Doc) -> list[Data]:
    changed = {tender.tender_id: (tender, moved(tender)) for tender, _ in done.refunds}
    for tender, amount in done.refunds:
        tenders.unrefund(world, tender, amount, doc.on)
    for tender, before in changed.values():
        tell(world, doc, tender, before)
    return [tender.block() for tender, _ in changed.values()]
