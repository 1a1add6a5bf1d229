"""Profiles: the API's URL, a tenant and a key, in one private file. Contract §6 names the variables."""

import json
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import typer

from worker.client.connection import Connection, ConnectionInvalid, checked_url
from worker.terminal import private_files

DEFAULT: Final = "default"
_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_HEAD: Final = "# Written by `g3n login`; keep it to yourself, it has keys in it.\n"
_VARIABLES: Final = {"url": "G3N_API_URL", "orgcode": "G3N_ORGCODE", "api_key": "G3N_API_KEY"}
_MEMBERS: Final = {"url": "url", "orgcode": "orgcode", "api_key": "key"}


class NoProfile(Exception):
    """The API's URL or the key is not known. The message says what to do."""


@dataclass(frozen=True, slots=True)
class Profile:
    """A connection and its name in the file."""

    name: str
    connection: Connection


def config_file() -> Path:
    """Return `$XDG_CONFIG_HOME/g3n/config.toml`, by default under ~/.config."""
    base = os.environ.get("XDG_CONFIG_HOME") or ""
    return (Path(base) if Path(base).is_absolute() else Path.home() / ".config") / "g3n" / "config.toml"


def checked_name(name: str) -> str:
    """Return the name if it is valid for a profile. Raises NoProfile."""
    if _NAME.fullmatch(name) is None:
        raise NoProfile("a profile's name has 1 to 64 characters of a-z A-Z 0-9 - _")
    return name


def connection(profile: str | None) -> Connection:
    """Return the connection: the profile named on the command line; else the variables, completed from `G3N_PROFILE` or
    the profile `default`. Raises NoProfile.
    """
    if profile is not None:
        parts = _of_profile(profile)
    else:
        parts = {part: value for part, name in _VARIABLES.items() if (value := os.environ.get(name))}
        if len(parts) < len(_VARIABLES):
            parts = {**_of_profile(os.environ.get("G3N_PROFILE") or None), **parts}
    try:
        return Connection(parts["url"], parts["orgcode"], parts["api_key"])
    except ConnectionInvalid as error:
        raise NoProfile(f"{error}: g3n login, or correct {', '.join(_VARIABLES.values())}") from None


def url(profile: str | None) -> str:
    """Return the API's URL as `connection` finds it, with or without a key. Raises NoProfile."""
    given = None if profile is not None else os.environ.get(_VARIABLES["url"])
    try:
        return checked_url(given or _of_profile(profile or os.environ.get("G3N_PROFILE") or None)["url"])
    except ConnectionInvalid as error:
        raise NoProfile(f"{error}: g3n login, or correct {_VARIABLES['url']}") from None


def names() -> list[str]:
    """Return the names of the stored profiles. Raises NoProfile."""
    return sorted(_read())


def keep(profile: Profile) -> Path:
    """Store the profile in the file, beside the others. Raises NoProfile and OSError."""
    kept = _read()
    one = profile.connection
    kept[checked_name(profile.name)] = {"url": one.url, "orgcode": one.orgcode, "key": one.api_key}
    return _write(kept)


def drop(name: str) -> bool:
    """Delete the profile. Return whether it was there. Raises NoProfile and OSError."""
    kept = _read()
    if kept.pop(name, None) is None:
        return False
    _write(kept)
    return True


def _of_profile(named: str | None) -> dict[str, str]:
    kept = _read()
    name = named or DEFAULT
    if name not in kept:
        if named is None:
            missing = [variable for variable in _VARIABLES.values() if not os.environ.get(variable)]
            raise NoProfile(f"it is not known where the API is: run g3n login, or set {', '.join(missing)}")
        known = ", ".join(sorted(kept)) or "none yet"
        raise NoProfile(f"there is no profile {name} (known: {known}): run g3n login --profile {name}")
    values = kept[name]
    parts = {part: values.get(member) for part, member in _MEMBERS.items()}
    if not all(isinstance(value, str) for value in parts.values()):
        raise NoProfile(f"the profile {name} is not whole: run g3n login --profile {name}")
    return {part: str(value) for part, value in parts.items()}


def _read() -> dict[str, Mapping[str, Any]]:
    path = config_file()
    try:
        if private_files.make_private(path):
            typer.echo(
                f"g3n: {path} could be read by others; now only by you. Rotate the keys if that matters.", err=True
            )
        parsed = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        return {}
    except private_files.NotPrivate as error:
        raise NoProfile(f"{error}; it is not used: chmod 600, or g3n login as yourself") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise NoProfile(
            f"{path} is not TOML ({type(error).__name__}): correct it, or move it away and g3n login"
        ) from None
    except OSError as error:
        raise NoProfile(f"{path}: {error.strerror}") from None
    kept = parsed.get("profile", {})
    return {str(name): one for name, one in kept.items() if isinstance(one, dict)} if isinstance(kept, dict) else {}


def _write(kept: Mapping[str, Mapping[str, Any]]) -> Path:
    tables = [
        f"\n[profile.{name if _NAME.fullmatch(name) else _text(name)}]\n"
        + "".join(
            f"{key if _NAME.fullmatch(key) else _text(key)} = {_text(str(value))}\n" for key, value in one.items()
        )
        for name, one in sorted(kept.items())
    ]
    path = config_file()
    private_files.write(path, _HEAD + "".join(tables))
    return path


def _text(value: str) -> str:
    """Return a TOML string: JSON's form is valid in TOML, except for one character."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
