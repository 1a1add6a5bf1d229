"""At a terminal: secrets are typed unseen, dangerous commands ask first, and Ctrl-C says what has happened so far."""

import re
import threading

import pytest

from schemas.problems import Code
from tests.terminal.pseudo_terminal import terminal
from tests.terminal.server import Reply, problem
from tests.terminal.shell import KEY, Shell, by_example


def test_secrets_are_typed_unseen(shell: Shell) -> None:
    words = ("crm", "giftcard", "get", "--number", "-", "--pin", "-")
    with terminal(shell.whole_environment(), shell.folder, *words) as screen:
        screen.wait_for("number: ")
        screen.type("6006490000000017\n")
        screen.wait_for("pin: ")
        screen.type("4711\n")
        code, shown = screen.end()
    assert (code, "25.00 GBP" in shown) == (0, True)
    assert "4711" not in shown
    assert "6006490000000017" not in shown
    assert shell.api.asked[0].body == {"gift_card": {"number": "6006490000000017", "pin": "4711"}}


def test_a_secret_on_the_command_line_is_warned_of(shell: Shell) -> None:
    (shell.folder / "pin").write_text("4711\n")
    words = ("crm", "giftcard", "get", "--number", "6006490000000017", "--pin", "@pin")
    with terminal(shell.whole_environment(), shell.folder, *words) as screen:
        _, shown = screen.end()
    told = " ".join(shown.split())
    assert "g3n: --number can be read in the list of processes; use --number - or --number @FILE" in told
    assert "--pin can be read" not in told


def test_login_asks_for_what_is_missing(shell: Shell) -> None:
    url = shell.environment.pop("G3N_API_URL")
    shell.environment.clear()
    with terminal(shell.whole_environment(), shell.folder, "login") as screen:
        for question, answer in [("URL of the API: ", url), ("Orgcode: ", "acme"), ("API key: ", KEY)]:
            screen.wait_for(question)
            screen.type(f"{answer}\n")
        code, shown = screen.end()
    assert code == 0
    assert "Logged in to acme" in shown
    assert KEY not in shown
    assert KEY in shell.config.read_text()


ERASE = ("crm", "customer", "erase", "--customer-id", "C", "--reason", "asked for it")


@pytest.mark.parametrize(("answer", "code", "sent"), [("y", 0, 1), ("n", 1, 0), ("", 1, 0)])
def test_a_dangerous_operation_asks_first(shell: Shell, answer: str, code: int, sent: int) -> None:
    with terminal(shell.whole_environment(), shell.folder, *ERASE) as screen:
        told = screen.wait_for("Go ahead? [y/N]: ")
        screen.type(f"{answer}\n")
        ended, _ = screen.end()
    asked = f"customer erase for acme at {shell.api.url}: Erase a customer's personal data for good"
    assert asked in told.replace("\n", " ")
    assert told.splitlines()[-5:] == [
        "  customer-id: C",
        "  reason: asked for it",
        "  who: Ada Example, ada@example.com, --12-10, +44 20 7946 0000, shop=77-1",
        "  erased for good: name, e-mail, phone, birth date, external ids",
        "  stays, under a pseudonym: 119 points, 1 gift card(s), every transfer",
    ]
    erased = [asked for asked in shell.api.asked if asked.route == "/customer/erase"]
    assert (ended, len(erased)) == (code, sent)


def test_an_erasure_asks_without_the_name_if_the_key_may_not_see_it(shell: Shell) -> None:
    shell.api.answer = lambda asked: (
        problem(Code.FORBIDDEN, "scope_missing", "customer:read")
        if asked.route == "/customer/get"
        else by_example(asked)
    )
    with terminal(shell.whole_environment(), shell.folder, *ERASE) as screen:
        told = screen.wait_for("Go ahead? [y/N]: ")
        screen.type("y\n")
        ended, _ = screen.end()
    assert "  who it is can't be shown: forbidden scope_missing\n" in told
    assert ended == 0


def test_an_adjustment_is_shown_before_it_is_made(shell: Shell) -> None:
    words = ("crm", "loyalty", "adjust", "C-1001", "--points=-20", "--reason", "booked twice", "--actor", "shell-4")
    with terminal(shell.whole_environment(), shell.folder, *words) as screen:
        told = screen.wait_for("Go ahead? [y/N]: ")
    assert told.splitlines()[-4:] == [
        "  customer-id: C-1001",
        "  points: -20",
        "  reason: booked twice",
        "  actor: shell-4",
    ]


def test_yes_does_not_ask(shell: Shell) -> None:
    with terminal(shell.whole_environment(), shell.folder, *ERASE, "--yes") as screen:
        assert screen.end()[0] == 0


def interrupted(shell: Shell, *words: str) -> tuple[int, str]:
    """Ctrl-C while the API thinks."""
    asked, never = threading.Event(), threading.Event()

    def answer(_: object) -> Reply:
        asked.set()
        return Reply(after=never)

    shell.api.answer = answer
    with terminal(shell.whole_environment(), shell.folder, *words) as screen:
        asked.wait()
        screen.type("\x03")
        ended = screen.end()
    never.set()
    return ended


def test_interrupted(shell: Shell) -> None:
    code, shown = interrupted(shell, "crm", "loyalty", "earn", "--customer-id", "C", "--points", "5")
    (asked,) = shell.api.asked
    assert code == 130
    assert "g3n: interrupted" in shown
    assert f"--idempotency-key {asked.key}" in shown.replace("\n", "")
    assert "Traceback" not in shown


def test_interrupted_while_reading(shell: Shell) -> None:
    code, shown = interrupted(shell, "crm", "customer", "list")
    assert code == 130
    assert "idempotency" not in shown
    assert "Traceback" not in shown


def test_rows_wider_than_the_terminal_are_shown_upright(shell: Shell) -> None:
    with terminal(
        shell.whole_environment(), shell.folder, "crm", "customer", "get", "--customer-id", "C-1001"
    ) as screen:
        code, shown = screen.end()
    lines = [line.rstrip() for line in plain(shown).splitlines()]
    assert code == 0
    assert max(map(len, lines)) <= 80
    assert "Ada Example  ada@example.com  --12-10     +44 20 7946 0000  shop=77-1" in lines  # fits
    assert "document  scm.sale.completed london-1-2026-03-01-0042" in lines


def plain(shown: str) -> str:
    """Without colours."""
    return re.sub(r"\x1b\[[0-9;]*m", "", shown)
