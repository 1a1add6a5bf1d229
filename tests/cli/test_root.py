"""`g3n` itself: help that loads little, commands that are put together when they are used, completion."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.main import get_command

from worker.cli import app
from worker.cli.deferred import Deferred, Root
from worker.crm import APPS

HEAVY = {"aiokafka", "asyncpg", "httpx", "fastapi", "starlette", "uvicorn", "mcp", "rich", "uvloop", "schemas.commands"}
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
        (["logout", "--help"], {"schemas.commands"}),
    ],
)
def test_help_loads_no_server_and_no_client(words: list[str], but: set[str]) -> None:
    done = subprocess.run([sys.executable, "-c", _LOADED, *words], capture_output=True, text=True, check=True)
    assert HEAVY & set(json.loads(done.stdout)) == but


@pytest.mark.parametrize("name", APPS)
def test_what_stands_for_a_command_says_what_the_command_says(name: str) -> None:
    root = get_command(app)
    assert isinstance(root, Root)
    stands_for = root.commands[name]
    assert isinstance(stands_for, Deferred)
    assert get_command(APPS[name]).get_short_help_str(200) == stands_for.get_short_help_str(200)


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
