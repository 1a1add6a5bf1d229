"""`g3n crm policy put`: the difference, the question, a dry run."""

from tests.terminal.policies import LATER, Policies, policy
from tests.terminal.pseudo_terminal import terminal
from tests.terminal.shell import Done, Shell

DOUBLED = '{"earn": {"points_per_unit": "2"}}'
DIFFERENCE = """\
What changes from version 0:
@@ -1,5 +1,5 @@
 {
   "earn": {
-    "points_per_unit": "1",
+    "points_per_unit": "2",
"""


def put(shell: Shell, since: str, *words: str) -> Done:
    return shell.crm("policy", "put", "--policy", "-", "--effective-from", since, *words, stdin=DOUBLED)


def test_put_shows_the_difference(shell: Shell, policies: Policies) -> None:
    done = put(shell, "now", "--json")
    assert (done.code, done.out) == (0, '{"status": "applied", "policy_version": 1}\n')
    assert done.err.startswith(DIFFERENCE)
    assert policies.versions[1][0] == {"earn": {"points_per_unit": "2"}}


def test_a_dry_run_puts_nothing(shell: Shell, policies: Policies) -> None:
    policies.versions.append((policy(restore_grace_days=30), LATER))
    done = put(shell, LATER, "--dry-run")
    assert (done.code, done.out, len(policies.versions)) == (0, "", 2)
    assert done.err.startswith(DIFFERENCE)
    assert done.err.endswith(
        f"Version 1, in force from {LATER} on, would be superseded.\nNothing was put: --dry-run.\n"
    )


def test_a_program_that_puts_more_than_a_year_ahead_says_that_it_means_it(shell: Shell, policies: Policies) -> None:
    done = put(shell, LATER)
    assert (done.code, len(policies.versions)) == (2, 1)
    assert "is more than a year ahead" in done.err
    assert put(shell, LATER, "--yes").code == 0
    assert len(policies.versions) == 2


def test_put_at_a_terminal_is_asked_about(shell: Shell, policies: Policies) -> None:
    (shell.folder / "policy.json").write_text(DOUBLED)
    words = ("policy", "put", "--policy", "policy.json", "--effective-from", LATER)
    with terminal(shell.whole_environment(), shell.folder, "crm", *words) as screen:
        screen.wait_for('\x1b[32m+    "points_per_unit": "2",')
        screen.wait_for("for everybody? [y/N]: ")
        screen.type("y\n")
        screen.wait_for("Is 2099 what you mean? [y/N]: ")
        screen.type("n\n")
        code, _ = screen.end()
    assert (code, len(policies.versions)) == (1, 1)
