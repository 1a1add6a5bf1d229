"""Compare the live ledger and the rebuilt one, account by account and outcome by outcome, byte for byte."""

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import Any, Final, NamedTuple

import orjson

from worker.codec import DocumentOutcome, Outlet
from worker.ops.audit.finding import account_name, document_name
from worker.stored.account import account_of
from worker.stored.event import EventFacts, facts_of

_AT_ONCE: Final = 2000
_ACCOUNTS: Final = "SELECT * FROM account WHERE org = $1 ORDER BY kind, key"
_OUTCOMES: Final = "SELECT type, subject, facts FROM event WHERE org = $1 AND facts IS NOT NULL ORDER BY type, subject"
_NUMBERS: Final = ("balance", "held", "deficit")
_ABSENT: Final = "is not in the rebuilt ledger"
_EXTRA: Final = "is not in the live ledger"


class Difference(NamedTuple):
    """`about` names the account or the document; `what` says how the two ledgers differ."""

    orgcode: str
    about: str
    what: str


class Comparison:
    """`live` and `rebuilt`: connections, each to a snapshot of a ledger. The counts say how much was compared."""

    def __init__(self, live: Any, rebuilt: Any, outlet: Outlet) -> None:  # noqa: ANN401  asyncpg
        self._live = live
        self._rebuilt = rebuilt
        self._outlet = outlet
        self.accounts = 0
        self.outcomes = 0

    async def accounts_that_differ(self) -> AsyncIterator[Difference]:
        async for orgcode, live, rebuilt in self._pairs(_ACCOUNTS, lambda row: (row["kind"], row["key"])):
            self.accounts += 1
            row = live or rebuilt
            for what in _account(live, rebuilt):
                yield Difference(orgcode, account_name(row["kind"], row["key"]), what)

    async def outcomes_that_differ(self) -> AsyncIterator[Difference]:
        async for orgcode, live, rebuilt in self._pairs(_OUTCOMES, lambda row: (row["type"], row["subject"])):
            self.outcomes += 1
            row = live or rebuilt
            if what := self._outcome(orgcode, live, rebuilt):
                yield Difference(orgcode, document_name(row["type"], row["subject"]).replace("\n", " "), what)

    async def _pairs(self, query: str, key: Callable[[Any], tuple[Any, ...]]) -> AsyncIterator[tuple[str, Any, Any]]:
        """Yield each row of both ledgers beside the other's, tenant by tenant; None: it has none."""
        numbers = [
            {row["code"]: row["id"] for row in await one.fetch("SELECT id, code FROM org")}
            for one in (self._live, self._rebuilt)
        ]
        for orgcode in sorted({*numbers[0], *numbers[1]}):
            left, right = (
                one.cursor(query, of.get(orgcode, 0), prefetch=_AT_ONCE).__aiter__()
                for one, of in zip((self._live, self._rebuilt), numbers, strict=True)
            )
            live, rebuilt = await anext(left, None), await anext(right, None)
            while live is not None or rebuilt is not None:
                one, other = live and key(live), rebuilt and key(rebuilt)
                here = other is None or (one is not None and one <= other)
                there = one is None or (other is not None and other <= one)
                yield orgcode, live if here else None, rebuilt if there else None
                live = await anext(left, None) if here else live
                rebuilt = await anext(right, None) if there else rebuilt

    def _outcome(self, orgcode: str, live: Any, rebuilt: Any) -> str | None:  # noqa: ANN401  asyncpg records
        if live is None or rebuilt is None:
            return _EXTRA if live is None else _ABSENT
        if live["facts"] == rebuilt["facts"]:
            return None
        before, after = facts_of(live["facts"]), facts_of(rebuilt["facts"])
        versions = [version for version, _ in before.outcomes]
        was, now = (self._told(orgcode, live, facts, versions) for facts in (before, after))
        return None if was == now else _first_difference(was, now)

    def _told(self, orgcode: str, row: Any, facts: EventFacts, versions: Sequence[int]) -> list[tuple[bytes, bytes]]:  # noqa: ANN401  asyncpg
        """Return key and value of each message, by the encoders that the live ledger used."""
        type_ = document_name(row["type"], "").rstrip()
        messages: list[tuple[bytes, bytes]] = []
        for step, (own, outcome) in enumerate(facts.outcomes):
            version = versions[step] if step < len(versions) else own
            of = DocumentOutcome(orgcode, type_, row["subject"], step, outcome, version=version)
            messages += [(message.key or b"", message.value or b"") for message in self._outlet.messages(of)]
        return messages


def _account(live: Any, rebuilt: Any) -> Iterator[str]:  # noqa: ANN401  asyncpg records
    if live is None or rebuilt is None:
        yield _EXTRA if live is None else _ABSENT
        return
    for name in _NUMBERS:
        if live[name] != rebuilt[name]:
            yield f"{name} {live[name]:,}, rebuilt {rebuilt[name]:,}"
    if live["standing"] != rebuilt["standing"]:
        was, now = (account_of(row).standing.name.lower() for row in (live, rebuilt))
        yield f"standing {was}, rebuilt {now}"
    if live["lots"] != rebuilt["lots"]:
        was, now = (str([lot.amount for lot in account_of(row).lots]) for row in (live, rebuilt))
        yield f"lots of {was}, rebuilt {now}" if was != now else f"lots of {was} have other days or holds"


def _first_difference(was: Sequence[tuple[bytes, bytes]], now: Sequence[tuple[bytes, bytes]]) -> str:
    for (key, value), (other_key, other) in zip(was, now, strict=False):
        if value != other:
            path, before, after = _where(orjson.loads(value), orjson.loads(other), "")
            return f"{path.removeprefix('.')} {before}, rebuilt {after}"
        if key != other_key:
            return f"key {key.decode()}, rebuilt {other_key.decode()}"
    return f"{len(was)} messages, rebuilt {len(now)}"


def _where(one: Any, other: Any, path: str) -> tuple[str, str, str]:  # noqa: ANN401  JSON
    """Return the first member that differs, and its two values."""
    match one, other:
        case dict(), dict():
            name = next(name for name in (*one, *other) if one.get(name) != other.get(name))
            return _where(one.get(name), other.get(name), f"{path}.{name}")
        case list(), list() if len(one) == len(other):
            place = next(place for place, pair in enumerate(zip(one, other, strict=True)) if pair[0] != pair[1])
            return _where(one[place], other[place], f"{path}.{place}")
        case _:
            return path, orjson.dumps(one).decode(), orjson.dumps(other).decode()
