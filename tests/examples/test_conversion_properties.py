"""Properties of any invoices: no line is returned twice, and the documents add up to the file."""

from collections import Counter
from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from examples.online_retail.documents import Converter, Document
from examples.online_retail.invoices import Invoice, Row

rows = st.builds(
    lambda code, quantity, price: Row(code, quantity, quantity * price),
    st.sampled_from(["A", "B2", "POST", "D", "GIFT_0001_20"]),
    st.integers(-6, 6),
    st.sampled_from([0, 1, 99, 255]),
)
invoices = st.lists(
    st.tuples(st.sampled_from([None, "7", "8"]), st.lists(rows, min_size=1, max_size=6)), max_size=12
).map(
    lambda drawn: [
        Invoice(str(n), customer, datetime(2010, 12, 1, 8) + timedelta(hours=n), rows)  # noqa: DTZ001 - wall clock
        for n, (customer, rows) in enumerate(drawn)
    ]
)


def sold_lines(documents: list[Document]) -> dict[tuple[str, int], tuple[int, str, str | None, int]]:
    """(sale, line) → position in the stream, sku, customer, net."""
    return {
        (document.subject, line["line_id"]): (n, line["sku"], document.data.get("customer_id"), line["net_minor"])
        for n, document in enumerate(documents)
        if document.type == "scm.sale.completed"
        for line in document.data["lines"]
    }


@given(invoices)
def test_no_line_is_returned_beyond_what_it_sold_for(given_invoices: list[Invoice]) -> None:
    documents = list(Converter().convert(given_invoices))
    sold = sold_lines(documents)
    returned = Counter[tuple[str, int]]()
    for n, document in enumerate(documents):
        if document.type != "scm.return.completed" or "sale_id" not in document.data:
            continue
        for line in document.data["lines"]:
            key = (document.data["sale_id"], line["sale_line_id"])
            returned[key] += line["net_minor"]
            position, sku, customer, _ = sold[key]
            assert (position < n, sku, customer) == (True, line["sku"], document.data["customer_id"])
    assert all(net_minor <= sold[key][3] for key, net_minor in returned.items())


@given(invoices)
def test_a_return_without_a_receipt_means_that_nothing_is_left_to_link(given_invoices: list[Invoice]) -> None:
    documents = list(Converter().convert(given_invoices))
    left = Counter[tuple[str | None, str]]()
    for document in documents:
        customer = document.data.get("customer_id")
        for line in document.data.get("lines", ()):
            if document.type == "scm.sale.completed":
                left[customer, line["sku"]] += line["net_minor"]
            elif "sale_id" in document.data:
                left[customer, line["sku"]] -= line["net_minor"]
            elif customer:
                assert left[customer, line["sku"]] == 0


@given(invoices)
def test_the_documents_add_up_to_the_file(given_invoices: list[Invoice]) -> None:
    converter = Converter()
    documents = list(converter.convert(given_invoices))
    sign = {"scm.sale.completed": 1, "scm.return.completed": -1}
    money = sum(
        sign[document.type] * line["net_minor"] for document in documents for line in document.data.get("lines", ())
    )
    assert money == sum(row.net_minor for invoice in given_invoices for row in invoice.rows)
    assert money == converter.sold_minor - converter.linked_minor - converter.unlinked_minor


@given(invoices)
def test_documents_are_stable_and_their_ids_unique(given_invoices: list[Invoice]) -> None:
    documents = list(Converter().convert(given_invoices))
    assert documents == list(Converter().convert(given_invoices))
    assert len({(document.type, document.subject) for document in documents}) == len(documents)
    for document in documents:
        numbers = [line["line_id"] for line in document.data.get("lines", ())]
        assert numbers == list(range(1, len(numbers) + 1))
        if document.type == "scm.sale.completed":
            (tender,) = document.data["tenders"]
            assert tender["amount_minor"] == sum(line["net_minor"] for line in document.data["lines"])
