"""Invalid files: the whole file is checked before anything is sent, and no message repeats a value."""

import pytest

from tests.terminal.files import CARDS, CUSTOMERS, a_file, people
from tests.terminal.shell import Shell


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"\xef\xbb\xbf \n\n", "is empty"),
        (CUSTOMERS.encode(), "there are no rows in it"),
        (people(1).encode("utf-16"), "is UTF-16; save it as UTF-8"),
        (b"customer_id,name\nC1,Jos\xe9\n", "line 2: is not UTF-8; save it as UTF-8"),
        (b"customer_id,name\nC1,\0\n", "line 2: has a NUL byte"),
        (b"customer_id,name\nC1," + b"x" * 70_000, "line 2: has more than 65,536 characters"),
        (b"customer_id;name\nC1;Ada\n", "columns are separated by ;; use commas"),
        (b"customer_id\tname\nC1\tAda\n", "columns are separated by tabs; use commas"),
        (
            b"customer_id,nmae\nC1,Ada\n",
            "column 2 (nmae) is unknown; the columns are customer_id, name, email, phone, birth_date, ext",
        ),
        (b"C1,ada@example.com\n", "row 1: column 1 is unknown"),
        (b"customer_id,name\nCustomer ID,Name\nC1,Ada\n", "row 2: is a second header; delete it"),
        (b"customer_id,external_ids.shop\nC1,6.00649E+15\n", "row 2: external_ids: a spreadsheet has rounded"),
        (b"customer_id,name\rC1,\xe9\r", "line 2: is not UTF-8; save it as UTF-8"),
        (b"customer_id,customer_id\nC1,C1\n", "row 1: column 2 is there twice"),
        (b"external_ids\n77\n", "row 1: column 1 (external_ids) is unknown"),
        (b"customer_id,name\nC1\n", "row 2: has 1 cells, the header 2"),
        (b'customer_id,name\nC1,"Ada\n', "unexpected end of data (a quote that is not closed, or not doubled?)"),
        (b'customer_id,name\nC1,"A"da\n', "(a quote that is not closed, or not doubled?)"),
        (b"customer_id,name\nC1,Ada\nC2,Bob\nC1,Eve\n", "row 4: customer_id: the same as in row 2"),
        ("customer_id\nC\N{EURO SIGN}\n".encode(), "row 2: customer_id: printable ASCII characters only"),
        (b'{"customer_id": "C1"', "row 1: is not JSON: column 21"),
        (b'{"customer_id": "C1", "customer_id": "C2"}', "row 1: is not JSON: customer_id: is there twice"),
        (b'{"customer_id": "C1"}\n[]', "row 2: is not a JSON object; JSONL has one a line"),
        (b'[\n{"customer_id": "C1"}]', "row 1: is not JSON"),
        (b'{"customer_id": "C1", "nmae": "Ada"}', "row 1: 1 unknown member(s); known are customer_id, name"),
        (b'{"customer_id": 1}', "row 1: customer_id: a text, in quotes"),
        (b'{"command_id": "x"}', "row 1: 1 unknown member(s)"),
    ],
)
def test_a_file_that_is_not_right(shell: Shell, content: bytes, said: str) -> None:
    file = a_file(shell, content)
    done = shell.crm("customer", "import", str(file))
    assert (done.code, done.out, shell.api.asked) == (3, "", [])
    assert f"g3n: {file}: {said}" in done.err or said in done.err.splitlines()[0]
    assert done.err.splitlines()[-2:] == [
        f"g3n: {file}: nothing was sent",
        "     Correct the file and run it again.",
    ]
    assert [path.name for path in shell.folder.iterdir()] == ["file.csv"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("number,currency\n6006490000000017,GBP\n", "row 1: missing: amount_minor; the columns are"),
        (CARDS + "6006490000000017,12.50,GBP,\n", "row 2: amount_minor: a whole number of minor units, digits only"),
        (
            CARDS + "6006490000000017,\N{DEVANAGARI DIGIT FIVE},GBP,\n",
            "row 2: amount_minor: a whole number of minor units, digits only",
        ),
        (CARDS + "6006490000000017,,GBP,\n", "row 2: amount_minor: missing"),
        (CARDS + "6006490000000017,5,gbq,\n", "row 2: currency: an ISO 4217 currency code in capitals, like GBP"),
        (CARDS + "6006490000000017,+5,GBP,\n", "row 2: amount_minor: a whole number of minor units, digits only"),
        (CARDS + "Number,Amount,Currency,PIN\n", "row 2: amount_minor: a whole number of minor units, digits only (is"),
        (CARDS + "6006490000000017,5,GBP,\n" + CARDS, "row 3: is a second header; delete it"),
        (CARDS + "6.00649E+15,5,GBP,\n", "row 2: number: a spreadsheet has rounded this number: format the column as"),
        (CARDS + "6E15,5,GBP,\n", "row 2: number: a spreadsheet has rounded this number"),
        (CARDS + "6006490000000017,2.5E+3,GBP,\n", "row 2: amount_minor: a spreadsheet has rounded this number"),
        ("amount,currency\n12.505,GBP\n", "row 2: amount: an amount in GBP is written like 25.00"),
        ("amount,currency\n12.50,\n", "row 2: amount: needs an ISO 4217 currency"),
        (
            "amount,amount_minor,currency\n5.00,500,GBP\n",
            "row 2: amount: it is given in minor units too; leave one out",
        ),
        (CARDS + "6006490000000017,5,GBP,47x1\n", "row 2: pin: 4 to 12 digits"),
        (CARDS + "17,5,GBP,\n", "row 2: number: 8 to 32 digits and letters, not counting spaces and dashes"),
        (CARDS + "6006490000000017,5,GBP,\n" * 2, "row 3: number: the same as in row 2"),
        (CARDS + "gc-1234-abcd,5,GBP,\nGC1234 ABCD,5,GBP,\n", "row 3: number: the same as in row 2"),
        ('{"gift_card": {"nubmer": "6006490000000017"}, "amount_minor": 5, "currency": "GBP"}', "1 unknown member(s)"),
        ("amount_minor,currency\n" + "5,GBP\n" * 10_001, "10,001 rows are too many: 10,000 a file at most"),
    ],
)
def test_cards_that_are_not_right(shell: Shell, content: str, said: str) -> None:
    file = a_file(shell, content)
    done = shell.crm("giftcard", "import", str(file), "--out", "numbers.csv")
    assert (done.code, shell.api.asked) == (3, [])
    assert said in done.err
    assert "6006490000000017" not in done.err
    assert "47x1" not in done.err


def test_only_the_first_problems_are_shown(shell: Shell) -> None:
    done = shell.crm("customer", "import", str(a_file(shell, "customer_id,name\n" + "C1\n" * 1000)))
    assert len(done.err.splitlines()) == 20 + 3
    assert "… and 980 more" in done.err


def test_a_file_that_can_not_be_read(shell: Shell) -> None:
    for name, said in (("nowhere.csv", "No such file or directory"), (".", "Is a directory")):
        done = shell.crm("customer", "import", name)
        assert (done.code, done.err) == (2, f"g3n: {name}: {said}\n")
