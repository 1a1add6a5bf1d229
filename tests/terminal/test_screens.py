"""Screens: every example of an answer as in `screens.txt`, and the rules of a screen."""

import json
import re
import shlex
import time
from pathlib import Path
from typing import Any

import pytest

from schemas.operations import OPERATIONS
from schemas.problems import Code
from tests.terminal.server import Asked, Reply, in_turn, ok, problem
from tests.terminal.shell import Done, Shell
from worker.terminal.commands import example
from worker.terminal.members import Form, members
from worker.terminal.values import money, number

SCREENS = Path(__file__).with_name("screens.txt")
CARD = {"card_id": "gc-1", "status": "active", "held_minor": 0, "available_minor": 0, "has_pin": False, "version": 1}
ENTRY = {"at": "2026-07-01T10:00:00Z", "document": {"type": "crm.loyalty.earn", "id": "e"}}


def screens() -> dict[str, list[str]]:
    """Lines by the name of the operation."""
    parts = re.split(r"^=== (.+)\n", SCREENS.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    return {name: text.rstrip("\n").splitlines() for name, text in zip(parts[::2], parts[1::2], strict=True)}


def words_of(name: str) -> list[str]:
    """Its example, without the members that it asks for."""
    without_pin = re.sub(r" --(from-)?pin -", "", example(OPERATIONS[name]))
    from_stdin = re.sub(r"(--policy|--document) \w+\.json", r"\1 -", without_pin)
    return shlex.split(from_stdin.removeprefix("g3n crm "))


def lines(done: Done) -> list[str]:
    assert done.code == 0, done.err
    said = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "<a new id>", done.out)
    return [line.rstrip() for line in said.splitlines()] + [f"! {line}" for line in done.err.splitlines()]


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_answer(shell: Shell, name: str) -> None:
    for member in members(name):
        if member.form is Form.ITEMS:
            (shell.folder / f"{member.name}.json").write_text(json.dumps(OPERATIONS[name].body_example[member.path[0]]))
    assert lines(shell.crm(*words_of(name), stdin="{}")) == screens()[name]


def test_nothing_found(shell: Shell) -> None:
    shell.api.answer = in_turn(ok({"items": []}))
    for words in (("customer", "list"), ("customer", "list", "--all")):
        assert shell.crm(*words) == Done(0, "", "g3n: nothing found\n")


def test_an_empty_page_leads_to_the_next(shell: Shell) -> None:
    """A search by name ends a page when it has cost enough."""
    shell.api.answer = in_turn(ok({"items": [], "next_cursor": "2"}))
    done = shell.crm("customer", "list", "--name", "ann zo")
    assert done == Done(0, "", "g3n: nothing found yet\ng3n: there is more: --all, or --cursor 2\n")


def test_a_history_says_what_is_archived(shell: Shell) -> None:
    shell.api.answer = in_turn(ok({"items": [ENTRY], "archived_until": "2025-12-31T12:00:00Z"}))
    for words in ((), ("--all",)):
        done = shell.crm("loyalty", "history", "--customer-id", "C", *words)
        assert done.err == "g3n: entries until 2025-12-31 12:00:00+00:00 are archived\n"


def test_all_pages_have_one_head_and_the_same_columns(shell: Shell) -> None:
    pages: dict[str | None, dict[str, Any]] = {
        None: {"items": [{**ENTRY, "change": 5_000_000, "balance": 5_000_000, "booked": "earned"}], "next_cursor": "2"},
        "2": {"items": [], "next_cursor": "3"},
        "3": {"items": [{**ENTRY, "change": -1, "balance": 4_999_999}], "next_cursor": "4"},
        "4": {"items": [{**ENTRY, "change": 1, "balance": 5_000_000, "booked": "earned", "sale_id": "london-1"}]},
    }
    shell.api.answer = lambda asked: ok(pages[asked.body.get("cursor")])
    done = shell.crm("loyalty", "history", "--customer-id", "C", "--all")
    assert lines(done) == [
        "AT                         DOCUMENT                CHANGE    BALANCE  BOOKED",
        "2026-07-01 11:00:00+01:00  crm.loyalty.earn e  +5,000,000  5,000,000  earned",
        "2026-07-01 11:00:00+01:00  crm.loyalty.earn e          -1  4,999,999",
        "AT                         DOCUMENT            CHANGE    BALANCE  BOOKED  SALE ID",
        "2026-07-01 11:00:00+01:00  crm.loyalty.earn e      +1  5,000,000  earned  london-1",
    ]
    assert [asked.body["limit"] for asked in shell.api.asked] == [200, 200, 200, 200]
    as_json = shell.crm("loyalty", "history", "--customer-id", "C", "--all", "--json")
    assert as_json.out.count('"at":') == 3
    assert as_json.out.startswith('{"items":[{"at":')
    assert as_json.out.endswith("]}\n")


