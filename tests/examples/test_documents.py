"""Invoices → documents, as text tables: given rows of a file (invoice customer code quantity price), then documents.

A document is written `sale`, `return` or `customer`, its id without the store, who, `of` which sale, then its lines:
`line_id:[sale_line_id=]sku[*type] net_minor`.
"""

from textwrap import dedent

import pytest

from examples.online_retail.documents import Converter, Document
from examples.online_retail.invoices import read_rows

HEADER = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"


def documents_of(given: str) -> list[Document]:
    lines = [HEADER]
    for minute, row in enumerate(dedent(given).strip().splitlines()):
        invoice, customer, code, quantity, price = row.split()
        customer = "" if customer == "-" else customer
        lines.append(f"{invoice},{code},x,{quantity},2010-12-01 08:{minute:02}:00,{price},{customer},UK\n")
    return list(Converter().convert(read_rows(lines, "given")))


def told(document: Document) -> str:
    data = document.data
    if document.type == "crm.customer.create":
        return f"customer {data['customer_id']}"
    words = [document.type.split(".")[1], document.subject.removeprefix("online-"), data.get("customer_id", "-")]
    if document.type == "scm.return.completed" and "sale_id" in data:
        words += ["of", data["sale_id"].removeprefix("online-")]
    lines = []
    for line in data["lines"]:
        of = f"{line['sale_line_id']}=" if "sale_line_id" in line else ""
        kind = f"*{line['item_type']}" if "item_type" in line else ""
        lines.append(f"{line['line_id']}:{of}{line['sku']}{kind} {line['net_minor']}")
    return " ".join(words) + " | " + ", ".join(lines)


