"""Invoices → documents of the contract (§2): customers, sales, returns. Pure: same invoices, same documents.

Only this module decides what is not in the data set:

- A row with money in (net > 0) is a line of a sale, one with money back (net < 0) a line of a return, whatever the
  invoice's number begins with. So the documents add up to the file, including bad-debt adjustments (`A…`).
- A row without money is a free line of its sale (quantity > 0), or a movement of stock, which is left out.
- Postage, fees and manual corrections earn nothing (`item_type` `fee`).
- A cancellation names no invoice. It is linked to the sale lines of the same customer and stock code, the latest
  first, within the money that is left of them. A return names one sale, so a cancellation may become several returns.
  The rest is a return without a receipt.
- A gift voucher (`gift_0001_30`) is a gift card of its face value, one card for each line, with a test number.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from examples.online_retail.invoices import Invoice, Row

ORGCODE = "online-retail"
STORE_ID = "online"
CURRENCY = "GBP"
MAX_LINES = 1000
"""Lines a sale or a return may have (contract §2.1)."""

SALES, RETURNS, TENDERS, COMMANDS = "scm.sales", "scm.returns", "scm.tenders", "crm.commands"

# Postage, carriage, manual correction, samples, bad debt, charges: money, but no goods. "D" is a discount on goods.
_FEES = frozenset({"POST", "DOT", "C2", "M", "S", "B", "AMAZONFEE", "BANK CHARGES", "CRUK"})
_VOUCHER = re.compile(r"GIFT_0001_([1-9][0-9]{0,2})")
_ZONE = ZoneInfo("Europe/London")


class Document(NamedTuple):
    """One document on its way: its topic (without prefix), CloudEvents type, business id, record key and data."""

    topic: str
    type: str
    subject: str
    key: str
    data: dict[str, Any]

    def envelope(self) -> dict[str, Any]:
        """Return the structured CloudEvent (contract §1), ready to be written as JSON."""
        return {
            "specversion": "1.0",
            "id": f"{self.type}/{self.subject}",
            "source": "/examples/online-retail",
            "type": self.type,
            "subject": self.subject,
            "orgcode": ORGCODE,
            "datacontenttype": "application/json",
            "data": self.data,
        }


class Link(NamedTuple):
    """`net_minor` of a return comes off this line of this sale."""

    sale_id: str
    line_id: int
    net_minor: int


class OpenLines:
    """The lines that customers have not brought back: by customer and stock code, the latest line last."""

    def __init__(self) -> None:
        self._lines: dict[tuple[str, str], list[Link]] = {}

    def sold(self, customer_id: str, sku: str, line: Link) -> None:
        """Remember a sale line; `net_minor` is all of it."""
        self._lines.setdefault((customer_id, sku), []).append(line)

    def take(self, customer_id: str, sku: str, net_minor: int) -> tuple[list[Link], int]:
        """Return links for `net_minor`, the latest line first, and the pence for which no line is left."""
        lines, links = self._lines.get((customer_id, sku), []), list[Link]()
        while net_minor and lines:
            line = lines.pop()
            taken = min(net_minor, line.net_minor)
            links.append(line._replace(net_minor=taken))
            net_minor -= taken
            if taken < line.net_minor:
                lines.append(line._replace(net_minor=line.net_minor - taken))
        return links, net_minor


@dataclass(slots=True)
class Converter:
    """Turns invoices into documents, in the invoices' order, and counts the rows of the file."""

    rows: int = 0
    invoices: int = 0
    rows_left_out: int = 0
    sold_minor: int = 0
    linked_minor: int = 0
    unlinked_minor: int = 0
    _customers: set[str] = field(default_factory=set)
    _open: OpenLines = field(default_factory=OpenLines)
    _documents_of: Counter[str] = field(default_factory=Counter)

    def convert(self, invoices: Iterable[Invoice]) -> Iterator[Document]:
        """Yield the documents of all invoices. A customer's own comes before the first invoice with the customer."""
        for invoice in invoices:
            self.invoices += 1
            self.rows += len(invoice.rows)
            rows = _rows_with_meaning(invoice)
            self.rows_left_out += len(invoice.rows) - len(rows)
            customer_id = invoice.customer_id
            if rows and customer_id and customer_id not in self._customers:
                self._customers.add(customer_id)
                yield create_customer(customer_id, invoice.local_time)
            yield from self._sales(invoice, [row for row in rows if row.net_minor >= 0])
            yield from self._returns(invoice, [row for row in rows if row.net_minor < 0])

    def _sales(self, invoice: Invoice, rows: list[Row]) -> Iterator[Document]:
        lines = [line for row in rows for line in _sale_lines(row)]
        for start in range(0, len(lines), MAX_LINES):
            sale_id = self._next_id(invoice.number)
            part = [{"line_id": n, **line} for n, line in enumerate(lines[start : start + MAX_LINES], start=1)]
            for line in part:
                if "gift_card" in line:
                    line["gift_card"]["number"] = card_number(f"{sale_id}/{line['line_id']}")
                if invoice.customer_id:
                    link = Link(sale_id, line["line_id"], line["net_minor"])
                    self._open.sold(invoice.customer_id, line["sku"], link)
            document = _sale(sale_id, invoice, part)
            self.sold_minor += document.data["tenders"][0]["amount_minor"]
            yield document

    def _returns(self, invoice: Invoice, rows: list[Row]) -> Iterator[Document]:
        by_sale: dict[str, list[dict[str, Any]]] = {}
        without_receipt: list[dict[str, Any]] = []
        for row in rows:
            links, rest_minor = self._links(invoice.customer_id, row)
            for link in links:
                line = {"sale_line_id": link.line_id, **_return_line(row, link.net_minor)}
                by_sale.setdefault(link.sale_id, []).append(line)
                self.linked_minor += link.net_minor
            if rest_minor:
                without_receipt.append(_return_line(row, rest_minor))
                self.unlinked_minor += rest_minor
        for sale_id, lines in by_sale.items():
            yield from self._return(invoice, lines, sale_id, invoice.customer_id)
        # Without a receipt, goods cost points at the rate of the day. Fees never earned any, so their return names
        # nobody.
        goods = [line for line in without_receipt if _item_type(line["sku"]) == "goods"]
        yield from self._return(invoice, goods, None, invoice.customer_id)
        fees = [line for line in without_receipt if _item_type(line["sku"]) != "goods"]
        yield from self._return(invoice, fees, None, None)

    def _links(self, customer_id: str | None, row: Row) -> tuple[list[Link], int]:
        if customer_id is None:
            return [], -row.net_minor
        return self._open.take(customer_id, row.stock_code, -row.net_minor)

    def _return(
        self, invoice: Invoice, lines: list[dict[str, Any]], sale_id: str | None, customer_id: str | None
    ) -> Iterator[Document]:
        for start in range(0, len(lines), MAX_LINES):
            return_id = self._next_id(invoice.number)
            data: dict[str, Any] = {"return_id": return_id}
            if sale_id:
                data["sale_id"] = sale_id
            data |= {"store_id": STORE_ID, "occurred_at": instant(invoice.local_time), "currency": CURRENCY}
            if customer_id:
                data["customer_id"] = customer_id
            part = lines[start : start + MAX_LINES]
            data["lines"] = [{"line_id": n, **line} for n, line in enumerate(part, start=1)]
            yield Document(RETURNS, "scm.return.completed", return_id, customer_id or return_id, data)

    def _next_id(self, invoice_number: str) -> str:
        """Return `online-536365`; for further documents of one invoice, `online-536365.2` and so on."""
        self._documents_of[invoice_number] += 1
        n = self._documents_of[invoice_number]
        return f"{STORE_ID}-{invoice_number}" + (f".{n}" if n > 1 else "")


