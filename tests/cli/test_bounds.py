"""Numbers, times and directories that can't be right: wrong usage, before anything is asked of Kafka or Postgres."""

import pytest

from tests.terminal.shell import invoke

LONG = str(2**63)
DIGITS = "9" * 5000


@pytest.mark.parametrize(
    ("words", "at"),
    [
        *((f"dlq list --group {number}", "--group") for number in ("-1", "0", LONG)),
        *((f"dlq show {number}", "a group's number") for number in (LONG, DIGITS)),
        *((f"dlq discard {number} --reason r", "a group's number") for number in (LONG, DIGITS)),
        (f"dlq redrive scm.sales-0@{LONG} --reason r", "a group's number"),
        (f"dlq redrive scm.sales-{2**31}@0 --reason r", "a group's number"),
        *((f"operations {verb} {LONG}", "ID") for verb in ("show", "resume")),
        *((f"operations {verb} {LONG} --reason r", "ID") for verb in ("pause", "cancel")),
        *((f"partition {verb} scm.sales:{2**31} --reason r", "TOPIC:PARTITION") for verb in ("resume", "skip")),
        (f"partition skip scm.sales:{DIGITS} --reason r", "TOPIC:PARTITION"),
        (f"replay --partition {2**31}", "--partition"),
        (f"replay --from-offset {LONG}", "--from-offset"),
        (f"replay --to-offset {LONG}", "--to-offset"),
        ("replay --since 0001-01-01T00:00:00Z", "--since"),
        ("outcomes republish --since 0001-01-01T00:00:00+14:00", "--since"),
        ("outcomes republish --until 9999-12-31T23:59:59-14:00", "--until"),
        ("audit --as-of 1969-12-31T23:59:59Z", "--as-of"),
        ("audit --archive /nowhere", "--archive"),
        ("explain scm.sale.completed S --orgcode acme --archive /nowhere", "--archive"),
    ],
)
def test_wrong_usage(words: str, at: str) -> None:
    done = invoke(["worker", *words.split()], {})
    assert done.code == 2
    assert "Invalid value" in done.err
    assert at in done.err
