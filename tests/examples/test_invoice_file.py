"""Files that can be read, and the messages for those that can't."""

import gzip
from pathlib import Path

import pytest

from examples.online_retail.invoices import COLUMNS, Invoice, InvoiceFileError, Row, read_file, read_rows

HEADER = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"
ROW = "536365,85123A,HEART,6,2010-12-01 08:26:00,2.55,17850.0,United Kingdom\n"


@pytest.mark.parametrize(
    "content",
    [
        (HEADER + ROW).encode(),
        gzip.compress((HEADER + ROW).encode()),
        ("\ufeff" + HEADER + ROW).encode(),
        (HEADER + ROW)
        .replace("HEART", "CAF\xc9, \xa330")
        .replace("CAF\xc9, \xa330", '"CAF\xc9, \xa330"')
        .encode("latin-1"),
        (HEADER + ROW + "\n").replace("\n", "\r\n").encode(),
    ],
    ids=["plain", "gzip whatever its name", "byte order mark", "latin-1", "CRLF and an empty line"],
)
def test_reads(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "invoices.csv"
    path.write_bytes(content)
    (invoice,) = read_file(path)
    assert (invoice.number, invoice.customer_id, invoice.rows) == ("536365", "17850", [Row("85123A", 6, 1530)])


def test_columns_may_stand_in_any_order() -> None:
    lines = ["CustomerID,UnitPrice,InvoiceDate,Quantity,StockCode,InvoiceNo\n", ",1.00,2010-12-01 08:26:00,1,A,1\n"]
    assert [(i.number, i.customer_id) for i in read_rows(lines, "given")] == [("1", None)]


def test_a_day_is_yielded_before_the_next_is_read() -> None:
    next_day = ROW.replace("12-01", "12-02")
    lines = iter([HEADER, ROW, next_day.replace("536365", "7"), next_day])
    invoices = read_rows(lines, "given")
    assert next(invoices).number == "536365"
    assert list(lines) == [next_day]


def test_an_invoice_number_may_come_again_on_another_day() -> None:
    next_day = ROW.replace("12-01", "12-02")
    invoices = read_rows([HEADER, ROW, next_day.replace("536365", "7"), next_day], "given")
    assert [invoice.number for invoice in invoices] == ["536365", "7", "536365"]


def test_a_day_comes_in_the_order_of_its_times() -> None:
    lines = [HEADER, ROW, ROW.replace("536365", "7").replace("08:26", "08:25")]
    assert [invoice.number for invoice in read_rows(lines, "given")] == ["7", "536365"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("StockCode", "Code", "file: not an invoice file: column StockCode missing"),
        (
            HEADER,
            "",
            f"file: not an invoice file: column {', '.join(COLUMNS)} missing",
        ),
        (",United Kingdom", "", "file: row 2: 7 columns instead of 8"),
        (",6,", ",six,", "file: row 2: Quantity 'six' is not a whole number"),
        (",6,", ",6.5,", "file: row 2: Quantity '6.5' is not a whole number"),
        ("2.55", "NaN", "file: row 2: UnitPrice 'NaN' is not a decimal number"),
        ("2.55", "", "file: row 2: UnitPrice '' is not a decimal number"),
        (
            "2010-12-01",
            "1.12.2010",
            "file: row 2: InvoiceDate '1.12.2010 08:26:00' is neither 2010-12-01 08:26:00 nor 12/1/2010 8:26",
        ),
        (
            "2010-12-01",
            "2010-02-30",
            "file: row 2: InvoiceDate '2010-02-30 08:26:00' is neither 2010-12-01 08:26:00 nor 12/1/2010 8:26",
        ),
        ("536365", "", "file: row 2: InvoiceNo '' is not 1 to 64 printable ASCII characters"),
        ("17850.0", "Ren\xe9", "file: row 2: CustomerID 'Ren\xe9' is not 1 to 64 printable ASCII characters"),
        ("85123A", "  ", "file: row 2: StockCode '  ' is empty or not printable"),
        (ROW, ROW + ROW.replace("17850", "7"), "file: row 3: invoice 536365 names two customers"),
    ],
)
def test_says_what_is_wrong_and_where(old: str, new: str, message: str) -> None:
    lines = (HEADER + ROW).replace(old, new).splitlines(keepends=True)
    with pytest.raises(InvoiceFileError) as caught:
        list(read_rows(lines, "file"))
    assert str(caught.value) == message


def test_a_field_too_long_for_csv_names_its_row() -> None:
    with pytest.raises(InvoiceFileError, match=r"^file: row 2: not CSV \(field larger"):
        list(read_rows([HEADER, "x" * 200_000 + "\n"], "file"))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "No such file or directory"),
        (b"", "not an invoice file"),
        (b"\x00\x01\xff" * 99, "not an invoice file"),
        (gzip.compress(HEADER.encode(), mtime=0)[:-5], "not a whole gzip file"),
        (b"\x1f\x8b" + b"rubbish" * 9, "not a whole gzip file"),
    ],
)
def test_files_that_are_none(tmp_path: Path, content: bytes | None, message: str) -> None:
    path = tmp_path / "invoices.csv"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InvoiceFileError) as caught:
        list[Invoice](read_file(path))
    assert str(caught.value).startswith(f"{path}: {message}")
    assert "\n" not in str(caught.value)
