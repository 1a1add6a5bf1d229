"""The stored bytes of the examples, in hex, a file for each struct: what was written once can be read for ever."""

from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parent / "golden"


def read(struct: str) -> dict[str, bytes | None]:
    """The bytes of a struct's examples, by name; None where a column is null."""
    lines = (FOLDER / f"{struct}.txt").read_text().splitlines()
    return {name: None if value == "null" else bytes.fromhex(value) for name, value in map(str.split, lines)}


def text(stored: dict[str, bytes | None]) -> str:
    return "".join(f"{name} {'null' if value is None else value.hex()}\n" for name, value in stored.items())
