"""The compiled wheel beside the checkout: the folder of `make build/compiled`, and how a program runs on it."""

import os
import sys
from pathlib import Path
from typing import Final, NoReturn

from worker.process.build import build

FOLDER: Final = Path(__file__).parents[1] / "build/compiled"
ENVIRONMENT: Final = {"PYTHONPATH": str(FOLDER), "PYTHONSAFEPATH": "1"}
"""What puts the wheel's modules before the checkout's."""


def is_there() -> bool:
    return (FOLDER / "worker").is_dir()


def is_used() -> bool:
    """Return whether this process has the wheel's modules."""
    return build() == "compiled"


def start_again() -> NoReturn:
    """Start this program again with the wheel's modules."""
    os.execve(sys.executable, [sys.executable, "-m", "bench", *sys.argv[1:]], {**os.environ, **ENVIRONMENT})
