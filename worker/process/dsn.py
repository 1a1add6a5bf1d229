"""Check the URL of a Postgres. No message holds any part of it, because the password may be anywhere in it."""

import re
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl, unquote, urlsplit

SCHEMES: Final = ("postgresql", "postgres")
_CHOICES: Final = {
    "sslmode": ("disable", "allow", "prefer", "require", "verify-ca", "verify-full"),
    "target_session_attrs": ("any", "primary", "standby", "read-write", "read-only", "prefer-standby"),
}
_FILES: Final = ("sslrootcert", "sslcert", "sslkey", "sslcrl")
_ENCODE: Final = (
    "can't be read as postgresql://user:password@host:port/name; in user and password write "
    "# as %23, / as %2F, ? as %3F, [ as %5B, ] as %5D, @ as %40, : as %3A and % as %25"
)
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\s:\[\]]*)(:\d{1,5})?")
_MOST = 65_535


def fault(dsn: str) -> str | None:
    """Return why the URL can't be used, as a phrase that follows the setting's name, or None."""
    if dsn.partition("://")[0] not in SCHEMES:
        return "must begin with postgresql://"
    try:
        parts = urlsplit(dsn)
        userinfo, _, hosts = parts.netloc.rpartition("@")
        options = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
    except ValueError:
        return _ENCODE
    if "#" in dsn or "@" in parts.path + parts.query or set("[]") & set(userinfo):
        return _ENCODE
    if not all(_is_host(host) for host in hosts.split(",")):
        return _ENCODE
    return next(filter(None, (_wrong_option(name, value) for name, value in options)), None)


def _is_host(text: str) -> bool:
    match = _HOST.fullmatch(text)
    return match is not None and int((match[2] or ":1")[1:]) <= _MOST


def _wrong_option(name: str, value: str) -> str | None:
    if name in _CHOICES and value not in _CHOICES[name]:
        return f"{name} must be one of {', '.join(_CHOICES[name])}"
    if name in _FILES and not Path(value).is_file():
        return f"{name} names no file that is there"
    return None


def password(dsn: str) -> str | None:
    """Return the password of a valid URL, or None."""
    secret = urlsplit(dsn).password
    return None if secret is None else unquote(secret)


def is_remote(dsn: str) -> bool:
    """Return whether a server of the URL is not on this machine."""
    parts = urlsplit(dsn)
    given = dict(parse_qsl(parts.query)).get("host")
    hosts = (given or parts.netloc.rpartition("@")[2]).split(",")
    names = [re.sub(r":\d+$", "", host).strip("[]") for host in hosts]
    return not all(name in ("", "localhost", "::1") or name.startswith(("127.", "/", "%2F")) for name in names)
