"""The demo as a user runs it: a program, with a real Kafka, a real Postgres and the real worker."""

import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MARK = "DEMO_TEST_MARK"
HEADER = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"


def start(temporary: Path, mark: str, *arguments: str, **environment: str) -> subprocess.Popen[str]:
    return run((sys.executable, "-m", "examples.online_retail", *arguments), temporary, mark, environment)


def run(command: Sequence[str], temporary: Path, mark: str, environment: Mapping[str, str]) -> subprocess.Popen[str]:
    inherited = {name: value for name, value in os.environ.items() if name not in {"INVOICES", "STACK", "KEEP"}}
    return subprocess.Popen(
        command,
        cwd=ROOT,
        env={**inherited, **environment, MARK: mark, "TMPDIR": str(temporary)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def still_running(mark: str) -> list[str]:
    """Commands of all processes that descend from the demo: they inherit its environment."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if f"{MARK}={mark}" in process.joinpath("environ").read_text(errors="replace").split("\0"):
                found.append(process.joinpath("cmdline").read_text(errors="replace"))
        except OSError:
            continue
    return found


@pytest.mark.parametrize(
    ("arguments", "environment", "message"),
    [
        (("none.csv",), {}, "none.csv: No such file or directory\n"),
        ((), {"INVOICES": "none.csv"}, "none.csv: No such file or directory\n"),
        (("README.md",), {}, "README.md: not an invoice file: column "),
        ((), {"STACK": "elsewhere"}, "usage: "),
    ],
)
def test_input_that_can_not_be_used_ends_with_2(
    tmp_path: Path, arguments: tuple[str, ...], environment: dict[str, str], message: str
) -> None:
    demo = start(tmp_path, secrets.token_hex(8), *arguments, **environment)
    _, errors = demo.communicate(timeout=120)
    assert errors.startswith(message)
    assert demo.returncode == 2


def test_a_file_without_trade_ends_with_2(tmp_path: Path) -> None:
    path = tmp_path / "invoices.csv"
    path.write_text(HEADER + "1,A,x,-9,2010-12-01 08:00:00,0.00,,UK\n")
    demo = start(tmp_path, secrets.token_hex(8), str(path))
    _, errors = demo.communicate(timeout=120)
    assert (demo.returncode, errors) == (2, f"{path}: no sale and no return in it\n")


def without_first_start(errors: str) -> list[str]:
    """The lines on stderr, without what only the first start in a clone says."""
    return [line for line in errors.splitlines() if not line.startswith(("Installing .venv", "Maven fetches Kafka"))]


@pytest.mark.timeout(330)
def test_one_invoice_is_enough(tmp_path: Path) -> None:
    path = tmp_path / "invoices.csv"
    path.write_text(HEADER + "1,A,x,6,2010-12-01 08:00:00,2.55,7,UK\n")
    output, errors = start(tmp_path, secrets.token_hex(8), str(path)).communicate(timeout=300)
    assert without_first_start(errors) == []
    assert "✗" not in output
    assert "  ✓ points: 15 earned − 0 reversed − 0 spent = 15 outstanding" in output.splitlines()


@pytest.mark.timeout(330)
def test_the_sample_comes_out_as_worked_out(tmp_path: Path) -> None:
    """As the README starts it."""
    mark = secrets.token_hex(8)
    output, errors = run(("make", "--silent", "demo"), tmp_path, mark, {}).communicate(timeout=300)
    assert without_first_start(errors) == []
    told = [line for line in output.splitlines() if line.startswith("  ✓")]
    assert "✗" not in output
    assert len(told) == 26 + 12 + 2
    assert "  ✓ g3n worker replay            This replay changes nothing and publishes nothing." in told
    assert "  ✓ g3n worker audit --coverage  All is accounted for." in told
    assert "  ✓ worked out again from the file: 104 of 104 customers' balances, to the point" in told
    assert (still_running(mark), list(tmp_path.iterdir())) == ([], [])


@pytest.mark.timeout(330)
@pytest.mark.parametrize(
    ("after", "number"),
    [
        ("Servers", signal.SIGINT),
        ("Servers", signal.SIGTERM),
        ("  the worker runs", signal.SIGINT),
        ("At the till: A whole sale", signal.SIGTERM),
    ],
)
def test_stopped_it_leaves_nothing_behind(
    tmp_path_factory: pytest.TempPathFactory, tmp_path: Path, number: signal.Signals, after: str
) -> None:
    """Before the event loop runs, and in it, where the signals have another handler."""
    mark = secrets.token_hex(8)
    path = tmp_path_factory.mktemp("six") / "invoices.csv"  # as many sales as the tills need
    path.write_text(HEADER + "".join(f"{n},A,x,2,2010-12-01 08:00:00,20.00,{n},UK\n" for n in range(1, 7)))
    with start(tmp_path, mark, str(path)) as demo:
        assert demo.stdout is not None
        assert any(line.startswith(after) for line in demo.stdout)
        demo.send_signal(number)
        _, errors = demo.communicate(timeout=120)
    assert (demo.returncode, errors) == (130, "stopped; nothing is left running\n")
    assert (still_running(mark), list(tmp_path.iterdir())) == ([], [])
