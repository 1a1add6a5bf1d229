"""Make the sample in the repository: `python -m examples.online_retail.sample INVOICES`.

It takes a few hundred invoices from the data set, always the same ones: first whole histories of customers, so that
cancellations can be linked to purchases, chosen by the hash of their number, those with cancellations first; then
invoices without a customer. Rows are copied unchanged, in the file's order.
"""

import csv
import gzip
import hashlib
import io
import sys
from collections.abc import Iterator
from pathlib import Path

from examples.online_retail.invoices import Invoice, InvoiceFileError, read_file

SAMPLE = Path(__file__).parent / "sample.csv.gz"

_INVOICES_WITH_CANCELLATIONS = 220
_INVOICES_OF_CUSTOMERS = 300
_INVOICES = 360
_ROWS_A_CUSTOMER = 120
_ROWS_WITHOUT_CUSTOMER = 25
# A customer who cancels 74,215 jars 16 minutes after buying them, and the smallest invoice that sells a gift voucher.
_ALWAYS = ("12346", "545895")


def choose(invoices: list[Invoice]) -> set[str]:
    """Return the invoice numbers of the sample."""
    histories: dict[str, list[Invoice]] = {}
    for invoice in invoices:
        histories.setdefault(invoice.customer_id or invoice.number, []).append(invoice)
    chosen = {invoice.number for key in _ALWAYS for invoice in histories.get(key, [])}
    by_hash = sorted(histories, key=lambda key: hashlib.sha256(key.encode()).digest())
    customers = [key for key in by_hash if histories[key][0].customer_id and _rows(histories[key]) <= _ROWS_A_CUSTOMER]
    nobody = [
        key for key in by_hash if not histories[key][0].customer_id and _rows(histories[key]) <= _ROWS_WITHOUT_CUSTOMER
    ]
    groups = (
        ([key for key in customers if _cancels(histories[key])], _INVOICES_WITH_CANCELLATIONS),
        (customers, _INVOICES_OF_CUSTOMERS),
        (nobody, _INVOICES),
    )
    for keys, limit in groups:
        for key in keys:
            if len(chosen) >= limit:
                break
            chosen |= {invoice.number for invoice in histories[key]}
    return chosen


def write(source: Path, numbers: set[str], target: Path) -> int:
    """Copy the rows of these invoices to a gzipped CSV, with the same bytes each time. Return how many."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    rows = _raw_rows(source)
    header = next(rows)
    column = header.index("InvoiceNo")
    writer.writerow(header)
    count = 0
    for row in rows:
        if row[column] in numbers:
            writer.writerow(row)
            count += 1
    with target.open("wb") as file, gzip.GzipFile("", "wb", 9, file, mtime=0) as zipped:
        zipped.write(text.getvalue().encode())
    return count


def _raw_rows(source: Path) -> Iterator[list[str]]:
    open_text = gzip.open if source.suffix == ".gz" else open
    with open_text(source, "rt", encoding="utf-8", newline="") as text:
        yield from csv.reader(text)


def _rows(invoices: list[Invoice]) -> int:
    return sum(len(invoice.rows) for invoice in invoices)


def _cancels(invoices: list[Invoice]) -> bool:
    return any(row.net_minor < 0 for invoice in invoices for row in invoice.rows)


def main(arguments: list[str]) -> int:
    """Write the sample. Return the exit status: 2, with one line on stderr, if the file can't be used."""
    if len(arguments) != 1:
        print("usage: python -m examples.online_retail.sample INVOICES", file=sys.stderr)
        return 2
    source = Path(arguments[0])
    try:
        numbers = choose(list(read_file(source)))
    except InvoiceFileError as error:
        print(error, file=sys.stderr)
        return 2
    rows = write(source, numbers, SAMPLE)
    print(f"{SAMPLE}: {len(numbers)} invoices, {rows} rows, {SAMPLE.stat().st_size:,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
