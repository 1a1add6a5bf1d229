"""Requests, captures, voids and refunds of one tender (contract §2.2 Tenders)."""

from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction

from tests.model.accounts import Card
from tests.model.rules import Data, first, money_of, points_of
from tests.model.world import Doc, Tender, World


def request(world: World, doc: Doc) -> None:
    data, tender = doc.data, world.tender(doc.subject)
    tender.requested, tender.kind, tender.sale_id = data["amount_minor"], data["kind"], data.get("sale_id")
    tender.customer_id = data.get("customer_id")
    tombstone = tender.state == "voided"
    card: Card | None = None
    reason: str | None = None
    if tombstone or data.get("sale_id") in world.voided_sales:
        reason = "already_voided"
    else:
        late = (
            "decide_by" in data
            and Doc("", "", {"occurred_at": data["decide_by"]}, doc.received, doc.stamped).at < doc.received
        )
        if data["kind"] == "gift_card":
            late = late or doc.stamped - doc.at > timedelta(days=7)
            card, reason = world.card_with_pin(data["gift_card"])
        reason = first(["too_late" if late else None, reason])
    approved = 0
    if reason is None:
        approved, reason = _approve(world, doc, tender, card)
    if not approved:
        tender.state = "voided" if tombstone or reason == "already_voided" else "declined"
        world.emit(doc, "declined", [reason], tender=tender.block(reason))
    else:
        tender.approved = tender.limit = approved
        _grant(world, doc, tender, card)
        world.emit(doc, "partial" if reason else "approved", [reason], tender=tender.block(reason))
    _answer_waiting(world, tender)


def _approve(world: World, doc: Doc, tender: Tender, card: Card | None) -> tuple[int, str | None]:
    """Return the approved amount, and the reason if it is not all; (0, reason) is a decline."""
    data, policy = doc.data, world.policy(doc.at)[0]
    amount, reasons = data["amount_minor"], []
    customer_id = data.get("customer_id")
    if customer_id:
        reasons.append(world.status(customer_id, doc.at))
    limits: list[tuple[int, str]] = []
    eligible = data.get("eligible_minor")
    if data["kind"] == "gift_card" and card:
        tender.card = card
        reasons += ["currency_mismatch" if card.currency != data["currency"] else None]
        reasons += ["card_expired" if card.expired_on(doc.on) else None, "card_frozen" if card.frozen else None]
        limits.append((card.available(), "insufficient_balance"))
        if eligible is not None and not policy["gift_card"]["bought_with_gift_card"]:
            limits.append((eligible, "gift_card_buys_gift_card"))
    else:
        value = policy["redeem"]["point_value_minor"].get(data["currency"])
        reasons.append(None if value else "currency_not_in_policy")
        if first(reasons):
            return 0, first(reasons)
        tender.account, tender.value = world.account_key(data["customer_id"]), Fraction(value)
        tender.step = policy["redeem"]["step_points"]
        limits += _points_limits(world, doc, tender, policy)
        if points_of(amount, tender.value, tender.step) < policy["redeem"]["min_points"]:
            reasons.append("below_minimum")
    if first(reasons):
        return 0, first(reasons)
    approved = min([amount, *(limit for limit, _ in limits)])
    reason = first([reason for limit, reason in limits if limit < amount])
    if data["kind"] == "points" and points_of(approved, tender.value, tender.step) < policy["redeem"]["min_points"]:
        return 0, reason
    return (approved if reason is None or data.get("allow_partial") else 0), reason


