"""`g3n` as a person or a script runs it, against a server that answers as the test says."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from schemas.operations import OPERATIONS
from tests.terminal.server import Api, Asked, Reply, ok, serving
from worker.cli import app

KEY = "k-of-acme"
_OF_ROUTE = {operation.route: operation for operation in OPERATIONS.values()}


@dataclass(frozen=True, slots=True)
class Done:
    """The result of a command."""

    code: int
    out: str
    err: str


def invoke(words: Sequence[str], environment: Mapping[str, str | None], stdin: str | bytes = "") -> Done:
    """Run `g3n` with these words in this process; a variable that is None is not set."""
    done = CliRunner().invoke(app, words, prog_name="g3n", input=stdin, env=environment)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return Done(done.exit_code, done.stdout, done.stderr)


def by_example(asked: Asked) -> Reply:
    """Return the answer in the API's documents."""
    key = {"Idempotency_Key": asked.key} if asked.key else {}
    return ok(_OF_ROUTE[asked.route].answer_example, **key)


def pins(body: Mapping[str, Any]) -> str:
    """Return the lines of stdin for what is not on the command line."""
    parts = (body, *(part for part in body.values() if isinstance(part, dict)))
    return "".join(f"{part['pin']}\n" for part in parts if "pin" in part)


@dataclass
class Shell:
    """A folder of its own, and the variables of a profile that the server knows."""

    api: Api
    folder: Path
    environment: dict[str, str]

    def g3n(self, *words: str, stdin: str | bytes = "") -> Done:
        """Run in this process, without a terminal."""
        return invoke(words, self._variables(), stdin)

    def crm(self, *words: str, stdin: str | bytes = "") -> Done:
        return self.g3n("crm", *words, stdin=stdin)

    def process(self, *words: str) -> "subprocess.Popen[str]":
        """Start a process, for tests that kill it."""
        return subprocess.Popen(
            [sys.executable, "-m", "worker", *words], cwd=self.folder, env=self.whole_environment(),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def whole_environment(self) -> dict[str, str]:
        own = {name: value for name, value in os.environ.items() if not name.startswith("G3N_")}
        return own | {name: value for name, value in self._variables().items() if value is not None}

    def _variables(self) -> Mapping[str, str | None]:
        unset = {name: None for name in os.environ if name.startswith("G3N_")}
        return {**unset, "XDG_CONFIG_HOME": str(self.folder / "config"), "COLUMNS": "80", **self.environment}

    @property
    def config(self) -> Path:
        return self.folder / "config" / "g3n" / "config.toml"


@contextmanager
def shell_of(answer: Callable[[Asked], Reply], folder: Path) -> Iterator[Shell]:
    with serving(answer) as api:
        yield Shell(api, folder, {"G3N_API_URL": api.url, "G3N_ORGCODE": "acme", "G3N_API_KEY": KEY})