CASES = {
    "a sale of a customer, in pence": (
        "536365 17850 85123A 6 2.55",
        """
        customer 17850
        sale 536365 17850 | 1:85123A 1530
        """,
    ),
    "nobody named: no customer": (
        "536365 - 85123A 6 2.1",
        "sale 536365 - | 1:85123A 1260",
    ),
    "a customer is created once": (
        """
        1 7 A 1 1.00
        2 7 A 1 1.00
        """,
        """
        customer 7
        sale 1 7 | 1:A 100
        sale 2 7 | 1:A 100
        """,
    ),
    "the same row twice is two lines": (
        """
        1 - A 1 1.00
        1 - A 1 1.00
        """,
        "sale 1 - | 1:A 100, 2:A 100",
    ),
    "an invoice whose rows stand apart is one sale": (
        """
        1 - A 1 1.00
        2 - B2 1 1.00
        1 - C 1 1.00
        """,
        """
        sale 1 - | 1:A 100, 2:C 100
        sale 2 - | 1:B2 100
        """,
    ),
    "fees earn nothing": (
        """
        1 - A 1 1.00
        1 - POST 2 18.00
        1 - m 1 0.50
        """,
        "sale 1 - | 1:A 100, 2:POST*fee 3600, 3:M*fee 50",
    ),
    "a cancellation finds its sale line": (
        """
        1 7 A 6 2.55
        C2 7 A -2 2.55
        """,
        """
        customer 7
        sale 1 7 | 1:A 1530
        return C2 7 of 1 | 1:1=A 510
        """,
    ),
    "upper and lower case are one article": (
        """
        1 7 85123a 1 2.55
        C2 7 85123A -1 2.55
        """,
        """
        customer 7
        sale 1 7 | 1:85123A 255
        return C2 7 of 1 | 1:1=85123A 255
        """,
    ),
    "the latest sale first, then the one before, the rest without a receipt": (
        """
        1 7 A 1 1.00
        2 7 A 2 1.00
        C3 7 A -5 1.00
        """,
        """
        customer 7
        sale 1 7 | 1:A 100
        sale 2 7 | 1:A 200
        return C3 7 of 2 | 1:1=A 200
        return C3.2 7 of 1 | 1:1=A 100
        return C3.3 7 | 1:A 200
        """,
    ),
    "within what is left after the cancellation before": (
        """
        1 7 A 3 1.00
        C2 7 A -2 1.00
        C3 7 A -2 1.00
        """,
        """
        customer 7
        sale 1 7 | 1:A 300
        return C2 7 of 1 | 1:1=A 200
        return C3 7 of 1 | 1:1=A 100
        return C3.2 7 | 1:A 100
        """,
    ),
    "lines of one sale come back in one return, the later line first": (
        """
        1 7 A 1 1.00
        1 7 A 1 2.00
        1 7 B2 1 9.00
        C2 7 A -1 2.50
        C2 7 B2 -1 9.00
        """,
        """
        customer 7
        sale 1 7 | 1:A 100, 2:A 200, 3:B2 900
        return C2 7 of 1 | 1:2=A 200, 2:1=A 50, 3:3=B2 900
        """,
    ),
    "another customer's sale is not found, nor one that comes later": (
        """
        1 7 A 1 1.00
        C2 8 A -1 1.00
        C3 9 A -1 1.00
        4 9 A 1 1.00
        """,
        """
        customer 7
        sale 1 7 | 1:A 100
        customer 8
        return C2 8 | 1:A 100
        customer 9
        return C3 9 | 1:A 100
        sale 4 9 | 1:A 100
        """,
    ),
    "a cancellation without a customer has no receipt": (
        """
        1 - A 1 1.00
        C2 - A -1 1.00
        """,
        """
        sale 1 - | 1:A 100
        return C2 - | 1:A 100
        """,
    ),
    "a fee without a receipt costs no points, a discount does": (
        """
        C1 7 POST -1 18.00
        C1 7 D -1 27.50
        """,
        """
        customer 7
        return C1 7 | 1:D 2750
        return C1.2 - | 1:POST 1800
        """,
    ),
    "a fee with a receipt is linked": (
        """
        1 7 POST 1 18.00
        C2 7 POST -1 18.00
        """,
        """
        customer 7
        sale 1 7 | 1:POST*fee 1800
        return C2 7 of 1 | 1:1=POST 1800
        """,
    ),
    "bad debt: money in is a fee, money back a return of nobody": (
        """
        A1 - B 1 11062.06
        A2 - B 1 -11062.06
        """,
        """
        sale A1 - | 1:B*fee 1106206
        return A2 - | 1:B 1106206
        """,
    ),
    "an invoice with money both ways is a sale and a return": (
        """
        1 7 A 2 1.00
        1 7 D -1 0.50
        """,
        """
        customer 7
        sale 1 7 | 1:A 200
        return 1.2 7 | 1:D 50
        """,
    ),
    "stock that moves without money is no sale": (
        """
        1 - A -10 0.00
        2 - A 5 0.0
        """,
        "",
    ),
    "a present to a customer, or beside what was paid, is a free line": (
        """
        1 7 A 1 0.00
        2 - A 1 0.00
        2 - B2 1 1.00
        2 - C -1 0.00
        """,
        """
        customer 7
        sale 1 7 | 1:A 0
        sale 2 - | 1:A 0, 2:B2 100
        """,
    ),
    "below a penny the line is rounded, half up, not the price": (
        """
        1 - PADS 1 0.001
        1 - PADS 5 0.001
        1 - PADS 1000 0.001
        """,
        "sale 1 - | 1:PADS 0, 2:PADS 1, 3:PADS 100",
    ),
    "a gift voucher is a card of its face value, a card a line": (
        """
        1 - gift_0001_30 2 25.53
        1 - A 1 1.00
        """,
        "sale 1 - | 1:GIFT_0001_30*gift_card 2553, 2:GIFT_0001_30*gift_card 2553, 3:A 100",
    ),
}


@pytest.mark.parametrize(("given", "then"), CASES.values(), ids=CASES)
def test_documents(given: str, then: str) -> None:
    assert [told(document) for document in documents_of(given)] == dedent(then).strip().splitlines()
