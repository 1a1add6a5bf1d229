"""Every operation is a command, and its options make exactly the body in the API's documents."""

import json
import shlex

import pytest

from schemas.operations import OPERATIONS
from schemas.problems import Code
from tests.terminal.server import in_turn, ok, problem
from tests.terminal.shell import KEY, Shell, pins
from worker.terminal.commands import example
from worker.terminal.members import Form, members

NAMES = list(OPERATIONS)
EARN = ("loyalty", "earn", "--customer-id", "C-1001", "--points", "100")


@pytest.mark.parametrize("name", NAMES)
def test_every_operation_by_its_example(shell: Shell, name: str) -> None:
    operation = OPERATIONS[name]
    expected = operation.body_example
    for member in members(name):
        if member.form in (Form.DOCUMENT, Form.ITEMS) and member.path[0] in expected:
            (shell.folder / f"{member.name}.json").write_text(json.dumps(expected[member.path[0]]))
    words = shlex.split(example(operation))
    assert words[:2] == ["g3n", "crm"]
    done = shell.g3n(*words[1:], "--json", stdin=pins(expected))
    shown_before = name == "loyalty.policy.put"  # it looks first, and shows what would change
    assert (done.code, done.err == "") == (0, not shown_before)
    assert json.loads(done.out) == OPERATIONS[name].answer_example
    *looked, asked = shell.api.asked
    assert len(looked) == shown_before
    assert (asked.route, asked.body) == (operation.route, expected)
    assert (asked.headers["x-orgcode"], asked.headers["x-api-key"]) == ("acme", KEY)
    assert (asked.key is None) is (operation.document is None)


@pytest.mark.parametrize("name", NAMES)
def test_help_names_the_example(shell: Shell, name: str) -> None:
    operation = OPERATIONS[name]
    done = shell.crm(*name.split("."), "--help")
    assert done.code == 0
    assert example(operation) in done.out
    assert operation.summary in " ".join(done.out.split())
    assert [reason for reason in operation.refusals if f"  {reason.value}  (" not in done.out] == []


@pytest.mark.parametrize("short", ["consent set", "policy get", "policy put", "policy edit"])
def test_short_ways(shell: Shell, short: str) -> None:
    long = {"consent": "customer consent", "policy": "loyalty policy"}
    group, command = short.split()
    told = shell.crm(*long[group].split(), command, "--help").out.splitlines()
    assert shell.crm(group, command, "--help").out.splitlines()[1:] == told[1:]


def test_an_idempotency_key(shell: Shell) -> None:
    assert shell.crm(*EARN, "--idempotency-key", "survey-7").code == 0
    first, second = shell.crm(*EARN), shell.crm(*EARN)
    assert first.code == second.code == 0
    keys = [asked.key for asked in shell.api.asked]
    assert keys[0] == "survey-7"
    assert len(set(keys)) == 3
    assert f"idempotency key  {keys[1]}" in first.out


def test_a_tender_is_known_by_its_own_id(shell: Shell) -> None:
    shell.crm("tender", "capture", "--tender-id", "T1")
    assert shell.api.asked[0].key == "T1"


def test_options_go_over_a_file(shell: Shell) -> None:
    (shell.folder / "redeem.json").write_text(
        '{"gift_card": {"number": "6006490000000017", "pin": "4711"}, "amount_minor": 500, "currency": "GBP"}'
    )
    done = shell.crm("giftcard", "redeem", "--data", "redeem.json", "--amount-minor", "700", "--card-id", "gc-1")
    assert done.err == (
        "g3n: invalid-request: --number or --card-id: either number or card_id\n     Nothing was sent.\n"
    )
    done = shell.crm("giftcard", "redeem", "--data", "redeem.json", "--amount-minor", "700", "--pin", "0000")
    assert done.code == 0
    assert shell.api.asked[0].body == {
        "gift_card": {"number": "6006490000000017", "pin": "0000"},
        "amount_minor": 700,
        "currency": "GBP",
    }


def test_a_body_from_stdin(shell: Shell) -> None:
    assert shell.crm("loyalty", "earn", "--data", "-", stdin='{"customer_id": "C", "points": 5}').code == 0
    assert shell.api.asked[0].body == {"customer_id": "C", "points": 5}


