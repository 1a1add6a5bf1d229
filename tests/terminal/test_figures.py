"""Whole numbers and amounts: the typed number is sent, or none."""

import pytest

from schemas.currencies import CURRENCIES, minor_digits
from schemas.operations import OPERATIONS
from tests.terminal.shell import Shell
from worker.terminal.figures import NotAFigure, minor_units, whole
from worker.terminal.members import Form, amounts, members

ISSUE = ("giftcard", "issue", "--currency")
NO_NUMBERS = ["25.00", "10.0", "1_000", "1,000", "+5", " 5", "5 ", "5\n", "1e3", "6E15", "0x10", "٥", "--5", "", "-"]


@pytest.mark.parametrize("text", NO_NUMBERS)
def test_minor_units_are_digits_only(shell: Shell, text: str) -> None:
    done = shell.crm(*ISSUE, "GBP", f"--amount-minor={text}")
    assert (done.code, shell.api.asked) == (2, [])
    assert "'--amount-minor': a whole number of minor units, digits only; or --amount 25.00" in done.err


@pytest.mark.parametrize("text", NO_NUMBERS)
def test_points_are_digits_with_a_minus_where_it_means_something(shell: Shell, text: str) -> None:
    done = shell.crm("loyalty", "adjust", "--customer-id", "C", "--reason", "r", "--actor", "a", f"--points={text}")
    assert (done.code, shell.api.asked) == (2, [])
    assert "'--points': a whole number, digits only, or a minus and digits" in done.err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("0", "at least 1"),
        ("-1", "at least 1"),
        ("1000000000000001", "at most 1000000000000000"),
        ("9" * 20, "at most 1000000000000000"),
        ("-" + "9" * 4000, "at least 1"),
    ],
)
@pytest.mark.parametrize("option", ["--points", "--amount-minor"])
def test_a_number_out_of_bounds_is_told_its_bound(shell: Shell, option: str, text: str, said: str) -> None:
    done = shell.crm("loyalty", "earn", "--customer-id", "C", "--currency", "GBP", f"{option}={text}")
    assert (done.code, shell.api.asked) == (3, [])
    assert f"{option}: {said}" in done.err


@pytest.mark.parametrize("text", ["-20", "007", "1000000000000000"])
def test_whole_numbers(shell: Shell, text: str) -> None:
    words = ("--customer-id", "C", "--reason", "r", "--actor", "a", "--yes")
    assert shell.crm("loyalty", "adjust", "--points", text, *words).code == 0
    assert shell.api.asked[0].body["points"] == int(text)


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [
        ("25.00", "GBP", 2500),
        ("25.5", "gbp", 2550),
        ("25", "EUR", 2500),
        ("0.05", "USD", 5),
        ("2500", "JPY", 2500),
        ("25.125", "BHD", 25_125),
        ("25.1234", "CLF", 251_234),
    ],
)
def test_an_amount_has_the_decimals_of_its_currency(shell: Shell, text: str, currency: str, minor: int) -> None:
    assert shell.crm(*ISSUE, currency, "--amount", text).code == 0
    assert shell.api.asked[0].body == {"amount_minor": minor, "currency": currency.upper()}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("GBP --amount 25.001", "--amount: an amount in GBP is written like 25.00"),
        ("GBP --amount 25,00", "--amount: an amount in GBP is written like 25.00"),
        ("GBP --amount=-5", "--amount: an amount in GBP is written like 25.00"),
        ("GBP --amount 5.", "--amount: an amount in GBP is written like 25.00"),
        ("JPY --amount 25.0", "--amount: an amount in JPY is written like 2500"),
        ("BHD --amount 25.0000", "--amount: an amount in BHD is written like 25.000"),
        ("XXY --amount 25", "--amount: needs an ISO 4217 currency like GBP, which says how many decimals it has"),
        ("GBP --amount 25 --amount-minor 2500", "--amount: it is given in minor units too; leave one out"),
    ],
)
def test_an_amount_that_is_none(shell: Shell, words: str, said: str) -> None:
    done = shell.crm(*ISSUE, *words.split())
    assert (done.code, done.err, shell.api.asked) == (2, f"g3n: {said}\n", [])


def test_an_amount_goes_over_the_minor_units_of_a_file(shell: Shell) -> None:
    body = '{"amount_minor": 1, "currency": "JPY"}'
    assert shell.crm("giftcard", "issue", "--data", "-", "--amount", "500", stdin=body).code == 0
    assert shell.api.asked[0].body == {"amount_minor": 500, "currency": "JPY"}


def test_where_the_body_has_no_currency_the_option_only_says_the_decimals(shell: Shell) -> None:
    capture = ("tender", "capture", "--tender-id", "T1", "--amount", "12.50")
    assert (
        shell.crm(*capture).err
        == "g3n: --amount: needs an ISO 4217 currency like GBP, which says how many decimals it has\n"
    )
    assert shell.crm(*capture, "--currency", "GBP").code == 0
    assert shell.api.asked[0].body == {"tender_id": "T1", "amount_minor": 1250}


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_option_in_minor_units_has_a_decimal_one(name: str) -> None:
    minor = {member.path for member in members(name) if member.name.endswith("_minor")}
    assert minor == {member.path for member in amounts(name) if member.form is Form.AMOUNT}


@pytest.mark.parametrize("currency", CURRENCIES)
def test_every_currency(currency: str) -> None:
    digits = minor_digits(currency)
    assert minor_units(f"7.{'0' * digits}" if digits else "7", currency) == 7 * 10**digits
    with pytest.raises(NotAFigure):
        minor_units(f"7.{'0' * (digits + 1)}", currency)


def test_a_number_too_long_for_python() -> None:
    with pytest.raises(NotAFigure):
        whole("9" * 5000, signed=True)
    with pytest.raises(NotAFigure):
        minor_units("9" * 5000, "GBP")
