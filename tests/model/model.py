"""Documents in, outcomes out: identity, order, and what each document changed (contract §1, §3)."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any

from tests.model import returns, sales, tenders
from tests.model.accounts import Card, Points
from tests.model.commands import COMMANDS
from tests.model.rules import Data, instant, whole_policy
from tests.model.world import Doc, Tender, World

_CONTENT_NAMES = """
sale_id store_id terminal_id currency customer_id training lines line_id sku category item_type quantity net_minor
loyalty_excluded gift_card number card_id load_minor tenders tender_id kind amount_minor return_id sale_line_id
refunds refund_id sale_total_minor eligible_minor capture allow_partial command_id name email phone birth_date
external_ids status from_customer_id into_customer_id purpose channel granted source points of type id expires_on
from_card to_card pool_id policy effective_from
"""
_CONTENT = frozenset(_CONTENT_NAMES.split())
_FALSE = ("capture", "allow_partial", "loyalty_excluded", "training")
_DEFAULTS: Data = {"item_type": "goods", **dict.fromkeys(_FALSE, False)}
_DECIMALS = {"quantity"}
_INSTANTS = {"effective_from"}

_MOST = 2**63 - 1  # that the ledger's integers hold

_DECIDE: dict[str, Callable[[World, Doc], None]] = {
    "scm.sale.completed": sales.completed,
    "scm.sale.voided": sales.voided,
    "scm.return.completed": returns.returned,
    "scm.return.voided": returns.voided,
    "scm.tender.requested": tenders.request,
    "scm.tender.captured": tenders.captured,
    "scm.tender.voided": tenders.voided,
    **COMMANDS,
}


def content(kind: str, data: Data) -> object:
    """Return the content by which two documents of one identity are compared: absent = null = default, instants,
    decimals as numbers.
    """
    if kind.endswith(".voided"):
        return ()

    def plain(key: str, value: Any) -> Any:  # noqa: ANN401 - any JSON
        if isinstance(value, dict):
            if key == "policy":
                return whole_policy(value)
            pairs = {k: plain(k, v) for k, v in value.items() if k in _CONTENT and v is not None}
            return {k: v for k, v in pairs.items() if not (k in _DEFAULTS and _DEFAULTS[k] == v) and v != []}
        if isinstance(value, list):
            return [plain(key, item) for item in value]
        if key in _DECIMALS:
            return Fraction(value)
        return instant(value) if key in _INSTANTS else value

    return plain("", data)


@dataclass
class Model:
    """The whole domain for one tenant."""

    world: World = field(default_factory=World)
    seen: dict[tuple[str, str], tuple[object, list[Data]]] = field(default_factory=dict)

    def read(
        self, kind: str, subject: str, data: Data, received: datetime, stamped: datetime | None = None
    ) -> list[Data]:
        """Decides one document and returns what is published because of it.

        Each item: {"type", "subject", "data"}; of a duplicate the stored ones and "replayed"; or {"dead_letter"}.
        """
        if data.get("of", {}).get("type", "").endswith(".transfer"):
            return [{"dead_letter": "invalid"}]
        if instant(data["occurred_at"]) > (stamped or received) + timedelta(hours=24):
            return [{"dead_letter": "clock_ahead"}]
        seen = self.seen.get((kind, subject))
        if seen:
            same = seen[0] == content(kind, data)
            return [{**item, "replayed": True} for item in seen[1]] if same else [{"dead_letter": "conflict"}]
        doc = Doc(kind, subject, _without_null(data), received, stamped or received)
        before = copy.deepcopy(self.world)
        outcomes = self._decide(lambda: self._apply(doc), doc)
        if any(abs(account.balance()) > _MOST for account in self.world.accounts.values()):
            self.world = before
            return [{"dead_letter": "refused_by_database"}]
        self.seen[kind, subject] = (content(kind, data), [])
        self._remember(outcomes)
        return outcomes

    def tick(self, now: datetime) -> list[Data]:
        """Do what time alone causes: holds end, lots expire or become available, waits end."""
        world, out = self.world, []
        doc = Doc("crm.tick", "", {"occurred_at": now.isoformat()}, now, now)
        for tender in list(world.tenders.values()):
            if tender.state == "authorized" and tender.expires_at and tender.expires_at < now:
                out += self._decide(lambda t=tender: tenders.expire_hold(world, t), doc)  # type: ignore[misc]
        out += self._decide(lambda: returns.retry_parked(world), doc)
        out += self._decide(lambda: returns.give_up(world, now), doc)
        for key, account in world.accounts.items():
            if account.release(now.date()):
                out.append(_points_notice("released", key, account, 0, doc))
            if gone := account.expire(now.date()):
                out.append(_points_notice("expired", key, account, -gone, doc))
        for card in world.cards.values():
            if card.balance > 0 and card.expired_on(now.date()):
                gone, card.balance = card.balance, 0
                card.expired += gone
                block = _card_block(card, -gone)
                out.append(
                    {"type": "crm.giftcard.expired", "subject": block["card_id"], "data": {"gift_cards": [block]}}
                )
        self._remember(out)
        return out

    def _apply(self, doc: Doc) -> None:
        if doc.type.startswith("scm.") and doc.data.get("training"):
            self.world.emit(doc, "ignored", ["training"])
            return
        _DECIDE[doc.type](self.world, doc)
        returns.retry_parked(self.world)

    def _remember(self, outcomes: list[Data]) -> None:
        for item in outcomes:
            for (kind, subject), (_, stored) in self.seen.items():
                if item["subject"] == subject and item["type"] == "crm.outcome." + kind.split(".", 1)[1]:
                    stored.append(item)

    def _decide(self, decide: Callable[[], None], doc: Doc) -> list[Data]:
        """Runs one decision and shows the accounts as its outcomes left them."""
        world = self.world
        world.out, world.grace_days = [], world.policy(doc.at)[0]["restore_grace_days"]
        world.unlimited = world.policy(doc.at)[0]["negative_balance"] == "unlimited"
        world.after_each = _Watch(world, doc)
        decide()
        return world.out


class _Watch:
    """Compares the accounts before and after each outcome: what changed goes up one version and is shown."""

    def __init__(self, world: World, doc: Doc) -> None:
        self.world, self.doc = world, doc
        self.points = {key: (a.balance(), a.shape()) for key, a in world.accounts.items()}
        self.cards = {number: (c.balance, c.shape()) for number, c in world.cards.items()}

    def __call__(self, data: Data) -> None:
        for card in self.world.cards.values():
            card.frozen = card.frozen or card.balance < 0  # as the document leaves it
        account, claimed = data.pop("account", None), data.pop("claimed", None)
        counterparty, other_key = data.pop("counterparty", None), data.pop("other", None)
        shown = self._points(account, claimed, data.get("points"))
        if shown:
            data["points"] = shown
        if counterparty:
            other_key = other_key or self.world.account_key(counterparty)
            other = (
                self.world.accounts[other_key] if other_key in self.world.accounts else self.world.account(other_key)
            )
            before = self.points.get(other_key, (0, ()))[0]
            block = _points_block(other, other.balance() - before, self.doc)
            data["counterparty"] = {"customer_id": counterparty, "points": block}
        self._payers()
        cards = self._cards(data.pop("card_reasons", {}))
        if cards:
            data["gift_cards"] = cards
        self.__init__(self.world, self.doc)  # type: ignore[misc]

    def _points(self, key: str | None, claimed: int | None, extra: Data | None) -> Data | None:
        changed = [
            k for k, a in self.world.accounts.items() if self.points.get(k, (0, Points().shape()))[1] != a.shape()
        ]
        for k in changed:
            self.world.accounts[k].version += 1
        if key is None:
            key = changed[0] if changed else None
        if key is None:
            return extra
        account = self.world.account(key)
        change = (
            claimed if claimed is not None else account.balance() - self.points.get(self.world.who(key), (0, ()))[0]
        )
        if not account.known:
            return {"change": change, "reason": "customer_not_found"} if change or extra else None
        if not change and not extra and self.world.who(key) not in changed:
            return None
        return {**_points_block(account, change, self.doc), **(extra or {})}

    def _payers(self) -> None:
        """A notice about a tender tells its own customer, and their account if it paid with points."""
        for item in self.world.out:
            data = item["data"]
            payer: Tender | None = data.pop("payer", None)
            if payer is None:
                continue
            data.update({"customer_id": payer.customer_id} if payer.customer_id else {})
            if payer.account:
                key = self.world.who(payer.account)
                account = self.world.account(key)
                change = account.balance() - self.points.get(key, (0, ()))[0]
                data["points"] = _points_block(account, change, self.doc)

    def _cards(self, reasons: dict[str, str]) -> list[Data]:
        blocks = [{"reason": reasons["?"]}] if "?" in reasons else []
        for number, card in self.world.cards.items():
            before = self.cards.get(number, (0, Card("", "").shape()))
            if before[1] != card.shape():
                card.version += 1
            elif number not in reasons:
                continue
            block = _card_block(card, card.balance - before[0])
            blocks.append({**block, "reason": reasons[number]} if number in reasons else block)
        return blocks


def _points_block(account: Points, change: int, doc: Doc) -> Data:
    return {
        "change": change,
        "balance": account.balance(),
        "available": account.available(doc.on),
        "held": account.held_points(),
        "pending": account.pending(doc.on),
        "version": account.version,
    }


def _points_notice(kind: str, key: str, account: Points, change: int, doc: Doc) -> Data:
    return {"type": "crm.points." + kind, "subject": key, "data": {"points": _points_block(account, change, doc)}}


def _card_block(card: Card, change: int) -> Data:
    return {
        "card_id": "card:" + card.number,
        "last4": card.number[-4:],
        "currency": card.currency,
        "change_minor": change,
        "balance_minor": card.balance,
        "held_minor": card.held_minor(),
        "version": card.version,
    }


def _without_null(value: Any) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(value, dict):
        return {key: _without_null(item) for key, item in value.items() if item is not None}
    return [_without_null(item) for item in value] if isinstance(value, list) else value


def simulate(documents: Iterable[tuple[str, str, Data, datetime]]) -> list[Data]:
    """All that one tenant's documents, in this order, make the worker publish.

    `documents`: (type, subject, data, received_at) each.
    """
    model = Model()
    return [copy.deepcopy(item) for document in documents for item in model.read(*document)]
