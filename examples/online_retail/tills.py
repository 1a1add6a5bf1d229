"""Tills: gift cards, payments with points, and voids, which the file lacks. The last invoices are sold live at tills.

A till sends `scm.tender.requested`, waits for the answer, and then sends the sale that names the tender. So these
documents can't be published in bulk. Their times are the demo's own: a request may be a week old, not fifteen years.
"""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from examples.online_retail.arithmetic import Tilled
from examples.online_retail.documents import (
    COMMANDS,
    CURRENCY,
    RETURNS,
    SALES,
    STORE_ID,
    TENDERS,
    Document,
    card_number,
)

_PIN = "2468"


class Step(NamedTuple):
    """Something to send (a document, or raw bytes for a topic), the document that is answered, and the expected answer.

    `answer` is `status`, or `status reason`, of the outcome of `to` (type, subject); else `dead letter reason`.
    """

    says: str
    sends: Document | tuple[str, bytes] | None
    to: tuple[str, str]
    answer: str


class Scene(NamedTuple):
    """A short story at a till."""

    title: str
    steps: tuple[Step, ...]


@dataclass(slots=True)
class Card:
    """A gift card of a story, and its expected balance at the end, in pence."""

    story: str
    number: str
    balance_minor: int


@dataclass(slots=True)
class Tills:
    """The stories: the cards to issue first, the scenes at the tills, and the sums."""

    now: str
    cards: list[Card] = field(default_factory=list)
    issues: list[Document] = field(default_factory=list)
    scenes: list[Scene] = field(default_factory=list)
    tilled: Tilled = field(default_factory=Tilled)

    def tell(self, sales: list[Document], points: int, voucher: dict[str, Any] | None) -> None:
        """Make the stories from the sales of `Selection.choose`; `points`: the points that the first sale's customer
        can spend.

        Without sales there is one story, which needs none.
        """
        if not sales:
            self._customer_walks_off()
            return
        with_points, paid, short, voided, with_pin, late = sales
        self._card_pays_and_goods_come_back(paid)
        self._card_is_too_small(short)
        self._customer_walks_off()
        self._sale_is_voided(voided)
        self._card_has_a_pin(with_pin)
        paid_in_points = self._points_pay(with_points, points)
        self._everything_comes_late(late)
        if voucher:
            self._sold_voucher_is_spent(voucher)
        self._same_again(paid)
        self.tilled = Tilled(
            voided=frozenset({voided.subject}),
            paid_in_points=paid_in_points,
            returned=((paid.subject, 1, _first(paid)), (late.subject, 1, _first(late))),
        )

    def _issue(self, story: str, load_minor: int, balance_minor: int, pin: str | None = None) -> str:
        command_id = f"till-card-{len(self.issues) + 1}"
        number = card_number(command_id)
        data: dict[str, object] = {"command_id": command_id, "occurred_at": self.now, "gift_card": {"number": number}}
        data |= {"amount_minor": load_minor, "currency": CURRENCY} | ({"pin": pin} if pin else {})
        self.issues.append(Document(COMMANDS, "crm.giftcard.issue", command_id, command_id, data))
        self.cards.append(Card(story, number, balance_minor))
        return number

    def _scene(self, title: str, *steps: Step) -> None:
        self.scenes.append(Scene(title, steps))

    def _request(self, tender_id: str, amount_minor: int, answer: str, says: str, **more: object) -> Step:
        data: dict[str, object] = {"tender_id": tender_id, "store_id": STORE_ID, "occurred_at": self.now}
        data |= {"currency": CURRENCY}
        data |= {"amount_minor": amount_minor, "kind": "points" if "customer_id" in more else "gift_card"} | more
        return _send(says, Document(TENDERS, "scm.tender.requested", tender_id, tender_id, data), answer)

    def _void_tender(self, tender_id: str, answer: str, says: str) -> Step:
        data = {"tender_id": tender_id, "occurred_at": self.now, "reason": "cancel"}
        return _send(says, Document(TENDERS, "scm.tender.voided", tender_id, tender_id, data), answer)

    def _sale(self, sale: Document, tender_id: str, kind: str, amount_minor: int) -> Step:
        """Return the sale, paid with this tender and otherwise by other means."""
        tenders = [{"tender_id": tender_id, "kind": kind, "amount_minor": amount_minor}]
        if rest_minor := _total(sale) - amount_minor:
            tenders.append({"tender_id": f"{sale.subject}-pay", "kind": "other", "amount_minor": rest_minor})
        data = {**sale.data, "occurred_at": self.now, "tenders": tenders}
        del data["business_date"]
        return _send(f"sale of {_pounds(_total(sale))} names it", sale._replace(data=data), "applied")

    def _return(self, sale: Document, tender_id: str, answer: str, says: str) -> Step:
        """Return a return of the first line, refunded to the tender."""
        return_id, line = f"{sale.subject}-R1", sale.data["lines"][0]
        amount_minor = line["net_minor"]
        data: dict[str, object] = {"return_id": return_id, "sale_id": sale.subject, "store_id": STORE_ID}
        data |= {"occurred_at": self.now, "currency": CURRENCY, "customer_id": sale.data["customer_id"]}
        data["lines"] = [{"line_id": 1, "sale_line_id": 1, "sku": line["sku"], "net_minor": amount_minor}]
        refund = {"refund_id": f"{return_id}-1", "kind": "gift_card", "amount_minor": amount_minor}
        data["refunds"] = [refund | {"tender_id": tender_id}]
        return _send(says, Document(RETURNS, "scm.return.completed", return_id, sale.key, data), answer)

    def _card_pays_and_goods_come_back(self, sale: Document) -> None:
        load, total, tender = _above(_total(sale)), _total(sale), f"{sale.subject}-card"
        card = {"number": self._issue("pays a sale, gets a refund", load, load - total + _first(sale))}
        self._scene(
            "A gift card pays, and part of the goods comes back",
            self._request(tender, total, "approved", f"hold {_pounds(total)}", gift_card=card, sale_id=sale.subject),
            self._sale(sale, tender, "gift_card", total),
            self._return(sale, tender, "applied", f"{_pounds(_first(sale))} returned, back to the card"),
        )

    def _card_is_too_small(self, sale: Document) -> None:
        card, tender = {"number": self._issue("too small, pays a part", 10_00, 0)}, f"{sale.subject}-card"
        self._scene(
            "A gift card of £10.00 pays what it can",
            self._request(
                tender,
                _total(sale),
                "partial insufficient_balance",
                f"hold {_pounds(_total(sale))}, or part of it",
                gift_card=card,
                allow_partial=True,
            ),
            self._sale(sale, tender, "gift_card", 10_00),
            self._request(f"{tender}-2", 1_00, "declined insufficient_balance", "hold £1.00 more", gift_card=card),
        )

    def _customer_walks_off(self) -> None:
        card = {"number": self._issue("held, then released", 25_00, 25_00)}
        self._scene(
            "A customer changes their mind",
            self._request("till-walks-off", 20_00, "approved", "hold £20.00 of £25.00", gift_card=card),
            self._request("till-over-hold", 10_00, "declined insufficient_balance", "hold £10.00 more", gift_card=card),
            self._void_tender("till-walks-off", "applied", "void: the hold is released"),
        )

    def _sale_is_voided(self, sale: Document) -> None:
        load, tender = _above(_total(sale)), f"{sale.subject}-card"
        card = {"number": self._issue("pays a sale that is voided", load, load)}
        data = {"sale_id": sale.subject, "occurred_at": self.now, "reason": "rung up twice"}
        void = Document(SALES, "scm.sale.voided", sale.subject, sale.key, data)
        self._scene(
            "A whole sale is voided",
            self._request(tender, _total(sale), "approved", f"hold {_pounds(_total(sale))}", gift_card=card),
            self._sale(sale, tender, "gift_card", _total(sale)),
            _send("void: card and points as before", void, "applied"),
        )

    def _card_has_a_pin(self, sale: Document) -> None:
        load, total, tender = _above(_total(sale)), _total(sale), f"{sale.subject}-card"
        number = self._issue("has a PIN", load, load - total, _PIN)
        wrong, right = {"number": number, "pin": "1357"}, {"number": number, "pin": _PIN}
        unknown = {"number": card_number("nobody issued this")}
        take = {"gift_card": right, "capture": True}
        self._scene(
            "A card with a PIN: wrong PIN and unknown card get the same answer",
            self._request(f"{tender}-1", total, "declined card_not_accepted", "wrong PIN", gift_card=wrong),
            self._request(f"{tender}-2", total, "declined card_not_accepted", "unknown number", gift_card=unknown),
            self._request(tender, total, "approved", f"right PIN, take {_pounds(total)} at once", **take),
            self._sale(sale, tender, "gift_card", total),
        )

    def _points_pay(self, sale: Document, points: int) -> dict[str, int]:
        """Return half of the customer's points as a whole number of pounds, at half a penny a point."""
        amount_minor = min(_total(sale), points // 4) // 100 * 100
        if not amount_minor:
            return {}
        tender, customer_id = f"{sale.subject}-points", sale.data["customer_id"]
        says = f"customer {customer_id} offers {2 * amount_minor:,} points for {_pounds(amount_minor)}"
        self._scene(
            "Points pay, and what points pay earns nothing",
            self._request(tender, amount_minor, "approved", says, customer_id=customer_id),
            self._sale(sale, tender, "points", amount_minor),
        )
        return {sale.subject: amount_minor}

    def _everything_comes_late(self, sale: Document) -> None:
        load, total, tender = _above(_total(sale)), _total(sale), f"{sale.subject}-card"
        card = {"number": self._issue("return, sale, request: in that order", load, load - total + _first(sale))}
        returned = self._return(sale, tender, "parked sale_not_found", "the return comes first and waits")
        self._scene(
            "The network turns everything round",
            returned,
            self._sale(sale, tender, "gift_card", total)._replace(says="then its sale: the tender is awaited"),
            self._request(tender, total, "approved", "then the request: captured at once", gift_card=card),
            Step("and now the return is applied", None, returned.to, "applied"),
        )

    def _sold_voucher_is_spent(self, voucher: dict[str, Any]) -> None:
        load, card = voucher["load_minor"], {"number": voucher["number"]}
        self.cards.append(Card("a voucher of the file: sold, then spent", voucher["number"], 0))
        take = {"gift_card": card, "capture": True}
        self._scene(
            "A gift voucher that the file sold is spent",
            self._request("till-voucher", load, "approved", f"take {_pounds(load)} at once", **take),
        )

    def _same_again(self, sale: Document) -> None:
        again = next(step for scene in self.scenes for step in scene.steps if step.to == (sale.type, sale.subject))
        other = self._sale(sale, f"{sale.subject}-card", "gift_card", _total(sale) - 1)
        self._scene(
            "Trouble: the same again, the same id with other content, rubbish",
            again._replace(says="the first sale once more: its outcome again, no effect", answer="applied (replayed)"),
            other._replace(says="its id with other tenders", answer="dead letter conflict"),
            Step("half a document", (SALES, b'{"specversion": "1.0", "id'), (SALES, ""), "dead letter not_json"),
        )


def _send(says: str, document: Document, answer: str) -> Step:
    return Step(says, document, (document.type, document.subject), answer)


def _total(sale: Document) -> int:
    return int(sale.data["tenders"][0]["amount_minor"])


def _first(sale: Document) -> int:
    return int(sale.data["lines"][0]["net_minor"])


def _above(total_minor: int) -> int:
    """Return the next multiple of ten pounds that leaves something on the card."""
    return (total_minor // 10_00 + 1) * 10_00


def _pounds(amount_minor: int) -> str:
    return f"£{amount_minor // 100:,}.{amount_minor % 100:02}"
