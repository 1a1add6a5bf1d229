"""Parked documents of an overlay. It answers as the statements of `worker/ledger/parked.py` would."""

import heapq
from collections.abc import Sequence
from typing import Any, Protocol

from worker.ledger.changes import Key, Row


class Layered(Protocol):
    """The rows as they are now."""

    orgs: dict[int, str]

    async def at(self, table: str, keys: Sequence[Key]) -> list[Row | None]:
        """The rows of these keys."""

    async def named(self, table: str, **columns: Any) -> list[Row]:  # noqa: ANN401  values of columns
        """The rows that have these values."""

    def put(self, table: str, row: Row) -> None:
        """Write a row."""

    def remove(self, table: str, key: Key) -> None:
        """Delete a row."""


class Waiting:
    """Keeps which parked documents are ready, and when each of the others has waited too long."""

    def __init__(self, rows: Layered) -> None:
        self._rows = rows
        self._ready: dict[Key, None] = {}
        self._due: list[tuple[int, Key]] = []  # a heap

    async def lock_due(self, now_us: int, limit: int) -> list[Row]:
        """Return documents that this plan made ready, or parked too long ago. Other ready documents are not this
        plan's.
        """
        while self._due and self._due[0][0] <= now_us:
            self._ready[heapq.heappop(self._due)[1]] = None
        here = await self._rows.at("parked", list(self._ready))
        rows = [row for row in here if row is not None and (row.get("not_before_us") or 0) <= now_us]
        ready = sorted((row for row in rows if row["ready"]), key=lambda row: (row["received_us"], row["no"]))
        due = sorted(
            (row for row in rows if not row["ready"] and row["due_us"] <= now_us),
            key=lambda row: (row["due_us"], row["no"]),
        )
        due_now = sorted((*ready[:limit], *due[:limit]), key=lambda row: (row["received_us"], row["no"]))
        return [{**row, "orgcode": self._rows.orgs[row["org"]]} for row in due_now]

    async def lock_waiters(
        self, orgs: Sequence[int], things: Sequence[str], ids: Sequence[str], type_: int, limit: int
    ) -> list[Row]:
        """Return the documents whose wait ends if one of these sales, tenders or returns comes. `type_`: of returns."""
        rows: dict[Key, Row] = {}
        for org, what, id_ in zip(orgs, things, ids, strict=True):
            found = await self._waiting_for(org, what, id_, type_)
            rows |= {(row["org"], row["type"], row["subject"]): row for row in found}
        in_order = sorted(rows.values(), key=lambda row: (row["received_us"], row["no"]))
        return [{**row, "orgcode": self._rows.orgs[row["org"]]} for row in in_order[:limit]]

    def note(self, key: Key, row: Row) -> None:
        """Note that a document is parked, made ready or put off."""
        if row["ready"]:
            self._ready[key] = None
        else:
            heapq.heappush(self._due, (row["due_us"], key))

    async def delete(self, *args: Sequence[Any]) -> None:
        for key in zip(*args, strict=True):
            await self._rows.at("parked", [key])
            self._rows.remove("parked", key)
            self._ready.pop(key, None)

    async def put_off(self, org: int, type_: int, subject: str, until_us: int) -> None:
        (row,) = await self._rows.at("parked", [(org, type_, subject)])
        if row is not None:
            self._rows.put("parked", {**row, "not_before_us": until_us})

    async def wake(
        self, orgs: Sequence[int], things: Sequence[str], ids: Sequence[str], type_: int, numbers: Sequence[int]
    ) -> None:
        """Make the documents ready whose wait has ended. `numbers`: of the documents that end it; the first counts."""
        for no, org, what, id_ in sorted(zip(numbers, orgs, things, ids, strict=True)):
            for row in await self._waiting_for(org, what, id_, type_):
                self._rows.put("parked", {**row, "ready": True, "woken_no": no})

    async def _waiting_for(self, org: int, what: str, id_: str, type_: int) -> list[Row]:
        """Return what waits no longer once this comes, as the function `ended_waits` of the ledger does."""
        rows = await self._rows.named("parked", org=org, waits_for=what, waits_key=id_)
        if what == "sale":
            rows += await self._rows.named("parked", org=org, sale_id=id_)
        if what == "return":
            rows += [row for row in await self._rows.at("parked", [(org, type_, id_)]) if row is not None]
        return [row for row in rows if not row["ready"]]
