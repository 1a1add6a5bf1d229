"""Import of customers and gift cards: nothing is done twice, and the next run does what is left."""

import json
import signal
import threading

import pytest

from schemas.problems import Code
from tests.terminal.files import APPLIED, CUSTOMERS, a_file, bodies, of, people
from tests.terminal.pseudo_terminal import terminal
from tests.terminal.server import Asked, Reply, problem
from tests.terminal.shell import Shell


def test_customers_of_a_csv(shell: Shell) -> None:
    file = a_file(shell, CUSTOMERS + 'C1,"Ada, Countess",ada@example.com,77-1\n\nC2, Bob ,,\n')
    done = shell.crm("customer", "import", str(file), "--concurrency", "1")
    assert (done.code, done.out) == (0, "")
    assert done.err.splitlines()[-1] == "2 done, 0 done before, 0 refused, of 2 rows"
    assert bodies(shell) == [
        {
            "customer_id": "C1",
            "name": "Ada, Countess",
            "email": "ada@example.com",
            "external_ids": {"shop": "77-1"},
        },
        {"customer_id": "C2", "name": "Bob"},
    ]
    assert [of(asked) for asked in shell.api.asked] == [2, 4]  # as a spreadsheet counts
    assert {path.name for path in shell.folder.iterdir()} == {"file.csv", "file.csv.state.jsonl"}


def test_gift_cards_of_jsonl(shell: Shell) -> None:
    rows = [
        {"gift_card": {"number": "6006490000000017"}, "amount_minor": 2500, "currency": "GBP", "pin": "4711"},
        {"gift_card": {"number": "6006490000000025"}, "amount_minor": 0, "currency": "EUR", "customer_id": None},
    ]
    file = a_file(shell, "\ufeff\n" + "\r\n".join(map(json.dumps, rows)), "cards.jsonl")
    done = shell.crm("giftcard", "import", str(file), "--concurrency", "1")
    assert done.code == 0, done.err
    assert bodies(shell) == rows
    assert [of(asked) for asked in shell.api.asked] == [2, 3]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("name_length", [4, 250])
def test_any_line_ending_and_any_size_of_a_file(shell: Shell, end: str, name_length: int) -> None:
    rows = [f"C{place},{'n' * name_length}" for place in range(300)]
    file = a_file(shell, "\ufeff" + end.join(["customer_id,name", *rows]))
    assert shell.crm("customer", "import", str(file), "--concurrency", "64").code == 0
    assert {body["customer_id"] for body in bodies(shell)} == {f"C{place}" for place in range(300)}


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_any_line_ending_of_jsonl(shell: Shell, end: str) -> None:
    rows = [{"amount_minor": 5, "currency": currency} for currency in ("gbp", "EUR")]
    file = a_file(shell, end.join(map(json.dumps, rows)), "cards.jsonl")
    done = shell.crm("giftcard", "import", str(file), "--out", "numbers.csv", "--concurrency", "1")
    assert done.code == 0, done.err
    assert [body["currency"] for body in bodies(shell)] == ["GBP", "EUR"]


def test_amounts_with_a_point_and_currencies_in_lower_case(shell: Shell) -> None:
    file = a_file(shell, "number,amount,currency\n6006490000000017,25.00,gbp\n6006490000000025,2500,jpy\n")
    assert shell.crm("giftcard", "import", str(file), "--concurrency", "1").code == 0
    assert [(body["amount_minor"], body["currency"]) for body in bodies(shell)] == [(2500, "GBP"), (2500, "JPY")]


