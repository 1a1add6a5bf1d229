"""`g3n` itself: help that loads little, commands that are put together when they are used, completion."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest
from typer.core import TyperGroup
from typer.main import get_command

from schemas.problems import Code
from tests.terminal.server import ok, problem
from tests.terminal.shell import Shell, invoke
from worker.cli import Root, app
from worker.process.build import build
from worker.terminal.deferred import Deferred

HEAVY = {"aiokafka", "asyncpg", "httpx", "fastapi", "starlette", "uvicorn", "mcp", "rich", "uvloop", "schemas.commands"}
SERVER = {
    "aiokafka",
    "asyncpg",
    "starlette",
    "uvicorn",
    "mcp",
    "uvloop",
    "structlog",
    "worker.process.settings",
}
UNUSED = {
    "click",
    "pygments",
    "rich.progress",
    "httpx._main.main",
    "schemas.openapi",
    "worker.terminal.edit",
    "worker.terminal.bulk",
}
_LOADED = """
import json, sys
from worker.cli import app
sys.stdout = open("/dev/null", "w")
try:
    app(sys.argv[1:], prog_name="g3n")
except SystemExit:
    pass
json.dump(list(sys.modules), sys.__stdout__)
"""


@pytest.mark.parametrize(
    ("words", "but"),
    [
        ([], set()),
        (["--help"], set()),
        (["worker", "run", "--help"], set()),
        (["crm", "--help"], {"schemas.commands"}),
        (["crm", "loyalty", "earn", "--help"], {"schemas.commands"}),
        (["logout", "--help"], set()),
    ],
)
def test_help_loads_no_server_and_no_client(words: list[str], but: set[str]) -> None:
    assert HEAVY & loaded(*words) == but


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["worker", "run", "--help"]])
def test_a_full_disk_is_told_in_a_line(words: list[str]) -> None:
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(
            [sys.executable, "-m", "worker", *words], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert ended.returncode == 1
    assert ended.stderr.splitlines() == [
        "g3n: the output can't be written: No space left on device",
        "     The command may have been done.",
    ]


def loaded(*words: str) -> set[str]:
    """The modules that `g3n` with these words imports."""
    done = subprocess.run([sys.executable, "-c", _LOADED, *words], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout))


def test_a_call_loads_only_what_it_uses(shell: Shell) -> None:
    """Starting takes as long as its imports: 0.38 s of CPU with 690 modules."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in shell.environment.items():
            patch.setenv(name, value)
        modules = loaded("crm", "customer", "get", "--customer-id", "C-1001")
    assert [asked.route for asked in shell.api.asked] == ["/customer/get"]
    assert modules & (SERVER | UNUSED) == set()
    assert len(modules) < 750


@pytest.mark.parametrize(("words", "most"), [(["--help"], 250), (["--version"], 300), (["crm", "--help"], 500)])
def test_help_is_there_at_once(words: list[str], most: int) -> None:
    assert len(loaded(*words)) < most


def test_the_version() -> None:
    done = invoke(["--version"], {})
    assert (done.code, done.out) == (0, f"g3n {version('g3n-crm')} ({build()})\n")


@pytest.mark.parametrize("words", [["--help"], ["crm", "--help"], ["crm", "customer", "--help"], ["mcp", "--help"]])
def test_settings_of_the_server_are_not_in_the_help_of_the_client(words: list[str]) -> None:
    assert "G3N_POSTGRES_DSN" not in invoke(words, {}).out


