"""Files to import, and the requests that they cause."""

from pathlib import Path
from typing import Any

from tests.terminal.server import Asked, ok
from tests.terminal.shell import Shell

CUSTOMERS = "customer_id,name,email,external_ids.shop\n"
CARDS = "number,amount_minor,currency,pin\n"
APPLIED = ok({"status": "applied"})


def people(count: int) -> str:
    return CUSTOMERS + "".join(f"C{place},Name {place},,{place}\n" for place in range(count))


def a_file(shell: Shell, content: str | bytes, name: str = "file.csv") -> Path:
    path = shell.folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def bodies(shell: Shell) -> list[Any]:
    return [asked.body for asked in shell.api.asked]


def of(asked: Asked) -> int:
    """The row that a request is about."""
    assert asked.key
    return int(asked.key.rpartition("-")[2])