def test_no_rows_as_json_is_still_a_document(shell: Shell) -> None:
    shell.api.answer = in_turn(ok({"items": []}))
    assert shell.crm("customer", "list", "--all", "--json").out == '{"items":[]}\n'


def test_a_card_has_its_own_currency(shell: Shell) -> None:
    def answer(asked: Asked) -> Reply:
        if asked.route.endswith("get"):
            return ok({**CARD, "currency": "JPY", "balance_minor": 12_500})
        return ok({"items": [{**ENTRY, "change": 12_500, "balance": 12_500}]})

    shell.api.answer = answer
    assert "12,500 JPY" in shell.crm("giftcard", "get", "--card-id", "gc-1").out
    assert "+12,500 JPY" in shell.crm("giftcard", "history", "--card-id", "gc-1").out
    assert "+12,500 JPY" in shell.crm("giftcard", "history", "--card-id", "gc-1", "--all").out


@pytest.mark.parametrize(
    ("minor", "currency", "shown"),
    [
        (0, "GBP", "0.00 GBP"),
        (5, "GBP", "0.05 GBP"),
        (-5, "GBP", "-0.05 GBP"),
        (123_456_789, "EUR", "1,234,567.89 EUR"),
        (1250, "JPY", "1,250 JPY"),
        (1250, "BHD", "1.250 BHD"),
        (-12_345, "CLF", "-1.2345 CLF"),
    ],
)
def test_money(minor: int, currency: str, shown: str) -> None:
    assert money(minor, currency) == shown


@pytest.mark.parametrize("zone", ["America/Los_Angeles", "Pacific/Kiritimati", "UTC"])
@pytest.mark.parametrize("at", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"])
def test_the_first_and_the_last_instant(shell: Shell, monkeypatch: pytest.MonkeyPatch, zone: str, at: str) -> None:
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    shell.api.answer = in_turn(
        ok({"items": [{"at": at, "change": 1, "balance": 1, "document": {"type": "t", "id": "i"}}]})
    )
    done = shell.crm("loyalty", "history", "--customer-id", "C")
    assert done.code == 0
    assert re.search(r"(?m)^(0001-01-01|0000-12-31|9999-12-31|10000-01-01)", done.out)


def test_points_that_never_expire_say_so(shell: Shell) -> None:
    lots = [{"points": 5, "held": 0}, {"points": 7, "held": 0, "expires_on": "2027-02-28"}]
    shell.api.answer = in_turn(ok({"customer_id": "C", "lots": lots}))
    shown = [line.rstrip() for line in shell.crm("customer", "get", "C").out.splitlines()]
    assert shown[shown.index("lots") + 1 :][:3] == [
        "POINTS  HELD  EXPIRES ON",
        "     5     0  never",
        "     7     0  2027-02-28",
    ]


def test_signs() -> None:
    assert [money(minor, "GBP", signed=True) for minor in (1, 0, -1)] == ["+0.01 GBP", "0.00 GBP", "-0.01 GBP"]
    assert [number(value, signed=True) for value in (1000, 0, -1000)] == ["+1,000", "0", "-1,000"]


def test_a_name_can_not_command_the_terminal(shell: Shell) -> None:
    evil = {"customer_id": "C", "status": "active", "profile": {"name": "\x1b[2JAda\r\n[red]x"}, "balance": 1}
    shell.api.answer = in_turn(ok({"items": [evil]}))
    done = shell.crm("customer", "list")
    assert "\N{REPLACEMENT CHARACTER}[2JAda\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}[red]x" in done.out
    shell.api.answer = in_turn(problem(Code.NOT_FOUND, "customer_not_found", "no \x1b[2J"))
    assert "\x1b" not in shell.crm("customer", "get", "--customer-id", "C").err


def test_a_stored_answer_says_so(shell: Shell) -> None:
    replayed = {"Idempotency_Replayed": "true", "Crm_Tender_State": "voided"}
    shell.api.answer = in_turn(ok({"status": "approved", "tender_id": "T1"}, **replayed))
    words = ("tender", "capture", "--tender-id", "T1")
    note = "g3n: this is the stored answer of an earlier call; the tender is voided now\n"
    assert shell.crm(*words).err == note
    assert shell.crm(*words, "--json").err == note


def test_members_that_the_client_does_not_know_are_shown(shell: Shell) -> None:
    shell.api.answer = in_turn(
        ok({"status": "applied", "novelty": {"a": {"b": 1}}, "list": [1, 2], "void": [], "gone": {}})
    )
    assert lines(shell.crm("loyalty", "earn", "--customer-id", "C", "--points", "1")) == [
        "status           applied",
        "list             1, 2",
        "idempotency key  <a new id>",
        "",
        "novelty",
        "B",
        "1",
    ]