def create_customer(customer_id: str, local_time: datetime) -> Document:
    """Return the command that creates the customer. The data set has nothing but the customer's number."""
    command_id = f"customer-{customer_id}"
    data = {"command_id": command_id, "occurred_at": instant(local_time), "customer_id": customer_id}
    return Document(COMMANDS, "crm.customer.create", command_id, customer_id, data)


def instant(local_time: datetime) -> str:
    """Return RFC 3339 with London's offset at that time. If clocks repeat the hour, it is the first one."""
    return local_time.replace(tzinfo=_ZONE).isoformat()


def card_number(seed: str) -> str:
    """Return a 16-digit gift card number that passes the Luhn check: a function of `seed`, in a range without an
    issuer.
    """
    digits = "9999" + str(int.from_bytes(hashlib.sha256(seed.encode()).digest()[:8]) % 10**11).zfill(11)
    return digits + str(-_luhn_sum(digits + "0") % 10)


def _luhn_sum(digits: str) -> int:
    doubled = (divmod(2 * int(digit), 10) for digit in digits[-2::-2])
    return sum(map(int, digits[::-2])) + sum(tens + ones for tens, ones in doubled)


def _rows_with_meaning(invoice: Invoice) -> list[Row]:
    """Return the rows with money, and the free rows of sales. The others moved stock but sold nothing."""
    is_trade = invoice.customer_id is not None or any(row.net_minor for row in invoice.rows)
    return [row for row in invoice.rows if row.net_minor or (is_trade and row.quantity > 0)]


def _item_type(sku: str) -> str:
    if _VOUCHER.fullmatch(sku):
        return "gift_card"
    return "fee" if sku in _FEES else "goods"


def _sale_lines(row: Row) -> list[dict[str, Any]]:
    """Return the row as lines without ids: one, or one for each gift voucher that it sells."""
    voucher = _VOUCHER.fullmatch(row.stock_code)
    if voucher is None or row.quantity < 1:
        line = {"sku": row.stock_code, "quantity": str(row.quantity), "net_minor": row.net_minor}
        return [line | {"item_type": "fee"} if row.stock_code in _FEES else line]
    each, more = divmod(row.net_minor, row.quantity)
    return [
        {
            "sku": row.stock_code,
            "item_type": "gift_card",
            "net_minor": each + (n < more),
            "gift_card": {"load_minor": 100 * int(voucher[1])},
        }
        for n in range(row.quantity)
    ]


def _sale(sale_id: str, invoice: Invoice, lines: list[dict[str, Any]]) -> Document:
    # The data set has no payments. The kind "other" stands for a payment that the CRM need not know.
    tender = {"tender_id": f"{sale_id}-pay", "kind": "other", "amount_minor": sum(line["net_minor"] for line in lines)}
    data: dict[str, Any] = {"sale_id": sale_id, "store_id": STORE_ID, "occurred_at": instant(invoice.local_time)}
    data |= {"business_date": invoice.local_time.date().isoformat(), "currency": CURRENCY}
    if invoice.customer_id:
        data["customer_id"] = invoice.customer_id
    data |= {"lines": lines, "tenders": [tender]}
    return Document(SALES, "scm.sale.completed", sale_id, invoice.customer_id or sale_id, data)


def _return_line(row: Row, net_minor: int) -> dict[str, Any]:
    line: dict[str, Any] = {"sku": row.stock_code}
    # A part of a row has a quantity only if it is a whole number of pieces.
    quantity, broken = divmod(row.quantity * net_minor, row.net_minor)
    if not broken:
        line["quantity"] = str(quantity)
    return line | {"net_minor": net_minor}