@pytest.mark.parametrize("words", [["worker", "--help"], ["worker", "run", "--help"], ["api", "--help"]])
def test_settings_of_the_server_are_in_its_own_help(words: list[str]) -> None:
    assert "G3N_POSTGRES_DSN" in invoke(words, {}).out


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
@pytest.mark.parametrize(
    "words",
    [
        ["crm", "--help"],
        ["crm", "customer", "list"],
        ["crm", "customer", "list", "--json"],
        ["crm", "customer", "list", "--all", "--json"],
    ],
)
def test_a_terminal_without_unicode(shell: Shell, encoding: str, words: list[str]) -> None:
    name = "Zo\u00eb \N{GREEK SMALL LETTER OMEGA} \N{BLACK CLUB SUIT}"
    shell.api.answer = lambda _: ok({"items": [{"customer_id": "C", "profile": {"name": name}}]})
    environment = {**shell.whole_environment(), "PYTHONIOENCODING": encoding}
    done = subprocess.run([sys.executable, "-m", "worker", *words], env=environment, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    if "--json" in words:
        assert json.loads(done.stdout)["items"][0]["profile"]["name"] == name
    elif "list" in words:
        assert b"\\u03c9" in done.stdout


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_an_error_on_a_terminal_without_unicode(shell: Shell, encoding: str) -> None:
    shell.api.answer = lambda _: problem(Code.NOT_FOUND, "customer_not_found", "there is no \N{BLACK CLUB SUIT} \u2026")
    done = subprocess.run(
        [sys.executable, "-m", "worker", "crm", "customer", "get", "--customer-id", "C"],
        env={**shell.whole_environment(), "PYTHONIOENCODING": encoding}, capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == 5
    assert done.stderr.startswith(b"g3n: not-found customer_not_found: there is no ")
    assert len(done.stderr.splitlines()) == 2


def deferred(group: TyperGroup) -> Iterator[Deferred]:
    for command in group.commands.values():
        if isinstance(command, Deferred):
            yield command
            made = command.made()
            yield from deferred(made) if isinstance(made, TyperGroup) else ()
        elif isinstance(command, TyperGroup):
            yield from deferred(command)


def test_a_deferred_command_has_the_help_of_the_real_one() -> None:
    root = get_command(app)
    assert isinstance(root, Root)
    for command in deferred(root):
        shown, own = command.get_short_help_str(300), command.made().get_short_help_str(300)
        assert own.startswith(shown.rstrip(".")), command.name


def completed(*words: str) -> list[str]:
    """As bash asks for it."""
    environment = {
        **os.environ,
        "_G3N_COMPLETE": "complete_bash",
        "COMP_WORDS": " ".join(words),
        "COMP_CWORD": str(len(words) - 1),
    }
    done = subprocess.run(
        [sys.executable, "-c", "from worker.cli import main; main()"],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stderr == ""
    return done.stdout.split()


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (("g3n", "l"), ["login", "logout"]),
        (("g3n", "crm", "lo"), ["loyalty"]),
        (("g3n", "crm", "policy", ""), ["get", "put", "edit"]),
        (("g3n", "crm", "loyalty", "earn", "--cu"), ["--customer-id", "--currency"]),
        (("g3n", "crm", "loyalty", "earn", "--currency", "GB"), ["GBP"]),
        (("g3n", "crm", "consent", "set", "--purpose", ""), ["marketing", "profiling", "service"]),
        (("g3n", "crm", "customer", "get", "--profile", "t"), ["test"]),
        (("g3n", "login", "--pro"), ["--profile"]),
    ],
)
def test_completion(
    words: tuple[str, ...], offered: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "g3n" / "config.toml"
    config.parent.mkdir()
    config.touch(0o600)
    config.write_text("[profile.default]\n[profile.test]\n")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert completed(*words) == offered


def test_completion_of_a_broken_config_offers_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tmp_path / "g3n" / "config.toml"
    config.parent.mkdir()
    config.touch(0o600)
    config.write_text("[")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert completed("g3n", "crm", "customer", "get", "--profile", "") == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_can_be_installed(shell: str, tmp_path: Path) -> None:
    environment = {**os.environ, "HOME": str(tmp_path), "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}
    for option in ("--show-completion", "--install-completion"):
        done = subprocess.run(
            [sys.executable, "-c", "from worker.cli import main; main()", option, shell],
            env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert "g3n" in done.stdout
    assert any("_G3N_COMPLETE" in path.read_text() for path in tmp_path.rglob("*g3n*") if path.is_file())