def test_flags_and_times_and_currencies(shell: Shell) -> None:
    words = ("--customer-id", "C", "--purpose", "marketing")
    shell.crm("consent", "set", *words, "--no-granted")
    shell.crm("giftcard", "redeem", "--card-id", "gc-1", "--amount-minor", "1", "--currency", "gbp")
    shell.crm("policy", "get", "--at", "now")
    consent, redeem, policy = (asked.body for asked in shell.api.asked)
    assert consent["granted"] is False
    assert redeem["currency"] == "GBP"
    assert policy["at"].endswith("Z")


def test_a_pin_from_the_environment(shell: Shell) -> None:
    shell.environment["G3N_PIN"] = "4711"
    shell.crm("giftcard", "get", "--card-id", "gc-1")
    shell.crm("giftcard", "transfer", "--from-card-id", "gc-1", "--to-card-id", "gc-2")
    assert shell.api.asked[0].body == {"gift_card": {"card_id": "gc-1", "pin": "4711"}}
    assert shell.api.asked[1].body == {
        "from_card": {"card_id": "gc-1", "pin": "4711"},
        "to_card": {"card_id": "gc-2"},
    }


@pytest.mark.parametrize(
    ("words", "stdin", "code", "said"),
    [
        ("loyalty earn --points 5", "", 2, "--customer-id: missing"),
        ("loyalty earn --customer-id C", "", 3, "either points, or amount_minor and currency"),
        ("loyalty earn --customer-id C --points 0", "", 3, "--points: at least 1"),
        ("loyalty earn --customer-id C --points five", "", 2, "'--points': a whole number, digits only"),
        (
            "loyalty earn --customer-id C --currency XXY --amount-minor 5",
            "",
            3,
            "--currency: an ISO 4217 currency code in capitals",
        ),
        ("consent set --customer-id C --purpose spam --granted", "", 2, "'spam' is not one of"),
        ("giftcard redeem --amount-minor 5 --currency GBP", "", 2, "--number or --card-id: missing"),
        ("giftcard get --number 12", "", 3, "--number: 8 to 32 digits and letters, not counting spaces and dashes"),
        ("giftcard get --card-id gc-1 --pin -", "", 2, "stdin has no line for it"),
        ("giftcard get --card-id gc-1 --pin @nowhere", "", 2, "nowhere: No such file or directory"),
        ("giftcard get --card-id gc-1 --pin @.", "", 2, "Is a directory"),
        ("giftcard get --card-id gc-1 --pin @/dev/null", "", 2, "its first line is empty"),
        ("giftcard get --card-id gc-1 --pin abcd", "", 3, "--pin: 4 to 12 digits"),
        ("customer create --external-id 77-1", "", 3, "--external-id: NAME=ID is needed"),
        ("policy get --at yesterday", "", 3, "--at: a time with offset"),
        ("giftcard issue --amount-minor 1 --currency GBP --expires-on 2026-02-30", "", 3, "--expires-on: a date"),
        ("policy put --policy nowhere.json --effective-from now --yes", "", 2, "nowhere.json: No such file"),
        ("policy put --policy - --effective-from now", "{", 2, "stdin: is not JSON: line 1, column 2"),
        ("policy put --policy - --effective-from now", "[]", 2, "stdin: is not a JSON object"),
        ("policy put --policy - --effective-from now", '{"earn": {}, "earn": {}}', 2, "earn: is there twice"),
        (
            "policy put --policy - --effective-from now",
            '{"restore_grace_days": -1}',
            3,
            "--policy restore_grace_days: ",
        ),
        ("policy put --policy - --data - --effective-from now", "{}", 2, "only one file can be stdin"),
        ("loyalty earn --data -", b"\xff", 2, "stdin: is not JSON: it is not UTF-8"),
        ("loyalty earn --data -", '{"customer_id": "C", "points": NaN}', 2, "it has a number that is none"),
        ("loyalty earn --data -", "[" * 100_000, 2, "it is nested too deeply"),
        ("loyalty earn --data -", '{"command_id": "x"}', 3, "command_id: absent, the API sets it"),
        ("loyalty burn", "", 2, "No such command 'burn'"),
    ],
)
def test_errors_are_reported_before_anything_is_sent(
    shell: Shell, words: str, stdin: str | bytes, code: int, said: str
) -> None:
    done = shell.crm(*words.split(), stdin=stdin)
    assert (done.code, done.out) == (code, "")
    assert said in done.err
    assert shell.api.asked == []


