"""The URL of the API, and the tenant and key of the caller."""

import ipaddress
import re
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from schemas import orgcode

_ORGCODE: Final = re.compile(orgcode.PATTERN)
_ASCII: Final = re.compile(r"[\x21-\x7e]+")
_ID: Final = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]{0,126}[\x21-\x7e])?")
_KEY: Final = re.compile(r"[\x21-\x7e]{1,512}")


class ConnectionInvalid(Exception):
    """A part of the connection is invalid. The message says which part and never holds a key."""


@dataclass(frozen=True, slots=True)
class Connection:
    """The API's URL (a path in front of its routes is kept), the tenant, and a key of that tenant (contract §5)."""

    url: str
    orgcode: str
    api_key: str = field(repr=False)
    is_session: bool = False  # the key is the token of a session

    def __post_init__(self) -> None:
        object.__setattr__(self, "url", checked_url(self.url))
        if _ORGCODE.fullmatch(self.orgcode) is None:
            raise ConnectionInvalid("the orgcode has 1 to 32 characters of a-z 0-9 - _")
        if _KEY.fullmatch(self.api_key) is None:
            raise ConnectionInvalid("the API key is 1 to 512 printable ASCII characters without blanks")

    @property
    def headers(self) -> dict[str, str]:
        """Return the headers that say who the caller is."""
        key = {"Authorization": f"Bearer {self.api_key}"} if self.is_session else {"X-Api-Key": self.api_key}
        return {"X-Orgcode": self.orgcode, **key}

    @property
    def in_clear(self) -> bool:
        """Return whether the key would travel over a network without encryption."""
        return urlsplit(self.url).scheme == "http" and not is_loopback(self.url)


def checked_url(url: str) -> str:
    """Return the URL without a slash at its end. Raises ConnectionInvalid unless it is plain http(s)."""
    try:
        parts = urlsplit(url.strip())
        hostname, _port = parts.hostname, parts.port
    except ValueError:
        raise ConnectionInvalid("the API's URL is not a URL") from None
    if parts.scheme not in {"http", "https"} or not hostname or _ASCII.fullmatch(url.strip()) is None:
        raise ConnectionInvalid("the API's URL begins with http:// or https:// and names a host")
    if parts.username is not None or parts.query or parts.fragment:
        raise ConnectionInvalid("the API's URL has no user, query or fragment")
    return url.strip().rstrip("/")


def is_header_safe(id_: str) -> bool:
    """Return whether an id reaches the API unchanged as a header's value: HTTP strips white space at both ends."""
    return _ID.fullmatch(id_) is not None


def is_loopback(url: str) -> bool:
    """Return whether the URL's host is this machine's loopback, by name or by address."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
