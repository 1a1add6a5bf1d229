"""`g3n crm policy edit`: $EDITOR, the errors, the difference, the question; no text is ever lost."""

import re
import stat
from pathlib import Path

import pytest

from schemas.problems import Code
from tests.terminal.policies import LATER, Policies, policy
from tests.terminal.pseudo_terminal import terminal
from tests.terminal.server import Asked, Reply, problem
from tests.terminal.shell import Done, Shell


def edit(shell: Shell, editor: str, *words: str, stdin: str = "") -> Done:
    shell.environment["EDITOR"] = editor
    shell.environment["VISUAL"] = ""
    return shell.crm("policy", "edit", *words, stdin=stdin)


def left(shell: Shell) -> list[Path]:
    return sorted((shell.folder / "tmp").iterdir())


DOUBLE = """sed -i 's/"points_per_unit": "1"/"points_per_unit": "2"/'"""


def test_nothing_to_edit_at(shell: Shell) -> None:
    done = edit(shell, "")
    assert (done.code, shell.api.asked) == (2, [])
    assert done.err.splitlines() == [
        "g3n: there is no terminal to edit at, and no editor in VISUAL or EDITOR",
        "     Put a file: g3n crm policy put --policy FILE.",
    ]


def test_edited_shown_asked_and_put(shell: Shell, policies: Policies) -> None:
    done = edit(shell, DOUBLE, stdin=f"{LATER}\ny\ny\n")
    assert done.code == 0, done.err
    assert done.out.startswith(
        "What changes from version 0:\n"
        "@@ -1,5 +1,5 @@\n"
        " {\n"
        '   "earn": {\n'
        '-    "points_per_unit": "1",\n'
        '+    "points_per_unit": "2",\n'
        '     "unit_minor": {\n'
        '       "EUR": 100,\n'
    )
    assert done.out.endswith(f"Version 1 is in force from {LATER} on.\n")
    assert policies.versions[1] == (policy(earn={"points_per_unit": "2"}), LATER)
    assert left(shell) == []


def test_no_puts_nothing_and_keeps_the_text_private(shell: Shell, policies: Policies) -> None:
    done = edit(shell, DOUBLE, "--effective-from", "now", stdin="n\n")
    (text,) = left(shell)
    assert (done.code, len(policies.versions)) == (1, 1)
    assert f"g3n: nothing was put; your text is in {text}" in done.err
    assert '"points_per_unit": "2"' in text.read_text()
    assert stat.S_IMODE(text.stat().st_mode) == 0o600


def test_nothing_changed(shell: Shell, policies: Policies) -> None:
    done = edit(shell, "true")
    assert done == Done(0, "", "Nothing was changed: it is version 0.\n")
    assert (left(shell), len(policies.versions)) == ([], 1)


def test_a_new_version_is_compared_with_the_latest_not_with_the_one_in_force(shell: Shell, policies: Policies) -> None:
    policies.versions.append((policy(restore_grace_days=30), LATER))
    done = edit(shell, DOUBLE, "--effective-from", "2099-05-01T00:00:00Z", stdin="y\ny\n")
    assert done.code == 0
    assert "What changes from version 1:" in done.out
    assert "restore_grace_days" not in done.out
    assert "superseded" not in done.err
    assert policies.versions[2][0] == policy(restore_grace_days=30, earn={"points_per_unit": "2"})


def test_back_to_an_earlier_version(shell: Shell, policies: Policies) -> None:
    policies.versions.append((policy(restore_grace_days=30), "2020-01-01T00:00:00Z"))
    policies.in_force = 1
    done = edit(shell, "true", "--version", "0", "--effective-from", "now", stdin="y\n")
    assert done.code == 0
    assert '-  "restore_grace_days": 30,\n+  "restore_grace_days": 0,\n' in done.out
    assert policies.versions[2][0] == policy()


@pytest.mark.parametrize(
    ("editor", "said"),
    [
        ("""sed -i 's/^{/{,/'""", "g3n: line 4, column 2: "),
        ("""sed -i 's/"pending_days": 0/"pending_days": -1/'""", "g3n: earn.pending_days: "),
        (
            """sed -i 's/"pending_days": 0/"pending_dyas": 0/'""",
            "g3n: earn.pending_dyas: no such member (did you mean pending_days?)",
        ),
        ("""sed -i 's/"pending_days": 0/"pending_days": 0, "pending_days": 1/'""", "g3n: pending_days: is there twice"),
        ("""sed -i '4,$c []'""", "policy: an object"),
    ],
)
def test_an_error_is_shown_and_can_be_corrected(shell: Shell, policies: Policies, editor: str, said: str) -> None:
    given_up = edit(shell, editor, stdin="n\n")
    assert given_up.code == 1
    assert said in given_up.err
    assert "Edit it again? [Y/n]" in given_up.err
    (text,) = left(shell)
    text.unlink()
    # The first time it is spoilt; the second time what is wrong stands above it, and it is written anew.
    (shell.folder / "seen").touch()
    good = shell.folder / "good.json"
    good.write_text('# my own\n{"restore_grace_days": 7}\n')
    script = shell.folder / "editor.sh"
    script.write_text(
        f'if grep -q "^#!" "$1"; then cp "$1" {shell.folder}/seen; cp {good} "$1"; else {editor} "$1"; fi\n'
    )
    done = edit(shell, f"sh {script}", "--effective-from", LATER, stdin="y\ny\ny\n")
    assert done.code == 0, done.err
    assert said.removeprefix("g3n: ") in (shell.folder / "seen").read_text()
    assert policies.versions[1][0] == policy(restore_grace_days=7)