def test_no_value_is_said_again(shell: Shell) -> None:
    done = shell.crm("giftcard", "issue", "--amount-minor", "1", "--currency", "GBP", "--number", "12", "--pin", "99x9")
    assert done.code == 3
    assert "99x9" not in done.err
    assert "12" not in done.err.replace("4 to 12 digits", "")


def test_a_tender_without_an_id_gets_the_key(shell: Shell) -> None:
    shell.crm(
        "tender", "authorize", "--kind", "points", "--customer-id", "C", "--amount-minor", "5", "--currency", "GBP"
    )
    (asked,) = shell.api.asked
    assert "tender_id" not in asked.body
    assert asked.key


def test_json_is_what_the_api_said_byte_for_byte(shell: Shell) -> None:
    raw = b'{"status":  "applied", "customer_id": "\xc3\xa9"}'
    shell.api.answer = in_turn(ok({}).__class__(200, raw))
    assert shell.crm(*EARN, "--json").out.encode() == raw + b"\n"
    refusal = problem(Code.NOT_FOUND, "customer_not_found", "there is none")
    shell.api.answer = in_turn(refusal)
    done = shell.crm(*EARN, "--json")
    assert (done.code, done.out.encode()) == (5, refusal.body + b"\n")
    assert done.err.startswith("g3n: not-found customer_not_found: there is none\n")


ODD_IDS = ["k1 ", " k1", "\u00dcberweisung-7", "a\nb", "k1\n", "\t", "", "x" * 129]


@pytest.mark.parametrize("id_", ODD_IDS)
@pytest.mark.parametrize(
    "words",
    [
        "customer create --customer-id {}",
        "customer create --customer-id K-1 --idempotency-key {}",
        "customer merge --from-customer-id C --into-customer-id {} --yes",
        "loyalty restore --of-type crm.loyalty.redeem --of-id {}",
        "tender capture --tender-id {}",
        "giftcard freeze --card-id {}",
    ],
)
def test_an_id_that_would_not_arrive_as_it_is(shell: Shell, words: str, id_: str) -> None:
    given = [id_ if word == "{}" else word for word in words.split()]
    option = given[given.index(id_) - 1]
    done = shell.crm(*given)
    assert (done.code, shell.api.asked) == (2, [])
    assert f"'{option}': 1 to 128 printable ASCII characters, without a space at either end" in done.err


def test_an_id_with_a_space_at_its_end_may_come_from_elsewhere(shell: Shell) -> None:
    shell.crm("tender", "capture", "--data", "-", stdin='{"tender_id": "T1 "}')
    assert [(asked.body, asked.key) for asked in shell.api.asked] == [({"tender_id": "T1 "}, None)]


@pytest.mark.parametrize(
    ("words", "body"),
    [
        ("customer get C-1001", {"customer_id": "C-1001"}),
        ("loyalty history C-1001 --limit 5", {"customer_id": "C-1001", "limit": 5}),
        ("loyalty earn C-1001 --points 5", {"customer_id": "C-1001", "points": 5}),
        (
            "consent set C-1001 --purpose service --granted",
            {"customer_id": "C-1001", "purpose": "service", "granted": True},
        ),
        ("tender void T1", {"tender_id": "T1"}),
    ],
)
def test_the_id_may_stand_without_its_option(shell: Shell, words: str, body: object) -> None:
    done = shell.crm(*words.split())
    assert (done.code, [asked.body for asked in shell.api.asked]) == (0, [body]), done.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("customer get C-1 --customer-id C-2", "--customer-id: it is given as an argument too"),
        ("customer get C-1 C-2", "unexpected extra argument"),
        ("giftcard get 6006490000000017", "unexpected extra argument"),
    ],
)
def test_arguments_that_are_too_many(shell: Shell, words: str, said: str) -> None:
    done = shell.crm(*words.split())
    assert (done.code, shell.api.asked) == (2, [])
    assert said in done.err