def _points_limits(world: World, doc: Doc, tender: Tender, policy: Data) -> list[tuple[int, str]]:
    data, account = doc.data, world.account(tender.account or "")
    limits = []
    available = account.available(doc.on)
    if points_of(data["amount_minor"], tender.value, tender.step) > available:
        limits.append((money_of(available, tender.value, tender.step), "insufficient_balance"))
    share = Fraction(policy["redeem"]["max_share_of_sale"])
    if share < 1:
        cap = share * data.get("sale_total_minor", 0)
        others = [
            t
            for t in world.tenders.values()
            if t.sale_id == data.get("sale_id") and t.kind == "points" and t is not tender
        ]
        spent = sum(t.limit for t in others if t.state in ("authorized", "captured"))
        limits.append((max(0, cap.numerator // cap.denominator - spent), "over_maximum"))
    if data.get("eligible_minor") is not None:
        limits.append((data["eligible_minor"], "over_maximum"))
    return limits


def _grant(world: World, doc: Doc, tender: Tender, card: Card | None) -> None:
    waited = tender.state == "awaiting"
    if card:
        card.held[tender.tender_id] = tender.approved
    else:
        account = world.account(tender.account or "")
        account.held[tender.tender_id] = account.pick(points_of(tender.approved, tender.value, tender.step), doc.on)
    if waited or doc.data.get("capture"):
        take(world, tender, doc.on)
    else:
        tender.state = "authorized"
        seconds = doc.data.get("hold_s") or world.policy(doc.at)[0]["gift_card"]["hold_s"]
        tender.expires_at = doc.received + timedelta(seconds=seconds)


def _answer_waiting(world: World, tender: Tender) -> None:
    """The final outcomes of the captures that waited for this request or were overtaken by a void."""
    refused = {"declined": "invalid_state", "voided": "already_voided"}.get(tender.state)
    for capture_doc in tender.waiting:
        over = capture_doc.data.get("amount_minor", 0) > tender.approved
        reason = refused or ("amount_over_authorized" if over else None)
        status = "rejected" if refused else "partial" if over else "applied"
        world.emit(capture_doc, status, [reason], tender=tender.block(reason))
    tender.waiting.clear()


def forget_capture(tender: Tender, doc: Doc) -> None:
    """A capture that waited for too long is rejected: it named nothing."""
    tender.waiting.remove(doc)
    if "amount_minor" in doc.data:
        tender.named.remove(doc.data["amount_minor"])
    if not tender.named:  # no sale names it either
        tender.state = "none"


def take(world: World, tender: Tender, on: date) -> None:
    """authorized or awaiting → captured: the hold goes, what is named is taken."""
    tender.state, tender.was_captured = "captured", True
    release(world, tender, keep=points_of(tender.captured_minor(), tender.value, tender.step))
    settle(world, tender, on)


def release(world: World, tender: Tender, keep: int = 0) -> None:
    """Lets the hold go; of a points hold the first `keep` points picked become the ones taken."""
    if tender.card:
        tender.card.held.pop(tender.tender_id, None)
    elif tender.account:
        account = world.account(tender.account)
        for key, amount in account.held.pop(tender.tender_id, []):
            used = min(keep, amount)
            keep -= used
            if used:
                tender.picks.append((key, used))
                tender.taken += used
            if amount > used:
                account.credit(amount - used, key)


def settle(world: World, tender: Tender, on: date) -> None:
    """Books the change of -C + B."""
    net = tender.captured_minor() - tender.refunded_minor()
    if tender.card:
        tender.card.move(tender.taken - net)
        tender.taken = net
    elif tender.account:
        want = points_of(net, tender.value, tender.step)
        account = world.account(tender.account)
        if want > tender.taken:
            tender.picks += account.retake(want - tender.taken, on, unlimited=world.unlimited)
        account.put_back(tender.picks, max(0, tender.taken - want), on, world.grace_days)
        tender.taken = want


def capture(world: World, tender: Tender, amount: int | None, on: date) -> str | None:
    """A capture, or a sale that acts as one. The reason for less than all; `wait` when there is no request yet."""
    match tender.state:
        case "declined":
            return "invalid_state"
        case "voided":
            return "already_voided"
        case "expired":
            return _capture_expired(world, tender, amount, on)
    if amount is not None:
        tender.named.append(amount)
    match tender.state:
        case "none" | "awaiting":
            tender.state = "awaiting"
            return "wait"
        case "authorized":
            take(world, tender, on)
        case "captured":
            settle(world, tender, on)
    return "amount_over_authorized" if amount is not None and amount > tender.approved else None


def _capture_expired(world: World, tender: Tender, amount: int | None, on: date) -> str | None:
    want = tender.approved if amount is None else amount
    if tender.card:
        usable = not tender.card.frozen and not tender.card.expired_on(on)
        can = tender.card.available() if usable else 0
    else:
        available = world.account(tender.account or "").available(on)
        enough = points_of(want, tender.value, tender.step) <= available
        can = want if enough else money_of(available, tender.value, tender.step)
    if want and not can:
        return "hold_expired"
    tender.limit = min(want, can, tender.approved)
    take(world, tender, on)
    return "hold_expired" if tender.limit < want else None


def captured(world: World, doc: Doc) -> None:
    tender = world.tender(doc.subject)
    reason = capture(world, tender, doc.data.get("amount_minor"), doc.on)
    if reason == "wait":
        tender.waiting.append(doc)
        world.emit(doc, "parked", ["tender_not_found"], tender=tender.block("tender_not_found"))
        return
    refused = reason and (tender.state != "captured")
    world.emit(
        doc, "rejected" if refused else "partial" if reason else "applied", [reason], tender=tender.block(reason)
    )


def void(world: World, tender: Tender, on: date) -> None:
    """Any state → voided: the hold is released, C - B given back."""
    if tender.state == "authorized":
        release(world, tender)
    tender.state = "voided"
    settle(world, tender, on)


def voided(world: World, doc: Doc) -> None:
    tender = world.tender(doc.subject)
    void(world, tender, doc.on)
    world.emit(doc, "applied", tender=tender.block())
    _answer_waiting(world, tender)


def refund(world: World, tender: Tender, amount: int, on: date) -> tuple[int, str | None]:
    """Money given back to a captured tender, and the reason for less."""
    if tender.state != "captured":
        return 0, {"voided": "already_voided", "declined": "invalid_state", "expired": "hold_expired"}[tender.state]
    given = min(amount, tender.captured_minor() - tender.refunded_minor())
    tender.refunds += amount
    settle(world, tender, on)
    return given, None if given == amount else "amount_over_captured"


def unrefund(world: World, tender: Tender, amount: int, on: date) -> None:
    """A refund does not stand any more."""
    tender.refunds -= amount
    if tender.state == "captured":
        settle(world, tender, on)


def end_hold(world: World, tender: Tender) -> None:
    """A hold that has expired, or that its sale did without."""
    release(world, tender)
    tender.state = "expired"


def expire_hold(world: World, tender: Tender) -> None:
    end_hold(world, tender)
    world.notice("crm.hold.expired", tender.tender_id, tender=tender.block())


answer_waiting = _answer_waiting
