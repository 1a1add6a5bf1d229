"""Answers the statements of `load`, `write` and `parked` from memory first, then from the snapshot."""

import contextlib
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from functools import partial
from typing import Any, Final

import ormsgpack

from worker.ledger import changes, consents
from worker.ledger.changes import TABLES, Changes, Key, Row, Unknown
from worker.ledger.overlay.parked import Waiting
from worker.ledger.overlay.rows import Layer, Rows, fingerprint
from worker.ledger.overlay.statements import KEYED, NAMED, NEW_IDS, NEW_ORGS, NOTHING, WHOLE
from worker.ledger.queries import SQL, Connection

# Numbers of rows that exist only in memory; no sequence of Postgres gets this far.
_FIRST_ID: Final = 1 << 60
_FIRST_BATCH: Final = 1 << 48
_FIRST_ORG: Final = 1 << 30


class OverlayConnection:
    """One connection; its transactions come one after the other."""

    def __init__(self, snapshot: Connection, rows: Rows) -> None:
        self.snapshot = snapshot
        self._rows = rows
        self.columns = rows.columns
        self._layers: list[Layer] = []
        self._base: dict[tuple[str, Key], Row | None] = {}  # of the snapshot, as read in this transaction
        self._orgs: dict[str, int] = {}
        self.orgs: dict[int, str] = {}
        self.reads: dict[bytes, bytes] = {}  # the snapshot's rows that decisions read: table and key → fingerprint
        self._next = {NEW_IDS: _FIRST_ID, "batch": _FIRST_BATCH}
        self._index: dict[tuple[Any, ...], set[Key]] = defaultdict(set)
        self._waiting = Waiting(self)
        self._consents: dict[tuple[int, str], list[Row]] = defaultdict(list)
        self._policies: dict[int, list[Row]] = defaultdict(list)
        self._readers: dict[str, Callable[..., Awaitable[list[Any]]]] = {
            SQL["lock_leading"]: self._leading,
            SQL["read_members"]: self._leading,
            SQL["load_consent"]: partial(self._consents_of, "load_consent"),
            SQL["load_latest_consent"]: partial(self._consents_of, "load_latest_consent"),
            SQL["load_policy"]: self._load_policies,
            SQL["lock_due_parked"]: self._waiting.lock_due,
            SQL["lock_waiters"]: self._waiting.lock_waiters,
        }
        self._writers: dict[str, Callable[..., Awaitable[None]]] = {
            SQL["delete_parked"]: self._waiting.delete,
            SQL["put_off_parked"]: self._waiting.put_off,
            SQL["wake_parked"]: self._waiting.wake,
            SQL["carry_consents"]: self._carry_consents,
        }

    # --- transactions

    def begin(self) -> None:
        self._base.clear()
        self._layers = [Layer()]

    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        """A savepoint: an exception undoes what came after it."""
        self._layers.append(Layer())
        try:
            yield
        except BaseException:
            self._layers.pop()
            raise
        done = self._layers.pop()
        self._layers[-1].add(done)

    def commit(self) -> Changes:
        """Keep what was written, and return what changed."""
        (layer,) = self._layers
        changes = Changes(transfers=layer.transfers)
        for (table, key), row in layer.rows.items():
            known = self._rows.has(table, key)
            before = self._rows.get(table, key) if known else self._base.get((table, key))
            changes.note(table, key, before, row)
            self._rows.put(table, key, row)
        for row in layer.consents:
            self._consents[row["org"], row["customer_id"]].append(row)
        for row in layer.policies:
            self._policies[row["org"]].append(row)
        self._layers = []
        return changes

    # --- reading

    async def fetch(self, query: str, *args: Any) -> list[Any]:  # noqa: ANN401  as Connection's
        """Return the rows of one of the statements that decisions need. Raises Unknown for any other statement."""
        table = KEYED.get(query)
        if table is not None:
            keys = list(zip(*args, strict=True))
            rows = await self.at(table, keys)
            if query != SQL["load_event"]:
                self._note_reads(table, keys)
            return [
                {**row, "place": place, "decided": row.get("digest") is not None}
                for place, row in enumerate(rows, 1)
                if row is not None
            ]
        if query in self._readers:
            return await self._readers[query](*args)
        if query in NOTHING:
            return []
        if query.startswith(NEW_ORGS):
            return await self._name_orgs(args[0])
        if query.startswith(NEW_IDS):
            return [{"id": self._number(NEW_IDS)} for _ in range(args[0])]
        raise Unknown(f"worker/ledger/overlay does not know this statement: {query}")

    async def fetchval(self, query: str, *_args: Any) -> Any:  # noqa: ANN401  as Connection's
        """Return a batch's number. Other queries find no rows, because deadlines do not run in a plan."""
        return self._number("batch") if "nextval('batch_no')" in query else None

    def _number(self, what: str) -> int:
        self._next[what] += 1
        return self._next[what] - 1

    async def at(self, table: str, keys: Sequence[Key]) -> list[Row | None]:
        """Return the rows of these keys, each as it is now."""
        absent = [key for key in keys if not self._known(table, key)]
        if absent:
            found: dict[Key, Row | None] = dict.fromkeys(absent)
            for row in await self.snapshot.fetch(WHOLE[table], *zip(*absent, strict=True)):
                found[absent[row["place"] - 1]] = _plain(row)
            self._base.update({(table, key): row for key, row in found.items()})
        return [self._now(table, key) for key in keys]

    def _note_reads(self, table: str, keys: Sequence[Key]) -> None:
        """Note that a decision depends on these rows of the snapshot."""
        for key in keys:
            if (table, key) in self._base:
                row = self._base[table, key]
                self.reads[ormsgpack.packb([table, *key])] = fingerprint(row, self._rows.columns[table])

    def _known(self, table: str, key: Key) -> bool:
        at = (table, key)
        return at in self._base or any(at in layer.rows for layer in self._layers) or self._rows.has(table, key)

    def _now(self, table: str, key: Key) -> Row | None:
        for layer in reversed(self._layers):
            if (table, key) in layer.rows:
                return layer.rows[table, key]
        return self._rows.get(table, key) if self._rows.has(table, key) else self._base[table, key]

    async def named(self, table: str, **columns: Any) -> list[Row]:  # noqa: ANN401  values of columns
        """Return the rows that have these values, each as it is now."""
        names, values = tuple(columns), tuple(columns.values())
        keys = dict.fromkeys(self._index.get((table, *names, *values), ()))
        for row in await self.snapshot.fetch(NAMED[table, *names], *values):
            key = TABLES[table].key_of(row)
            keys[key] = None
            self._base.setdefault((table, key), _plain(row))
        now = (self._now(table, key) for key in sorted(keys) if self._known(table, key))
        return [row for row in now if row is not None and tuple(row[name] for name in names) == values]

    async def _leading(self, orgs: Sequence[int], kinds: Sequence[int], owners: Sequence[str]) -> list[Row]:
        return [
            {**row, "place": place}
            for place, (org, kind, owner) in enumerate(zip(orgs, kinds, owners, strict=True), 1)
            for row in await self.named("account", org=org, owner=owner, kind=kind)
        ]

    async def _consents_of(
        self, name: str, orgs: Sequence[int], ids: Sequence[str], purposes: Sequence[str], rest: object
    ) -> list[Row]:
        """Return the consents that the statement reads from the snapshot, and all consents that came since."""
        rows = [dict(row) for row in await self.snapshot.fetch(SQL[name], orgs, ids, purposes, rest)]
        for place, (org, id_, purpose) in enumerate(zip(orgs, ids, purposes, strict=True), 1):
            since = [*self._consents.get((org, id_), ()), *(row for layer in self._layers for row in layer.consents)]
            rows += [
                {**row, "place": place}
                for row in since
                if (row["org"], row["customer_id"], row["purpose"]) == (org, id_, purpose)
            ]
        return rows

    async def _load_policies(self, orgs: Sequence[int], known: Sequence[int]) -> list[Row]:
        rows = [dict(row) for row in await self.snapshot.fetch(SQL["load_policy"], orgs, known)]
        for org, count in zip(orgs, known, strict=True):
            rows += [row for row in self._policies.get(org, ()) if row["version"] > count]
        return rows

    async def _name_orgs(self, codes: Sequence[str]) -> list[Row]:
        for row in await self.snapshot.fetch("SELECT id, code FROM org WHERE code = ANY ($1::text[])", list(codes)):
            self._orgs.setdefault(row["code"], row["id"])
        for code in codes:
            self.orgs[self._orgs.setdefault(code, _FIRST_ORG + len(self._orgs))] = code
        return [{"code": code, "id": self._orgs[code]} for code in codes]

    # --- writing

    async def copy_records_to_table(self, table: str, *, records: Any, columns: Any) -> str:  # noqa: ANN401  as Connection's
        """COPY rows into the present layer. Raises Unknown for a table that it does not know."""
        rows = changes.copied(columns, records)
        layer = self._layers[-1]
        match table:
            case "transfer":
                layer.transfers += rows
            case "consent":
                layer.consents += rows
            case "policy":
                layer.policies += rows
            case "accepted":  # no later document reads it
                pass
            case _ if table in TABLES:
                for row in rows:
                    self.put(table, row)
            case _:
                raise Unknown(f"worker/ledger/overlay does not know the table {table}")
        return f"COPY {len(rows)}"

    async def execute(self, query: str, *args: Any) -> str:  # noqa: ANN401  as Connection's
        """Execute one of the statements of `write`. Raises Unknown for any other."""
        if query in changes.WRITES:
            await self._update(query, args)
        elif query in self._writers:
            await self._writers[query](*args)
        elif query not in changes.IGNORED and not query.startswith("SET LOCAL"):
            raise Unknown(f"worker/ledger/overlay does not know this statement: {query}")
        return ""

    async def _update(self, query: str, args: Sequence[Any]) -> None:
        table = changes.WRITES[query]
        written = changes.updated(query, args)
        before = await self.at(table, [TABLES[table].key_of(row) for row in written])
        new = {"ready": False, "woken_no": None} if table == "parked" else {}
        for row, was in zip(written, before, strict=True):
            self.put(table, {**changes.merged(was, row, query), **new})

    def put(self, table: str, row: Row) -> None:
        """Write a row into the present layer. Raises OverflowError."""
        self._rows.packed(table, row)  # refuses what Postgres would
        key = TABLES[table].key_of(row)
        self._layers[-1].rows[table, key] = row
        for named, *names in NAMED:
            if named == table and not any(row[name] in (None, "") for name in names):
                self._index[(table, *names, *(row[name] for name in names))].add(key)
        if table == "parked":
            self._waiting.note(key, row)

    def remove(self, table: str, key: Key) -> None:
        """Delete a row in the present layer."""
        self._layers[-1].rows[table, key] = None

    async def _carry_consents(self, org: int, source: str, person: str) -> None:
        names = ("at_us", "no", "granted", "channel")
        for purpose in consents.PURPOSES:
            rows = await self._consents_of("load_consent", [org], [source], [purpose], None)
            self._layers[-1].consents += [
                {**{name: row[name] for name in names}, "purpose": purpose, "org": org, "customer_id": person}
                for row in rows
            ]


def _plain(row: Any) -> Row:  # noqa: ANN401  an asyncpg record
    return {name: value for name, value in row.items() if name != "place"}