def test_opening_balances(shell: Shell) -> None:
    file = a_file(shell, "customer_id,points,reason\nC1,1200,\nC2,-5,owed\n")
    done = shell.crm("loyalty", "import", str(file), "--actor", "shell-4", "--concurrency", "1")
    assert done.code == 0, done.err
    assert [asked.route for asked in shell.api.asked] == ["/loyalty/adjust"] * 2
    assert bodies(shell) == [
        {"customer_id": "C1", "points": 1200, "reason": "opening balance", "actor": "shell-4"},
        {"customer_id": "C2", "points": -5, "reason": "owed", "actor": "shell-4"},
    ]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("customer_id\nC1\n", "row 1: missing: points"),
        ("customer_id,points\nC1,10.0\n", "row 2: points: a whole number, digits only, or a minus and digits"),
        ("customer_id,points\nC1,0\n", "row 2: points: "),
        ("customer_id,points\nC1,5\nC1,7\n", "row 3: customer_id: the same as in row 2"),
    ],
)
def test_opening_balances_that_are_not_right(shell: Shell, content: str, said: str) -> None:
    done = shell.crm("loyalty", "import", str(a_file(shell, content)))
    assert (done.code, shell.api.asked) == (3, [])
    assert said in done.err


def test_refused_rows_are_a_line_each_and_asked_again_with_the_same_key(shell: Shell) -> None:
    poor = {"C1", "C3"}

    def answer(asked: Asked) -> Reply:
        if asked.body["customer_id"] in poor:
            return problem(Code.INVALID_STATE, "customer_erased", "the document was rejected")
        return APPLIED

    shell.api.answer = answer
    file = a_file(shell, people(5))
    done = shell.crm("customer", "import", str(file), "--concurrency", "1")
    assert done.code == 10
    assert done.err.splitlines()[-3:] == [
        "3 done, 0 done before, 2 refused, of 5 rows",
        "g3n: 2 row(s) were refused",
        f"     Why is in {file}.errors.jsonl.",
    ]
    errors = [json.loads(line) for line in (shell.folder / "file.csv.errors.jsonl").read_text().splitlines()]
    assert [error["row"] for error in errors] == [3, 5]
    assert errors[0] == {
        "row": 3,
        "code": "invalid-state",
        "reason": "customer_erased",
        "detail": "the document was rejected",
        "idempotency_key": shell.api.asked[1].key,
    }
    first = {of(asked): asked.key for asked in shell.api.asked}
    shell.api.asked.clear()
    poor.clear()
    again = shell.crm("customer", "import", str(file))
    assert (again.code, again.err.splitlines()[-1]) == (0, "2 done, 3 done before, 0 refused, of 5 rows")
    assert {of(asked): asked.key for asked in shell.api.asked} == {row: first[row] for row in (3, 5)}
    assert not (shell.folder / "file.csv.errors.jsonl").exists()
    shell.api.asked.clear()
    assert shell.crm("customer", "import", str(file)).code == 0
    assert shell.api.asked == []


def test_an_error_of_all_rows_stops_the_import(shell: Shell) -> None:
    shell.api.answer = lambda _: problem(Code.FORBIDDEN, "scope_missing", "the key lacks customer:write")
    done = shell.crm("customer", "import", str(a_file(shell, people(50))), "--concurrency", "1")
    assert done.code == 4
    assert "g3n: stopped before the end; run it again to go on" in done.err
    assert "the key lacks customer:write" in done.err
    assert len(shell.api.asked) == 1