@pytest.mark.parametrize(
    ("editor", "said"),
    [
        ("false", "false left with 1: nothing was put"),
        ("no-such-editor", "no-such-editor can't be started (FileNotFoundError): set EDITOR"),
        ("'", "' can't be started (ValueError): set EDITOR"),
        ("truncate -s 0", "The file is empty: nothing was put."),
        ("rm", "is gone: nothing was put"),
    ],
)
def test_giving_up(shell: Shell, policies: Policies, editor: str, said: str) -> None:
    done = edit(shell, editor)
    assert done.code == 1
    assert said in done.err
    assert len(policies.versions) == 1


@pytest.mark.parametrize(
    ("since", "said"),
    [
        ("tomorrow", "not an RFC 3339 time with offset"),
        ("2026-01-01T00:00:00", "not an RFC 3339 time with offset"),
        ("2019-12-31T23:59:59Z", "must be later than 2020-01-01T00:00:00Z"),
    ],
)
def test_since_when(shell: Shell, policies: Policies, since: str, said: str) -> None:
    policies.versions.append((policy(restore_grace_days=30), "2020-01-01T00:00:00Z"))
    done = edit(shell, DOUBLE, "--effective-from", since)
    assert done.code == 2
    assert said in done.err
    (text,) = left(shell)
    assert f"your text is in {text}" in done.err
    asked_again = edit(shell, DOUBLE, stdin=f"{since}\nnow\ny\n")
    assert asked_again.code == 0
    assert re.fullmatch(r"\d{4}-.*Z", policies.versions[2][1] or "")


def test_somebody_was_faster(shell: Shell, policies: Policies) -> None:
    def faster(asked: Asked) -> Reply:
        if len(shell.api.asked) == 2:
            policies.versions.append((policy(restore_grace_days=1), "2020-01-01T00:00:00Z"))
        return policies(asked)

    shell.api.answer = faster
    done = edit(shell, DOUBLE, "--effective-from", LATER, stdin="y\ny\n")
    assert done.code == 6
    assert "somebody put another version meanwhile" in done.err
    assert len(left(shell)) == 1


@pytest.mark.parametrize(
    ("code", "exit_code"), [(Code.INVALID_STATE, 6), (Code.FORBIDDEN, 4), (Code.INTERNAL_ERROR, 1)]
)
def test_a_text_that_the_api_refuses_is_kept(shell: Shell, policies: Policies, code: Code, exit_code: int) -> None:
    def refusing(asked: Asked) -> Reply:
        return problem(code, "some_reason", "refused") if asked.route.endswith("put") else policies(asked)

    shell.api.answer = refusing
    done = edit(shell, DOUBLE, "--effective-from", LATER, stdin="y\ny\n")
    (text,) = left(shell)
    assert done.code == exit_code
    assert f"\ng3n: your text is in {text}" in done.err


def test_at_a_terminal(shell: Shell, policies: Policies) -> None:
    environment = shell.whole_environment() | {"VISUAL": DOUBLE, "EDITOR": "false"}
    with terminal(environment, shell.folder, "crm", "policy", "edit") as screen:
        screen.wait_for('\x1b[32m+    "points_per_unit": "2",')
        screen.wait_for("In force from (RFC 3339 with offset, or now) [now]: ")
        screen.type("\n")
        screen.wait_for("for everybody? [y/N]: ")
        screen.type("y\n")
        code, shown = screen.end()
    assert code == 0
    assert "Version 1 is in force from " in shown
    assert policies.versions[1][0] == policy(earn={"points_per_unit": "2"})


def test_no_colour_where_none_is_wanted(shell: Shell, policies: Policies) -> None:
    environment = shell.whole_environment() | {"VISUAL": DOUBLE, "NO_COLOR": "1"}
    with terminal(environment, shell.folder, "crm", "policy", "edit", "--effective-from", "now") as screen:
        screen.wait_for('+    "points_per_unit": "2",')
        screen.wait_for("for everybody? [y/N]: ")
        screen.type("n\n")
        code, shown = screen.end()
    assert code == 1
    assert "\x1b[3" not in shown
    assert "your text is in" in shown
    assert len(policies.versions) == 1


def test_a_byte_order_mark_of_the_editor(shell: Shell, policies: Policies) -> None:
    (shell.folder / "good.json").write_bytes(b'\xef\xbb\xbf{"restore_grace_days": 7}')
    done = edit(shell, f"cp {shell.folder}/good.json", "--effective-from", LATER, stdin="y\ny\n")
    assert done.code == 0, done.err
    assert policies.versions[1][0] == policy(restore_grace_days=7)


def test_more_than_a_year_ahead_is_asked_about_again(shell: Shell, policies: Policies) -> None:
    done = edit(shell, DOUBLE, "--effective-from", LATER, stdin="y\nn\n")
    assert (done.code, len(policies.versions)) == (1, 1)
    assert f"{LATER} is more than a year ahead. Is 2099 what you mean? [y/N]:" in done.err


def test_a_version_to_come_is_no_obstacle_and_is_told_to_be_superseded(shell: Shell, policies: Policies) -> None:
    policies.versions.append((policy(restore_grace_days=30), LATER))
    done = edit(shell, DOUBLE, "--effective-from", "now", stdin="y\n")
    assert done.code == 0
    assert f"Version 1, in force from {LATER} on, would be superseded." in done.err
