"""Time zones by their IANA names, from data that is pinned with the program, so every process has the same."""

import re
from functools import cache
from importlib.resources import files
from typing import Final
from zoneinfo import ZoneInfo

UTC_NAME: Final = "UTC"
_is_name: Final = re.compile(r"[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+){0,2}").fullmatch


@cache
def zone(name: str) -> ZoneInfo | None:
    """Return the time zone with this name, or None. Each is read once."""
    if _is_name(name) is None:
        return None
    try:
        with files("tzdata.zoneinfo").joinpath(*name.split("/")).open("rb") as data:
            return ZoneInfo.from_file(data, key=name)
    except (OSError, ValueError):  # no such file, or no zone's: a folder, a table
        return None