@pytest.mark.parametrize("signal_", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_it_goes_on_where_it_was_killed(shell: Shell, signal_: signal.Signals) -> None:
    file = a_file(shell, people(20))
    arrived, free = threading.Event(), threading.Event()

    def answer(asked: Asked) -> Reply:
        if of(asked) <= 11:
            return APPLIED
        arrived.set()
        return Reply(200, APPLIED.body, APPLIED.headers, after=free)

    shell.api.answer = answer
    process = shell.process("crm", "customer", "import", str(file), "--concurrency", "1")
    arrived.wait()
    process.send_signal(signal_)
    if signal_ is signal.SIGKILL:
        process.wait()
    free.set()
    _, err = process.communicate()
    first = len(shell.api.asked)
    shell.api.asked.clear()
    if signal_ is not signal.SIGKILL:  # it waits for the requests in progress, and keeps their answers
        assert process.returncode == 130
        assert err.splitlines()[-2:] == ["g3n: interrupted", "     Run it again to go on."]
    done = shell.crm("customer", "import", str(file))
    assert done.code == 0
    kept = first - 1 if signal_ is signal.SIGKILL else first
    assert done.err.splitlines()[-1] == f"{20 - kept} done, {kept} done before, 0 refused, of 20 rows"
    assert 11 <= first < 20  # a signal may reach the process after the answer that was held back
    assert sorted(of(asked) for asked in shell.api.asked) == list(range(kept + 2, 22))


def test_a_second_ctrl_c_ends_it_at_once(shell: Shell) -> None:
    arrived, never = threading.Event(), threading.Event()

    def answer(_: Asked) -> Reply:
        arrived.set()
        return Reply(after=never)

    shell.api.answer = answer
    with terminal(
        shell.whole_environment(), shell.folder, "crm", "customer", "import", str(a_file(shell, people(3)))
    ) as on:
        arrived.wait()
        on.type("\x03")
        on.wait_for("stopping")
        on.type("\x03")
        code, shown = on.end()
    never.set()
    assert code == 130
    assert "0 done, 0 done before, 0 refused, of 3 rows" in shown
    assert "Traceback" not in shown


def test_a_bar_at_a_terminal(shell: Shell) -> None:
    with terminal(
        shell.whole_environment(), shell.folder, "crm", "customer", "import", str(a_file(shell, people(40)))
    ) as on:
        on.wait_for("━")
        on.wait_for("40/40")
        code, shown = on.end()
    assert code == 0
    assert "40 done, 0 done before" in shown


def test_lines_where_there_is_no_terminal(shell: Shell) -> None:
    done = shell.crm("customer", "import", str(a_file(shell, people(120))), "--concurrency", "32")
    assert done.code == 0
    assert done.err.splitlines()[:2] == ["g3n: 12 of 120 rows", "g3n: 24 of 120 rows"]
    assert len(done.err.splitlines()) == 11


def test_a_state_of_something_else(shell: Shell) -> None:
    file = a_file(shell, people(2))
    assert shell.crm("customer", "import", str(file)).code == 0
    file.write_text(people(3))
    changed = shell.crm("customer", "import", str(file))
    assert changed.code == 2
    assert "the file has changed since an import of which 2 row(s) were done" in changed.err
    shell.environment["G3N_ORGCODE"] = "other"
    elsewhere = shell.crm("customer", "import", str(file))
    assert elsewhere.code == 2
    assert "is of another import (operation, URL or orgcode)" in elsewhere.err
    (shell.folder / "file.csv.state.jsonl").write_text("Buy milk\n")
    no_state = shell.crm("customer", "import", str(file))
    assert no_state.code == 2
    assert "is no state of an import" in no_state.err
    unwritable = shell.crm("customer", "import", str(file), "--state", "no/such/folder")
    assert unwritable.code == 2
    assert "No such file or directory: name another place with --state" in unwritable.err


def test_one_import_of_a_file_at_a_time(shell: Shell) -> None:
    file = a_file(shell, people(1))
    arrived, free = threading.Event(), threading.Event()

    def answer(_: Asked) -> Reply:
        arrived.set()
        return Reply(200, APPLIED.body, APPLIED.headers, after=free)

    shell.api.answer = answer
    process = shell.process("crm", "customer", "import", str(file))
    arrived.wait()
    second = shell.crm("customer", "import", str(file))
    free.set()
    process.communicate()
    assert (second.code, second.err) == (2, "g3n: another import of this file is running\n")
    assert process.returncode == 0


def test_a_disk_that_is_full(shell: Shell) -> None:
    file = a_file(shell, people(5))
    (shell.folder / "file.csv.errors.jsonl").symlink_to("/dev/full")
    shell.api.answer = lambda _: problem(Code.INVALID_STATE, "customer_erased", "rejected")
    done = shell.crm("customer", "import", str(file), "--concurrency", "1")
    assert done.code == 1
    assert "the list of finished rows can't be saved: [Errno 28] No space left on device" in done.err
