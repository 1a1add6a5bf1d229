"""Find customers by what their profiles say, a page at a time (contract HTTP11)."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple, Self

import orjson

from schemas.views import CustomerList
from worker.domain.state.accounts import Account, Kind
from worker.ledger.queries import SQL
from worker.stored.account import account_of
from worker.stored.folded import folded_email, folded_name, phone_digits
from worker.views.context import Invalid
from worker.views.tenant import Tenant

LETTERS: Final = 2  # that a search by name alone takes
EXAMINED: Final = 2000  # names looked at for a page of those who have several words: 2,000 to 4,000 buffers
_AT_ONCE: Final = 500
_LAST: Final = chr(0x10FFFF)

Found = tuple[Sequence[Account], Any]
"""The customers of a page, and the position after which the next page begins, or None if there is none."""


class Wanted(NamedTuple):
    """What a customer's profile must have, folded as the ledger stores it; `external_ids` as JSON."""

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
    def by_name(self) -> bool:
        """Whether it is the name alone that says who is wanted."""
        return bool(self.words) and self.email is None and self.phone is None and self.external_ids is None

    @property
    def name_pattern(self) -> str | None:
        """A regular expression: each word begins a word of ` ` and a folded name. Words are letters and digits."""
        return "^" + "".join(f"(?=.* {word})" for word in self.words) if self.words else None


async def customers(tenant: Tenant, wanted: Wanted, after: Any, limit: int) -> Found:  # noqa: ANN401  a position
    """Find who is wanted, from the position `after` on. Merged ids are left out."""
    if wanted.by_name:
        return await _by_name(tenant, wanted.words, after, limit)
    statement, *filters = _statement(wanted)
    key = after or ""
    found: list[Account] = []
    while (missing := limit + 1 - len(found)) > 0:
        rows = await tenant.connection.fetch(SQL[statement], tenant.org, key, missing, *filters)
        accounts = [account_of(row) for row in rows]
        found += filter(_is_a_person, accounts)
        if len(rows) < missing:
            break
        key = accounts[-1].key
    return found[:limit], found[limit - 1].key if len(found) > limit else None


def _statement(wanted: Wanted) -> tuple[Any, ...]:
    """By what is likely to be one customer's alone; the rest of what is named must hold too."""
    filters = wanted.email, wanted.phone, wanted.external_ids, wanted.name_pattern
    if wanted.email is not None:
        return "find_customers_by_email", *filters
    if wanted.external_ids is not None:
        return "find_customers_by_external_ids", *filters
    return ("find_customers_by_phone", *filters) if wanted.phone is not None else ("list_customers",)


def _is_a_person(account: Account) -> bool:
    """Not an id that was merged into another."""
    return account.target is None or account.target[0] is Kind.POOL


# --- by name ---------------------------------------------------------------------------------------------------------


async def _by_name(tenant: Tenant, words: Sequence[str], after: Any, limit: int) -> Found:  # noqa: ANN401  a position
    """In the order of the names, each begun at the word that the longest of `words` begins: it is likely the rarest.

    The other words may fit few of them. So a page ends, however short it is, once it has cost enough.
    """
    await tenant.connection.execute("SET LOCAL enable_bitmapscan = off")  # see find_names.sql
    first = max(words, key=len)
    at: tuple[str, int] = tuple(after or (first, 0))
    found: list[tuple[Account, tuple[str, int]]] = []
    examined, more = 0, True
    while more and len(found) <= limit and examined < EXAMINED:
        missing = limit + 1 - len(found)
        size = missing if len(words) == 1 else _AT_ONCE
        rows = await tenant.connection.fetch(SQL["find_names"], tenant.org, *at, first + _LAST, size)
        examined += size
        fitting = [(row["name"], row["account_id"]) for row in rows if _fits(row["name"], first, words)]
        more = len(rows) == size or len(fitting) > missing
        if more:
            at = fitting[missing - 1] if len(fitting) > missing else tuple(rows[-1])
        found += await _people(tenant, fitting[:missing])
    if len(found) > limit:
        return [account for account, _ in found[:limit]], found[limit - 1][1]
    return [account for account, _ in found], at if more else None


async def _people(tenant: Tenant, names: Sequence[tuple[str, int]]) -> list[tuple[Account, tuple[str, int]]]:
    """Those of them who have a record, in the same order, each with its place among the names."""
    rows = await tenant.connection.fetch(SQL["read_customers"], tenant.org, [id_ for _, id_ in names]) if names else ()
    accounts = {one.id: one for one in map(account_of, rows) if _is_a_person(one)}
    return [(accounts[name[1]], name) for name in names if name[1] in accounts]


def _fits(name: str, first: str, words: Sequence[str]) -> bool:
    """Whether each of the words begins one of the name's; of a name with several words that `first` begins, the row
    that comes first stands for all.
    """
    if not all(f" {word}" in f" {name}" for word in words):
        return False
    parts = name.split(" ")
    return not any(
        part.startswith(first) and " ".join(parts[n:] + parts[:n]) < name for n, part in enumerate(parts) if n
    )
