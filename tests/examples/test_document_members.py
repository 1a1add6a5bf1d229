"""The members of the documents made of invoices, one by one."""

import pytest

from examples.online_retail.documents import MAX_LINES, Converter, card_number, instant
from examples.online_retail.invoices import read_rows
from tests.examples.test_documents import HEADER, documents_of


def test_a_sale_has_what_the_contract_asks_for() -> None:
    _, sale = documents_of("536365 17850 85123A 6 2.55")
    assert sale.envelope() == {
        "specversion": "1.0",
        "id": "scm.sale.completed/online-536365",
        "source": "/examples/online-retail",
        "type": "scm.sale.completed",
        "subject": "online-536365",
        "orgcode": "online-retail",
        "datacontenttype": "application/json",
        "data": {
            "sale_id": "online-536365",
            "store_id": "online",
            "occurred_at": "2010-12-01T08:00:00+00:00",
            "business_date": "2010-12-01",
            "currency": "GBP",
            "customer_id": "17850",
            "lines": [{"line_id": 1, "sku": "85123A", "quantity": "6", "net_minor": 1530}],
            "tenders": [{"tender_id": "online-536365-pay", "kind": "other", "amount_minor": 1530}],
        },
    }
    assert (sale.topic, sale.key) == ("scm.sales", "17850")


def test_the_key_is_the_customer_else_the_documents_own_id() -> None:
    rows = """
    1 7 A 1 1.00
    2 - A 1 1.00
    C3 7 A -1 1.00
    C4 - A -1 1.00
    """
    assert [document.key for document in documents_of(rows)] == ["7", "7", "online-2", "7", "online-C4"]


def test_a_part_of_a_row_has_a_quantity_only_in_whole_pieces() -> None:
    rows = """
    1 7 A 1 1.50
    2 7 A 2 1.00
    C3 7 A -3 1.00
    """
    returns = [document for document in documents_of(rows) if document.type == "scm.return.completed"]
    assert [document.data["lines"][0] for document in returns] == [
        {"line_id": 1, "sale_line_id": 1, "sku": "A", "quantity": "2", "net_minor": 200},
        {"line_id": 1, "sale_line_id": 1, "sku": "A", "quantity": "1", "net_minor": 100},
    ]
    assert "quantity" not in documents_of("1 7 A 1 0.25\nC2 7 A -1 1.00")[2].data["lines"][0]


def test_a_voucher_line_holds_its_card() -> None:
    (sale,) = documents_of("1 - gift_0001_30 1 25.53")
    assert sale.data["lines"] == [
        {
            "line_id": 1,
            "sku": "GIFT_0001_30",
            "item_type": "gift_card",
            "net_minor": 2553,
            "gift_card": {"load_minor": 3000, "number": card_number("online-1/1")},
        }
    ]


def test_an_invoice_longer_than_a_document_becomes_several() -> None:
    lines = [f"1,A{n},x,1,2010-12-01 08:00:00,1.00,7,UK\n" for n in range(MAX_LINES + 1)]
    lines += [f"C2,A{n},x,-1,2010-12-01 09:00:00,1.00,7,UK\n" for n in range(MAX_LINES + 1)]
    _, *documents = Converter().convert(read_rows([HEADER, *lines], "given"))
    assert [
        (document.subject, document.data.get("sale_id"), len(document.data["lines"])) for document in documents
    ] == [
        ("online-1", "online-1", 1000),
        ("online-1.2", "online-1.2", 1),
        ("online-C2", "online-1", 1000),
        ("online-C2.2", "online-1.2", 1),
    ]
    assert documents[1].data["tenders"] == [{"tender_id": "online-1.2-pay", "kind": "other", "amount_minor": 100}]
    assert documents[3].data["lines"] == [
        {"line_id": 1, "sale_line_id": 1, "sku": "A1000", "quantity": "1", "net_minor": 100}
    ]


@pytest.mark.parametrize(
    ("local", "expected"),
    [
        ("2010-12-01 08:26:00", "2010-12-01T08:26:00+00:00"),
        ("2011-03-27 00:59:00", "2011-03-27T00:59:00+00:00"),
        ("2011-03-27 02:00:00", "2011-03-27T02:00:00+01:00"),
        ("2011-10-30 01:30:00", "2011-10-30T01:30:00+01:00"),
        ("7/1/2011 8:05", "2011-07-01T08:05:00+01:00"),
    ],
)
def test_times_carry_londons_offset(local: str, expected: str) -> None:
    (invoice,) = read_rows([HEADER, f"1,A,x,1,{local},1.00,,UK\n"], "given")
    assert instant(invoice.local_time) == expected


def test_card_numbers_are_stable_and_pass_the_luhn_check() -> None:
    assert card_number("a") == "9999348449622502"
    for seed in map(str, range(200)):
        number = card_number(seed)
        doubled = [int(digit) * (2 - n % 2) for n, digit in enumerate(number)]
        assert (len(number), sum(d - 9 if d > 9 else d for d in doubled) % 10) == (16, 0)
