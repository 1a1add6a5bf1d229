"""The numbers that the ledger must have, computed from the file a second time, by plain arithmetic.

It shares no code with the conversion or the worker. It reads the CSV itself, finds the sale of each cancellation, and
applies the contract's default rule (§2.2: a point a pound; one floor a sale, split over lines by largest
remainder; a line that sold for n and earned p keeps ⌊p·(n − R)/n⌋ after R came back). Slow and naive on purpose.
"""

import csv
import gzip
import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

FEES = ("POST", "DOT", "C2", "M", "S", "B", "AMAZONFEE", "BANK CHARGES", "CRUK")
VALUE_OF_A_POINT = Decimal("0.5")
"""Pence (contract §4, the default policy)."""


@dataclass(frozen=True)
class Tilled:
    """The tills' work beyond the file: sales voided, pence paid in points a sale, (sale, line, pence) returned."""

    voided: frozenset[str] = frozenset()
    paid_in_points: Mapping[str, int] = field(default_factory=dict)
    returned: tuple[tuple[str, int, int], ...] = ()


@dataclass
class Line:
    """A sold line: its customer and code, its pence, the pence that came back, the points that it earned."""

    customer: str
    code: str
    net: int
    returned: int = 0
    points: int = 0


@dataclass
class Expected:
    """Money of the file in pence, points with what the tills did, balances by customer (those that the file names)."""

    sold_minor: int = 0
    returned_minor: int = 0
    issued: int = 0
    reversed: int = 0
    redeemed: int = 0
    balances: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    @property
    def outstanding(self) -> int:
        """Return the points that customers have, less the deficits."""
        return self.issued - self.reversed - self.redeemed


def expected(path: Path, tilled: Tilled = Tilled()) -> Expected:
    """Return the totals of a file that `invoices.read_file` accepts."""
    result = Expected()
    sales: dict[str, list[Line]] = {}
    bought: dict[tuple[str, str], list[Line]] = defaultdict(list)
    for number, customer, rows in _invoices(path):
        if not customer and not any(net for _, _, net in rows):
            continue
        sold = [Line(customer, code, net) for code, net in _sold_lines(rows)]
        for start in range(0, len(sold), 1000):
            sale_id = f"online-{number}" + (f".{start // 1000 + 1}" if start else "")
            sales[sale_id] = sold[start : start + 1000]
            _earn(sales[sale_id], tilled.paid_in_points.get(sale_id, 0))
        for line in sold:
            bought[line.customer, line.code].append(line)
            result.sold_minor += line.net
        cancelled = [(code, -net) for code, _, net in rows if net < 0]
        without_receipt = [_cancel(bought[customer, code] if customer else [], net, code) for code, net in cancelled]
        result.returned_minor += sum(net for _, net in cancelled)
        if customer:
            result.balances[customer] += 0
            goods = [pence for code, pence in without_receipt if pence and _is_goods(code)]
            for start in range(0, len(goods), 1000):
                points = sum(goods[start : start + 1000]) // 100
                result.reversed += points
                result.balances[customer] -= points
    for sale_id, line_number, pence in tilled.returned:
        sales[sale_id][line_number - 1].returned += pence
    for sale_id, pence in tilled.paid_in_points.items():
        points = -int(-pence // VALUE_OF_A_POINT)
        result.redeemed += points
        result.balances[sales[sale_id][0].customer] -= points
    for sale_id, lines in sales.items():
        _settle(result, lines, voided=sale_id in tilled.voided)
    result.balances = dict(result.balances)
    return result


def _earn(lines: list[Line], paid_in_points: int) -> None:
    """Return the points of a sale's lines: eligible pence ÷ 100, one floor; the remaining points go to the largest
    fractions.
    """
    shares = _largest_remainder(paid_in_points, [line.net for line in lines])
    pence = [
        line.net - share if line.customer and _is_goods(line.code) else 0
        for line, share in zip(lines, shares, strict=True)
    ]
    points = [p // 100 for p in pence]
    odd = sum(pence) // 100 - sum(points)
    for n in sorted(range(len(lines)), key=lambda n: (-(pence[n] % 100), n))[:odd]:
        points[n] += 1
    for line, p in zip(lines, points, strict=True):
        line.points = p


def _largest_remainder(amount: int, weights: list[int]) -> list[int]:
    """Spread `amount` by weight in whole pence. The remaining pence go to the largest fractions, ties to the first."""
    total = sum(weights)
    if not amount or not total:
        return [0] * len(weights)
    shares = [amount * weight // total for weight in weights]
    by_fraction = sorted(range(len(weights)), key=lambda n: (-(amount * weights[n] % total), n))
    for n in by_fraction[: amount - sum(shares)]:
        shares[n] += 1
    return shares


def _cancel(bought: list[Line], net: int, code: str) -> tuple[str, int]:
    """Take `net` pence off the bought lines, the latest first. Return the pence for which there is no line."""
    for line in reversed(bought):
        taken = min(net, line.net - line.returned)
        line.returned += taken
        net -= taken
    return code, net


def _settle(result: Expected, lines: list[Line], *, voided: bool) -> None:
    for line in lines:
        kept = line.points * (line.net - line.returned) // line.net if line.net and not voided else 0
        result.issued += line.points
        result.reversed += line.points - kept
        if line.customer:
            result.balances[line.customer] += kept


def _sold_lines(rows: list[tuple[str, int, int]]) -> list[tuple[str, int]]:
    """Return (code, pence) of each line. A row is a line, but each gift voucher of a row is a line of its own."""
    lines = []
    for code, quantity, net in rows:
        if net > 0 or (net == 0 and quantity > 0):
            pieces = quantity if _is_voucher(code) and quantity > 0 else 1
            lines += [(code, net // pieces + (n < net % pieces)) for n in range(pieces)]
    return lines


def _is_voucher(code: str) -> bool:
    return re.fullmatch("GIFT_0001_[1-9][0-9]{0,2}", code) is not None


def _is_goods(code: str) -> bool:
    return code not in FEES and not _is_voucher(code)


def _invoices(path: Path) -> list[tuple[str, str, list[tuple[str, int, int]]]]:
    """Return (number, customer, [(code, quantity, pence)]) in the order of times. A number is one invoice a day."""
    with path.open("rb") as file:
        zipped = file.read(2) == b"\x1f\x8b"
    opened = gzip.open if zipped else open
    found: dict[tuple[str, str], tuple[datetime, str, list[tuple[str, int, int]]]] = {}
    with opened(path, "rt", encoding="utf-8-sig", errors="replace", newline="") as text:
        for row in csv.DictReader(text, skipinitialspace=False):
            at = row["InvoiceDate"]
            key = (row["InvoiceNo"], at.split()[0])
            if key not in found:
                time = datetime.fromisoformat(at) if "-" in at else datetime.strptime(at, "%m/%d/%Y %H:%M")  # noqa: DTZ007 - wall clock
                found[key] = (time, row["CustomerID"].removesuffix(".0"), [])
            quantity = int(Decimal(row["Quantity"]))
            pence = (Decimal(row["UnitPrice"]) * quantity * 100).quantize(Decimal(1), ROUND_HALF_UP)
            found[key][2].append((row["StockCode"].strip().upper(), quantity, int(pence)))
    ordered = sorted(found.items(), key=lambda item: item[1][0])
    return [(number, customer, rows) for (number, _), (_, customer, rows) in ordered]
