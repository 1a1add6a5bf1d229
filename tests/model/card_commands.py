"""The commands about gift cards (contract §2.3)."""

from __future__ import annotations

from datetime import date

from tests.model.accounts import Card
from tests.model.loyalty_commands import refuse
from tests.model.rules import Data, first
from tests.model.sales import expiry
from tests.model.world import Doc, World


def _load_limits(policy: Data, card: Card | None, amount: int) -> list[str | None]:
    limits = policy["gift_card"]
    over = amount > limits["max_load_minor"] or (card.balance if card else 0) + amount > limits["max_balance_minor"]
    return ["below_minimum" if amount < limits["min_load_minor"] else None, "over_maximum" if over else None]


def giftcard_issue(world: World, doc: Doc) -> None:
    data, policy = doc.data, world.policy(doc.at)[0]
    ref = data["gift_card"]
    reasons = _load_limits(policy, None, data["amount_minor"])
    reasons.append("card_exists" if ref["number"] in world.cards else None)
    if data.get("customer_id"):
        reasons.append(world.status(data["customer_id"], doc.at))
    if first(reasons):
        return refuse(world, doc, *reasons)
    until = (
        date.fromisoformat(data["expires_on"])
        if data.get("expires_on")
        else expiry(doc, policy["gift_card"]["expire_days"])
    )
    card = Card(
        ref["number"], data["currency"], data["amount_minor"], expires_on=until, pin=data.get("pin") or ref.get("pin")
    )
    world.cards[card.number] = card
    return world.emit(doc, "applied")


def _usable(doc: Doc, card: Card) -> list[str | None]:
    currency = doc.data.get("currency", card.currency)
    return [
        "currency_mismatch" if card.currency != currency else None,
        "card_expired" if card.expired_on(doc.on) else None,
        "card_frozen" if card.frozen else None,
    ]


def giftcard_redeem(world: World, doc: Doc) -> None:
    data = doc.data
    card, reason = world.card_with_pin(data["gift_card"])
    if card is None:
        return refuse(world, doc, reason)
    short = "insufficient_balance" if card.available() < data["amount_minor"] else None
    reasons = _usable(doc, card)
    taken = min(card.available(), data["amount_minor"])
    if first(reasons) or (short and not (data.get("allow_partial") and taken)):
        return refuse(world, doc, *reasons, short)
    card.move(-taken)
    world.commands[doc.subject] = {"type": doc.type, "card": card, "sign": 1, "left": taken}
    return world.emit(doc, "partial" if short else "applied", [short])


def giftcard_reload(world: World, doc: Doc) -> None:
    data, policy = doc.data, world.policy(doc.at)[0]
    card = world.card_to_load(data["gift_card"])
    if card is None:
        return refuse(world, doc, "card_not_accepted")
    reasons = _usable(doc, card) + _load_limits(policy, card, data["amount_minor"])
    reasons.append(None if policy["gift_card"]["reload"] else "invalid_state")
    if first(reasons):
        return refuse(world, doc, *reasons)
    card.move(data["amount_minor"])
    world.commands[doc.subject] = {"type": doc.type, "card": card, "sign": -1, "left": data["amount_minor"]}
    return world.emit(doc, "applied")


def giftcard_reverse(world: World, doc: Doc) -> None:
    of, amount = doc.data["of"], doc.data.get("amount_minor")
    done = world.commands.get(of["id"])
    if not done or done["type"] != of["type"]:
        return refuse(world, doc, "command_not_found")
    amount = done["left"] if amount is None else amount
    if amount > done["left"] or not amount:
        return refuse(world, doc, "amount_over_captured")
    done["left"] -= amount
    if done["sign"] < 0:
        done["card"].take_load(amount)
    else:
        done["card"].move(amount)
    return world.emit(doc, "applied")


def giftcard_state(world: World, doc: Doc) -> None:
    card = world.card(doc.data["gift_card"])
    if card is None:
        return refuse(world, doc, "card_not_accepted")
    if doc.type.endswith("unfreeze"):
        if card.balance < 0 or card.replaced_by:
            return refuse(world, doc, "invalid_state")
        card.frozen = False
    elif doc.type.endswith("freeze"):
        card.frozen = True
    else:
        status = world.status(doc.data["customer_id"], doc.at)
        if status or card.replaced_by:
            return refuse(world, doc, status or "invalid_state")
        card.customer_id = doc.data["customer_id"]
    return world.emit(doc, "applied")


def giftcard_transfer(world: World, doc: Doc) -> None:
    data, policy = doc.data, world.policy(doc.at)[0]
    card, reason = world.card_with_pin(data["from_card"])
    into = world.card_to_load(data["to_card"])
    if card is None or into is None:
        return refuse(world, doc, reason or "card_not_accepted")
    amount = data.get("amount_minor", card.available())
    reasons = _usable(doc, card) + _usable(doc, into)
    reasons.append("currency_mismatch" if card.currency != into.currency else None)
    reasons.append("over_maximum" if into.balance + amount > policy["gift_card"]["max_balance_minor"] else None)
    reasons.append("insufficient_balance" if not amount or amount > card.available() else None)
    if first(reasons):
        return refuse(world, doc, *reasons)
    card.move(-amount)
    into.move(amount)
    return world.emit(doc, "applied")


def giftcard_extend(world: World, doc: Doc) -> None:
    card = world.card(doc.data["gift_card"])
    if card is None:
        return refuse(world, doc, "card_not_accepted")
    if card.replaced_by:
        return refuse(world, doc, "invalid_state")
    until = date.fromisoformat(doc.data["expires_on"]) if doc.data.get("expires_on") else None
    if card.expires_on != until:
        if card.expires_on is None or (until is not None and until < card.expires_on):
            return refuse(world, doc, "invalid_state")
        card.expires_on = until
        if until is None or until >= doc.on:
            card.move(card.expired)
            card.expired = 0
    return world.emit(doc, "applied")


def giftcard_replace(world: World, doc: Doc) -> None:
    """The card is the same, under a new number; what is left under the old one is empty and pays nothing."""
    card, number = world.card(doc.data["from_card"]), doc.data["to_card"]["number"]
    if card is None:
        return refuse(world, doc, "card_not_accepted")
    reasons = ["invalid_state" if card.replaced_by else None, "card_exists" if number in world.cards else None]
    if first(reasons):
        return refuse(world, doc, *reasons)
    old = Card(card.number, card.currency, frozen=True, pin=card.pin, wrong_pins=card.wrong_pins)
    old.version, old.replaced_by = card.version, card
    world.cards[card.number] = old
    card.number, card.pin, card.wrong_pins, card.frozen, card.version = number, doc.data.get("pin"), 0, False, 0
    world.cards[number] = card
    return world.emit(doc, "applied")
