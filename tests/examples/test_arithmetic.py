"""The second opinion: totals worked out by hand, as text tables (invoice customer code quantity price)."""

from pathlib import Path
from textwrap import dedent

import pytest

from examples.online_retail.arithmetic import Expected, Tilled, expected

HEADER = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"


def worked_out(folder: Path, given: str, tilled: Tilled) -> Expected:
    lines = [HEADER]
    for minute, row in enumerate(dedent(given).strip().splitlines()):
        invoice, customer, code, quantity, price = row.split()
        customer = "" if customer == "-" else f"{customer}.0"
        lines.append(f"{invoice},{code},x,{quantity},2010-12-01 08:{minute:02}:00,{price},{customer},UK\n")
    path = folder / "given.csv"
    path.write_text("".join(lines))
    return expected(path, tilled)


NOTHING = Tilled()
CASES = {
    "one floor a sale, not a line": ("1 7 A 1 0.99\n1 7 B2 1 0.99\n1 7 C 1 0.99", NOTHING, (2, 0, 0, {"7": 2})),
    "nobody earns nothing": ("1 - A 1 9.00", NOTHING, (0, 0, 0, {})),
    "fees and vouchers earn nothing": (
        "1 7 POST 1 9.00\n1 7 GIFT_0001_10 1 8.33\n1 7 A 1 1.00",
        NOTHING,
        (1, 0, 0, {"7": 1}),
    ),
    "contract §7, 2: the line keeps its floor": (
        "1 7 A 1 10.99\n1 7 B2 1 0.01\nC2 7 A -1 4.00\nC3 7 A -1 4.00",
        NOTHING,
        (11, 9, 0, {"7": 2}),
    ),
    "without a receipt a floor a return": ("C1 7 A -1 1.50\nC1 7 B2 -1 1.50", NOTHING, (0, 3, 0, {"7": -3})),
    "a fee without a receipt costs nothing": ("C1 7 POST -1 9.00", NOTHING, (0, 0, 0, {"7": 0})),
    "the latest line first": (
        # 1.50 earns 1, 2.00 earns 2; 1.00 comes off the second: keeps ⌊2·100/200⌋ = 1.
        "1 7 A 1 1.50\n2 7 A 1 2.00\nC3 7 A -1 1.00",
        NOTHING,
        (3, 1, 0, {"7": 2}),
    ),
    "contract §7, 3: what points pay earns nothing": (
        # 401 over 1500 and 500 is 301 and 100; 1199 + 400 earns 15; P(401) = 802.
        "1 7 A 1 15.00\n1 7 B2 1 5.00",
        Tilled(paid_in_points={"online-1": 401}),
        (15, 0, 802, {"7": 15 - 802}),
    ),
    "a return at the till": ("1 7 A 1 10.00", Tilled(returned=(("online-1", 1, 250),)), (10, 3, 0, {"7": 7})),
    "a sale voided at the till, what came back of it too": (
        "1 7 A 2 5.00\n2 7 B2 1 3.00\nC3 7 A -1 5.00",
        Tilled(voided=frozenset({"online-1"})),
        (13, 10, 0, {"7": 3}),
    ),
}


@pytest.mark.parametrize(("given", "tilled", "then"), CASES.values(), ids=CASES)
def test_points(tmp_path: Path, given: str, tilled: Tilled, then: tuple[int, int, int, dict[str, int]]) -> None:
    result = worked_out(tmp_path, given, tilled)
    assert (result.issued, result.reversed, result.redeemed, result.balances) == then
    assert result.outstanding == sum(result.balances.values())


def test_money(tmp_path: Path) -> None:
    result = worked_out(tmp_path, "1 7 A 2 1.25\n2 - PADS 5 0.001\nC3 7 A -1 2.00\n4 - A -3 0.0", NOTHING)
    assert (result.sold_minor, result.returned_minor) == (251, 200)
