"""Find customers by their profiles, a page at a time (contract HTTP11)."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple, Protocol, Self

import orjson

from schemas.requests import CustomerList
from worker.domain.state.accounts import Account, AccountType
from worker.ledger.queries import SQL
from worker.stored.account import account_of
from worker.stored.folded import folded_email, folded_name, phone_digits
from worker.views.context import Invalid
from worker.views.tenant import Tenant

LETTERS: Final = 2  # customers that a search by name alone reads
EXAMINED: Final = 2000  # candidates read for a page that several filters narrow: 2,000 to 4,000 buffers
_AT_ONCE: Final = 500
_LAST: Final = chr(0x10FFFF)

Found = tuple[Sequence[Account], Any]
"""The customers of a page, and the position after which the next page begins, or None if there is none."""


class Wanted(NamedTuple):
    """The filters of a search, folded as the ledger stores profiles; `external_ids` as JSON."""

    words: list[str]
    email: str | None
    phone: str | None
    external_ids: str | None

    @classmethod
    def of(cls, request: CustomerList) -> Self:
        """Raises Invalid."""
        wanted = cls(
            [] if request.name is None else folded_name(request.name).split(),
            None if request.email is None else folded_email(request.email),
            None if request.phone is None else phone_digits(request.phone),
            None if request.external_ids is None else orjson.dumps(request.external_ids).decode(),
        )
        if wanted.phone == "":
            raise Invalid("phone: at least one digit")
        if request.name is not None and not wanted.words:
            raise Invalid("name: at least one letter or digit")
        if wanted.by_name and len(max(wanted.words, key=len)) < LETTERS:
            raise Invalid(f"name: without another filter, a word with at least {LETTERS} letters or digits")
        return wanted

    @property
    def has_filters(self) -> bool:
        """Whether an address, a phone number or external ids narrow the search."""
        return self.email is not None or self.phone is not None or self.external_ids is not None

    @property
    def by_name(self) -> bool:
        """Whether the name alone narrows the search."""
        return bool(self.words) and not self.has_filters

    @property
    def name_pattern(self) -> str | None:
        """A regular expression that matches " " + a folded name if each search word begins one of its words. Words are
        letters and digits.
        """
        return "^" + "".join(f"(?=.* {word})" for word in self.words) if self.words else None


async def customers(tenant: Tenant, wanted: Wanted, after: Any, limit: int) -> Found:  # noqa: ANN401  a position
    """Find the customers from the position `after` on. Merged ids are left out."""
    if wanted.by_name:
        return await _page(tenant, _Names(tenant, wanted.words), after, limit)
    if wanted.has_filters:
        return await _page(tenant, _Profiles(tenant, wanted), after, limit)
    return await _all(tenant, after, limit)


async def _all(tenant: Tenant, after: Any, limit: int) -> Found:  # noqa: ANN401  a position
    """Return a page of all customers, in the order of their ids."""
    key = after or ""
    found: list[Account] = []
    while (missing := limit + 1 - len(found)) > 0:
        rows = await tenant.connection.fetch(SQL["list_customers"], tenant.org, key, missing)
        accounts = [account_of(row) for row in rows]
        found += filter(_is_a_person, accounts)
        if len(rows) < missing:
            break
        key = accounts[-1].key
    return found[:limit], found[limit - 1].key if len(found) > limit else None


def _is_a_person(account: Account) -> bool:
    """Return whether the account is a person's, and not an id that was merged into another."""
    return account.target is None or account.target[0] is AccountType.POOL


# --- candidates: customers in an order, and which of them match -------------------------------------------------------

Place = tuple[Any, ...]  # in the order of the candidates; the account's id is last


class Candidate(NamedTuple):
    """A customer whom the index finds, and whether the other filters match, too."""

    place: Place
    fits: bool


