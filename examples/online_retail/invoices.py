"""The invoice file: rows of *Online Retail* (a row is one line of an invoice) read into whole invoices.

Format: CSV, gzipped or not, with the columns of `COLUMNS`, rows in day order, as UCI publishes the data set
(doi:10.24432/C5BW33) or as its usual CSV copies do (`12/1/2010 8:26`, Latin-1 descriptions).
"""

import csv
import gzip
import re
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from operator import itemgetter
from pathlib import Path
from typing import TextIO

COLUMNS = ("InvoiceNo", "StockCode", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID")

_GZIP_MAGIC = b"\x1f\x8b"
_ID = re.compile(r"[!-~]{1,64}")
_INTEGER = re.compile(r"-?[0-9]{1,9}(\.0+)?")
_PRICE = re.compile(r"-?[0-9]{1,9}(\.[0-9]{1,6})?")
_TIME_FORMATS = ("%Y-%m-%d %H:%M:%S", "%m/%d/%Y %H:%M")


class InvoiceFileError(Exception):
    """The invoice file can't be used. The message is one line that names the file and, if there is one, the row."""


@dataclass(slots=True, frozen=True)
class Row:
    """One line of an invoice. `net_minor` is quantity × unit price in pence, exact (half up below a penny)."""

    stock_code: str
    quantity: int
    net_minor: int


@dataclass(slots=True, frozen=True)
class Invoice:
    """The rows with one invoice number on one day.

    `customer_id` is None if the rows name nobody; `local_time` is the wall clock of the shop, without a zone.
    """

    number: str
    customer_id: str | None
    local_time: datetime
    rows: list[Row] = field(default_factory=list)


def read_file(path: Path) -> Iterator[Invoice]:
    """Yield the invoices of a CSV file, gzipped or not, in the file's order. Raises InvoiceFileError."""
    try:
        with _open_text(path) as text:
            yield from read_rows(text, str(path))
    except (OSError, EOFError, zlib.error) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "not a whole gzip file"
        raise InvoiceFileError(f"{path}: {reason}") from error


def read_rows(lines: Iterable[str], name: str) -> Iterator[Invoice]:
    """Yield the invoices in lines of CSV, the header first. `name` begins the message of an InvoiceFileError.

    The rows of an invoice may be apart, but must be of one day: each day's invoices are yielded by their time as
    soon as the next day begins, so memory holds one day.
    """
    reader = csv.reader(lines)
    try:
        header = [column.strip() for column in next(reader, [])]
        missing = [column for column in COLUMNS if column not in header]
        if missing:
            raise InvoiceFileError(f"{name}: not an invoice file: column {', '.join(missing)} missing")
        yield from _by_day(reader, header, name)
    except csv.Error as error:
        raise InvoiceFileError(f"{name}: row {reader.line_num}: not CSV ({error})") from error


def _by_day(reader: Iterator[list[str]], header: list[str], name: str) -> Iterator[Invoice]:
    pick = itemgetter(*(header.index(column) for column in COLUMNS))
    day, open_invoices = None, dict[str, Invoice]()
    for row_number, fields in enumerate(reader, start=2):
        if not fields:
            continue
        try:
            if len(fields) != len(header):
                raise ValueError(f"{len(fields)} columns instead of {len(header)}")  # noqa: TRY301 - named with its row below
            number, stock_code, quantity, when, price, customer = pick(fields)
            local_time = _time(when)
            if local_time.date() != day:
                yield from sorted(open_invoices.values(), key=lambda invoice: invoice.local_time)
                day, open_invoices = local_time.date(), {}
            customer_id = _id("CustomerID", customer.removesuffix(".0")) if customer else None
            invoice = open_invoices.get(number)
            if invoice is None:
                invoice = open_invoices[number] = Invoice(_id("InvoiceNo", number), customer_id, local_time)
            elif invoice.customer_id != customer_id:
                raise ValueError(f"invoice {number} names two customers")  # noqa: TRY301 - named with its row below
            invoice.rows.append(_row(stock_code, quantity, price))
        except ValueError as error:
            raise InvoiceFileError(f"{name}: row {row_number}: {error}") from error
    yield from sorted(open_invoices.values(), key=lambda invoice: invoice.local_time)


def _open_text(path: Path) -> TextIO:
    with path.open("rb") as file:
        zipped = file.read(2) == _GZIP_MAGIC
    # Copies of the set differ in their encoding, but only descriptions hold more than ASCII, and none is read here.
    if zipped:
        return gzip.open(path, "rt", encoding="utf-8-sig", errors="replace", newline="")
    return path.open(encoding="utf-8-sig", errors="replace", newline="")


def _row(stock_code: str, quantity: str, price: str) -> Row:
    # "85123a" and "85123A" are the same article.
    code = stock_code.strip().upper()
    if not code or not code.isprintable():
        raise ValueError(f"StockCode {stock_code!r} is empty or not printable")
    units, pence = _integer(quantity), _pence(price)
    if isinstance(pence, int):
        return Row(code, units, units * pence)
    return Row(code, units, int((units * pence).quantize(Decimal(1), ROUND_HALF_UP)))


def _id(column: str, text: str) -> str:
    if not _ID.fullmatch(text):
        raise ValueError(f"{column} {text!r} is not 1 to 64 printable ASCII characters")
    return text


@lru_cache(4096)
def _integer(text: str) -> int:
    if not _INTEGER.fullmatch(text):
        raise ValueError(f"Quantity {text!r} is not a whole number")
    return int(text.partition(".")[0])


@lru_cache(4096)
def _pence(text: str) -> int | Decimal:
    """Return the unit price in pence: an integer, unless it has fractions of a penny."""
    if not _PRICE.fullmatch(text):
        raise ValueError(f"UnitPrice {text!r} is not a decimal number")
    pence = Decimal(text).scaleb(2)
    return int(pence) if pence == pence.to_integral_value() else pence


@lru_cache(4096)
def _time(text: str) -> datetime:
    for time_format in _TIME_FORMATS:
        try:
            return datetime.strptime(text, time_format)  # noqa: DTZ007 - the data set's times are wall clock without a zone
        except ValueError:
            continue
    raise ValueError(f"InvoiceDate {text!r} is neither 2010-12-01 08:26:00 nor 12/1/2010 8:26")
