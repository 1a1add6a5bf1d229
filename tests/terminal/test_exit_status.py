"""The end of a command: an exit status for programs, a line for people, and advice."""

import pytest

from schemas.problems import Code
from schemas.reasons import Reason
from tests.terminal.server import Reply, in_turn, ok, problem, serving
from tests.terminal.shell import Done, Shell
from worker.terminal.exit_status import EXIT_STATUSES, STATUS_OF_CODE, ExitStatus, advice_for

REDEEM = ("loyalty", "redeem", "--customer-id", "C", "--points", "5")


@pytest.mark.parametrize(
    ("code", "exit_code"),
    [
        (Code.INVALID_REQUEST, 3),
        (Code.NOT_FOUND, 5),
        (Code.INVALID_STATE, 6),
        (Code.INSUFFICIENT_BALANCE, 7),
        (Code.CONFLICT, 6),
        (Code.UNAUTHORIZED, 4),
        (Code.FORBIDDEN, 4),
        (Code.METHOD_NOT_ALLOWED, 1),
        (Code.TOO_LARGE, 3),
        (Code.UNSUPPORTED_MEDIA_TYPE, 3),
        (Code.INTERNAL_ERROR, 1),
    ],
)
def test_the_exit_code_says_the_category(shell: Shell, code: Code, exit_code: int) -> None:
    shell.api.answer = in_turn(problem(code, "some_reason", "said for a person"))
    done = shell.crm(*REDEEM)
    assert (done.code, done.out) == (exit_code, "")
    first, *more = done.err.splitlines()
    assert first == f"g3n: {code.value} some_reason: said for a person"
    assert all(line.startswith("     ") for line in more)


@pytest.mark.parametrize(("code", "exit_code"), [(Code.TOO_MANY_REQUESTS, 8), (Code.UNAVAILABLE, 9), (Code.TIMEOUT, 9)])
def test_a_long_retry_after_is_not_waited_for(shell: Shell, code: Code, exit_code: int) -> None:
    shell.api.answer = in_turn(problem(code, "some_reason", "said for a person", Retry_After="3600"))
    done = shell.crm(*REDEEM)
    assert done.code == exit_code
    assert len(shell.api.asked) == 1


def test_every_code_has_an_exit_code_that_the_help_names() -> None:
    assert set(STATUS_OF_CODE) == set(Code)
    named = {int(line.split()[0]) for line in EXIT_STATUSES.splitlines()[2:]}
    assert named == {int(code) for code in ExitStatus}


def test_every_reason_says_what_to_do() -> None:
    for reason in Reason:
        assert advice_for(Code.INVALID_REQUEST, reason.value)


def test_a_later_that_is_said(shell: Shell) -> None:
    shell.api.answer = in_turn(problem(Code.TOO_MANY_REQUESTS, "rate_limited", "", Retry_After="30"))
    assert shell.crm(*REDEEM) == Done(8, "", "g3n: too-many-requests rate_limited: \n     Try again in 30 s.\n")


@pytest.mark.parametrize(
    ("outcome", "said"),
    [
        ({"points": {"balance": 5, "available": 1005}}, " (available: 1,005 points)"),
        ({"gift_cards": [{"balance_minor": 900, "held_minor": 150, "currency": "GBP"}]}, " (available: 7.50 GBP)"),
        ({"points": {"change": 0}}, ""),
        (None, ""),
    ],
)
def test_a_refusal_shows_the_available_amount(shell: Shell, outcome: object, said: str) -> None:
    shell.api.answer = in_turn(problem(Code.INSUFFICIENT_BALANCE, "insufficient_balance", "rejected", outcome))
    assert (
        shell.crm(*REDEEM).err.splitlines()[0].removeprefix("g3n: insufficient-balance insufficient_balance: rejected")
        == said
    )


def test_an_amount_that_would_not_help_is_not_shown(shell: Shell) -> None:
    frozen = {"gift_cards": [{"balance_minor": 900, "held_minor": 0, "currency": "GBP"}]}
    shell.api.answer = in_turn(problem(Code.INVALID_STATE, "card_frozen", "rejected", frozen))
    assert "available" not in shell.crm(*REDEEM).err


def test_an_unknown_result_names_the_id_to_repeat(shell: Shell) -> None:
    shell.api.answer = in_turn(problem(Code.INTERNAL_ERROR, "internal_error", "a fault"))
    done = shell.crm(*REDEEM)
    (asked,) = shell.api.asked
    assert done.code == 1
    assert done.err.splitlines()[1] == (
        f"     The request's id is {asked.headers['x-request-id']}. "
        f"It is not known whether it was done. Repeat it with the same id: --idempotency-key {asked.key}"
    )


def test_nobody_there(shell: Shell) -> None:
    with serving(in_turn(ok({}))) as gone:
        shell.environment["G3N_API_URL"] = gone.url
    done = shell.g3n("login", "--key", "k", "--orgcode", "acme", "--url", gone.url)
    assert done.code == 9
    assert done.err == (
        "g3n: unavailable unreachable: the API can't be reached\n     Check the URL and that the API runs (g3n api).\n"
    )


def test_another_server(shell: Shell) -> None:
    shell.api.answer = in_turn(Reply(200, b"<html>Welcome</html>"))
    done = shell.crm("customer", "list")
    assert done.code == 1
    assert "not_an_answer" in done.err
    assert "Check the URL of the profile" in done.err