class Candidates(Protocol):
    """Customers in an order that writes don't change."""

    start: Place
    all_fit: bool
    indexed: bool  # an index has this order

    async def after(self, place: Place, size: int) -> list[Candidate]:
        """Return the next `size` candidates."""
        ...


class _Names:
    """Candidates in the order of names, each rotated to the word that the longest search word begins, likely the
    rarest.
    """

    indexed = True

    def __init__(self, tenant: Tenant, words: Sequence[str]) -> None:
        self._tenant = tenant
        self._words = words
        self._first = max(words, key=len)
        self.start: Place = (self._first, 0)
        self.all_fit = len(words) == 1

    async def after(self, place: Place, size: int) -> list[Candidate]:
        bounds = (*place, self._first + _LAST)
        rows = await self._tenant.connection.fetch(SQL["find_names"], self._tenant.org, *bounds, size)
        return [
            Candidate((row["name"], row["account_id"]), _fits(row["name"], self._first, self._words)) for row in rows
        ]


class _Profiles:
    """Candidates in the order in which they were created, by the filter that likely matches the fewest."""

    start: Place = (0,)

    def __init__(self, tenant: Tenant, wanted: Wanted) -> None:
        self._tenant = tenant
        self._filters = wanted.email, wanted.phone, wanted.external_ids, wanted.name_pattern
        self.all_fit = sum(one is not None for one in self._filters) == 1
        self.indexed = wanted.email is not None or wanted.external_ids is None
        if wanted.email is not None:
            self._statement = "find_customers_by_email"
        elif wanted.external_ids is not None:
            self._statement = "find_customers_by_external_ids"
        else:
            self._statement = "find_customers_by_phone"

    async def after(self, place: Place, size: int) -> list[Candidate]:
        rows = await self._tenant.connection.fetch(SQL[self._statement], self._tenant.org, *place, size, *self._filters)
        return [Candidate((row["account_id"],), bool(row["fits"])) for row in rows]


async def _page(tenant: Tenant, candidates: Candidates, after: Any, limit: int) -> Found:  # noqa: ANN401  a position
    """Return the candidates that match. Few may match, so a page ends after a fixed cost, however short it is."""
    if candidates.indexed:
        await tenant.connection.execute("SET LOCAL enable_bitmapscan = off")  # see find_names.sql
    at = tuple(after or candidates.start)
    found: list[tuple[Account, Place]] = []
    examined, more = 0, True
    while more and len(found) <= limit and examined < EXAMINED:
        missing = limit + 1 - len(found)
        size = missing if candidates.all_fit else _AT_ONCE
        next_ones = await candidates.after(at, size)
        examined += size
        fitting = [candidate.place for candidate in next_ones if candidate.fits]
        more = len(next_ones) == size or len(fitting) > missing
        if more:
            at = fitting[missing - 1] if len(fitting) > missing else next_ones[-1].place
        found += await _people(tenant, fitting[:missing])
    if len(found) > limit:
        return [account for account, _ in found[:limit]], found[limit - 1][1]
    return [account for account, _ in found], at if more else None


async def _people(tenant: Tenant, places: Sequence[Place]) -> list[tuple[Account, Place]]:
    """Return the candidates that have a record, in the same order, each with its position."""
    ids = [place[-1] for place in places]
    rows = await tenant.connection.fetch(SQL["read_customers"], tenant.org, ids) if ids else ()
    accounts = {one.id: one for one in map(account_of, rows) if _is_a_person(one)}
    return [(accounts[place[-1]], place) for place in places if place[-1] in accounts]


def _fits(name: str, first: str, words: Sequence[str]) -> bool:
    """Return whether each search word begins a word of the name. `customer_name` has a row for each word of a name. If
    `first` begins several of them, only the first of these rows counts, so that a page lists the customer once.
    """
    if not all(f" {word}" in f" {name}" for word in words):
        return False
    parts = name.split(" ")
    return not any(
        part.startswith(first) and " ".join(parts[n:] + parts[:n]) < name for n, part in enumerate(parts) if n
    )
