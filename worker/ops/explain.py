"""Explain a decision: everything that the ledger holds about one document."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson

from schemas.registry import BY_CODE, DOCUMENTS
from schemas.scalars import format_instant
from worker.codec import Outlet
from worker.domain.state.accounts import NEVER, AccountType, Contra, Pick
from worker.domain.state.policy import PolicyBook
from worker.domain.state.sale import Sale
from worker.engine.messages import stored_messages
from worker.ledger.pool import Pool
from worker.ledger.queries import SQL, Connection
from worker.ledger.shelf import Shelf
from worker.ops import earning, stored
from worker.ops.archive.loading import archive_of
from worker.ops.explanation import (
    Account,
    Entry,
    Explanation,
    Identity,
    Lot,
    PolicyInForce,
    Published,
    Related,
    SaleNow,
    TenderShown,
    Transfer,
    Wait,
)
from worker.stored.codes import NOTICE_TYPES
from worker.stored.entry import entry_of
from worker.stored.event import EventFacts, VersionedOutcome, facts_of
from worker.stored.outcome import OutcomeV1
from worker.stored.sale import sale_of
from worker.stored.tender import tender_of
from worker.stored.trace import StoredMove, trace_of

SALE: Final = "scm.sale.completed"
VOID: Final = "scm.sale.voided"
CLAIM: Final = "crm.loyalty.claim"
RETURN: Final = "scm.return.completed"
RETURN_VOID: Final = "scm.return.voided"
TENDER: Final = ("scm.tender.requested", "scm.tender.captured", "scm.tender.voided")
# Other documents about a sale or a tender with the same id.
RELATED: Final = {
    SALE: (VOID, "crm.points.forfeited"),
    VOID: (SALE, "crm.points.forfeited"),
    RETURN: (RETURN_VOID,),
    RETURN_VOID: (RETURN,),
    **{type_: (*(other for other in TENDER if other != type_), "crm.hold.expired") for type_ in TENDER},
}
CODES: Final = {name: doctype.code for name, doctype in DOCUMENTS.items()} | {
    name: code for code, name in NOTICE_TYPES.items()
}
TYPES: Final = tuple(CODES)


async def explain(
    pool: Pool, outlet: Outlet, orgcode: str, type_: str, subject: str, archives: Path | None = None
) -> Explanation | None:
    """Explain the document of this identity, or the notice of this type and key; None: no such document was decided.

    `type_` is one of TYPES. `archives`: the directory of the archives that may have its transfers. Raises OperatorError
    if they have changed.
    """
    async with pool.reading() as connection:
        rows = await connection.fetch(SQL["read_event"], orgcode, CODES[type_], subject)
        if not rows:
            return None
        (row,) = rows
        shelf = await Shelf().open(connection, {orgcode: row["org"]})
        ledger = _Ledger(connection, outlet, orgcode, row["org"], shelf[orgcode].policies, archives)
        return await ledger.explain(type_, subject, row)


@dataclass(slots=True)
class _Ledger:
    """One snapshot of one tenant's ledger."""

    connection: Connection
    outlet: Outlet
    orgcode: str
    org: int
    policies: PolicyBook
    archives: Path | None

    async def explain(self, type_: str, subject: str, row: Any) -> Explanation:  # noqa: ANN401  an asyncpg record
        """Explain the event's row, and everything that belongs to it."""
        about: dict[str, Any] = {"orgcode": self.orgcode, "type": type_, "subject": subject, "state": "decided"}
        sale = sale_of(subject, row["record"]) if type_ == SALE else None
        if row["facts"] is None:
            about["state"] = "voided_before" if sale is not None and sale.voided else "expected"
            about["waiters"] = await self._waiters(type_, subject)
            about["related"] = await self._related(type_, subject)
            return Explanation(**about)
        facts = facts_of(row["facts"])
        last = facts.last
        about["source"] = stored.source(facts)
        about["published"] = self._published(type_, subject, facts.outcomes)
        about["policy"] = self._policy(last.policy_version)
        about["transfers"] = await self._transfers(row["no"])
        about["archived"] = await self._archived(row["no"])
        about["tenders"] = await self._tenders(facts.outcomes)
        about["waits"] = await self._waits(type_, subject, facts)
        if any(wait.until for wait in about["waits"]):
            about["state"] = "parked"
        if sale is not None:
            about |= self._sale(sale, last)
        elif type_ in (RETURN, VOID, RETURN_VOID) and row["record"] is not None:
            about |= await self._undone(type_, subject, last, row["record"], about["transfers"])
        elif type_ == CLAIM and last.policy_version is not None:  # otherwise it was rejected
            claimed = await self._read_sale(subject if last.sale_id is True else str(last.sale_id))
            about |= {} if claimed is None else self._sale(claimed, last)
        elif type_.startswith("crm.") and row["record"] is not None:
            about["entry"] = self._entry(type_, subject, row["record"])
        about["waiters"] = await self._waiters(type_, subject)
        about["related"] = await self._related(type_, subject)
        return Explanation(**about)

    # --- the outcomes, and the policy that decided them

    def _published(self, type_: str, subject: str, outcomes: list[VersionedOutcome]) -> list[Published]:
        published = []
        for message in stored_messages(self.outlet, self.orgcode, type_, subject, outcomes, ()):
            envelope = orjson.loads(message.value or b"{}")
            members = {name: envelope[name] for name in ("id", "type", "subject", "time", "data")}
            published.append(Published(topic=message.topic, **members))
        return published

    def _policy(self, version: int | None) -> PolicyInForce | None:
        if version is None:
            return None
        since_us = self.policies.numbered(version).effective_us
        return PolicyInForce(version=version, since=format_instant(since_us) if version else None)

    # --- what was booked

    async def _transfers(self, no: int) -> list[Transfer]:
        rows: Sequence[Any] = await self.connection.fetch(SQL["read_transfers"], self.org, no)
        if not rows and self.archives is not None:
            rows = await self._transfers_in(self.archives, no)
        ids = [id_ for row in rows for id_ in (row["debit"], row["credit"]) if id_ > 0]
        accounts = await self._accounts(ids)
        for row in rows:
            for side in ("debit", "credit"):
                if row[f"{side}_contra"] is not None:
                    accounts[row[side]] = Account(kind="contra", id=row[f"{side}_contra"])
        return [
            Transfer(source=accounts[row["debit"]], target=accounts[row["credit"]], amount=row["amount"])
            for row in rows
        ]

    async def _transfers_in(self, archives: Path, no: int) -> list[dict[str, Any]]:
        """Return the document's transfers from its archive, as `read_transfers` does; none if they are not archived."""
        found = await self.connection.fetch(SQL["read_archive_of"], no)
        if not found:
            return []
        archive = archive_of(archives, found[0]["name"], found[0]["checksum"])
        return [
            {
                "amount": amount, "debit": debit, "credit": credit,
                "debit_contra": Contra(debit).name.lower() if debit < 0 else None,
                "credit_contra": Contra(credit).name.lower() if credit < 0 else None,
            }
            for org, debit, credit, amount in archive.transfers(no)
            if org == self.org
        ]  # fmt: skip

    async def _archived(self, no: int) -> str | None:
        """Return the archive that has this document's transfers, unless archives are read."""
        found = await self.connection.fetch(SQL["read_archive_of"], no) if self.archives is None else ()
        return str(found[0]["name"]) if found else None

    async def _accounts(self, ids: Iterable[int]) -> dict[int, Account]:
        rows = await self.connection.fetch(SQL["read_accounts"], self.org, sorted(set(ids)))
        return {row["id"]: stored.account(AccountType(row["kind"]), row["key"], row["extra"]) for row in rows}

    async def _tenders(self, outcomes: list[VersionedOutcome]) -> list[TenderShown]:
        own = {outcome.tender.tender_id: outcome.tender for _, outcome in outcomes if outcome.tender is not None}
        parts = own | {part.tender_id: part for _, outcome in outcomes for part in outcome.tenders}
        keys = ([self.org] * len(parts), list(parts))
        rows = await self.connection.fetch(SQL["read_tenders"], *keys) if parts else []
        days = self.policies.latest.calendar
        return [stored.tender(parts[row["id"]], tender_of(row), days, own=row["id"] in own) for row in rows]

    # --- what became of its points

    def _sale(self, sale: Sale, last: OutcomeV1) -> dict[str, Any]:
        if not sale.decided:
            return {}
        about: dict[str, Any] = {
            "sale": SaleNow(voided=sale.voided, forfeited=sale.forfeited, by_hand=sale.by_hand),
        }
        reason = None if last.points is None else last.points.reason
        if not sale.customer_id:
            about["no_points"] = "no_customer"
        elif reason is not None and not any(sale.points.values()):
            about["no_points"] = reason
        else:
            about["earning"] = earning.of_sale(sale, self.policies.numbered(sale.policy_version))
        if sale.account is not None:
            about["account"] = account = stored.account(*sale.account)
            repaid = 0 if sale.basis is None else sale.basis.repaid
            rest = sum(sale.points.values()) - repaid
            lots = [self._lot(account, "repaid", (0, NEVER, repaid))] if repaid else []
            lots += [self._lot(account, "credited", (sale.available_tick, sale.expires_tick, rest))] if rest else []
            about["lots"] = lots
        return about

    async def _undone(
        self, type_: str, subject: str, last: OutcomeV1, record: bytes, transfers: Sequence[Transfer]
    ) -> dict[str, Any]:
        """Explain a return, or the void of a return or a sale."""
        trace, moves = trace_of(record)
        about: dict[str, Any] = {"set_off": trace.set_off, "lots": await self._lots(moves, transfers)}
        sale_id = subject if type_ == VOID or last.sale_id is True else last.sale_id
        sale = None if sale_id is None else await self._read_sale(sale_id)
        if sale is not None:
            about["returned"] = earning.voided(sale) if type_ == VOID else earning.returned(trace, sale)
            about["account"] = None if sale.account is None else stored.account(*sale.account)
        elif trace.rated is not None and last.policy_version is not None:
            version = self.policies.numbered(last.policy_version)
            about["earning"] = earning.of_return(trace, version, dict(last.points_by_line()))
        return about

    async def _read_sale(self, sale_id: str) -> Sale | None:
        rows = await self.connection.fetch(SQL["read_event"], self.orgcode, CODES[SALE], sale_id)
        return sale_of(sale_id, rows[0]["record"]) if rows else None

    def _lot(self, of: Account, change: str, pick: Pick) -> Lot:
        return stored.lot(of, change, pick, self.policies.latest.calendar)

    async def _lots(self, moves: list[StoredMove], transfers: Sequence[Transfer]) -> list[Lot]:
        """Return the parts as stored. If all lots were plain, derive them from the transfers."""
        if moves:
            accounts = await self._accounts(move.account_id for move in moves)
            return [self._lot(accounts[move.account_id], move.change.name.lower(), move.pick) for move in moves]
        plain = []
        for transfer in transfers:
            if transfer.source.kind != "contra":
                plain.append(self._lot(transfer.source, "taken", (0, NEVER, transfer.amount)))
            if transfer.target.kind != "contra":
                plain.append(self._lot(transfer.target, "credited", (0, NEVER, transfer.amount)))
        return plain

    def _entry(self, type_: str, subject: str, record: bytes) -> Entry:
        entry = entry_of(type_, subject, record)
        account = stored.account(*entry.account)
        lots = [self._lot(account, "taken", pick) for pick in entry.picks]
        if type_ == "crm.loyalty.earn":
            lots = [
                self._lot(account, "credited", (entry.available_tick, entry.expires_tick, entry.amount - entry.undone))
            ]
        return Entry(account=account, amount=entry.amount, undone=entry.undone, lots_now=lots)

    # --- what waited for what

    async def _waits(self, type_: str, subject: str, facts: EventFacts) -> list[Wait]:
        waits = [
            Wait(waits_for=wait.waits_for, id=wait.key, ended_by=await self._cause(wait.ended_by))
            for wait in facts.waits
        ]
        for row in await self.connection.fetch(SQL["read_parked"], self.org, CODES[type_], subject):
            ended_by = await self._cause(row["woken_no"]) if row["ready"] else None
            until = format_instant(row["due_us"])
            waits.append(Wait(waits_for=row["waits_for"], id=row["waits_key"], ended_by=ended_by, until=until))
        return waits

    async def _cause(self, no: int | None) -> Related | None:
        if no is None:
            return None
        rows = await self.connection.fetch(SQL["read_causes"], self.org, [no])
        return stored.related(rows[0]["type"], rows[0]["subject"], rows[0]["facts"]) if rows else None

    async def _waiters(self, type_: str, subject: str) -> list[Identity]:
        what = "sale" if type_ in (SALE, VOID) else "tender" if type_ in TENDER else ""
        rows = await self.connection.fetch(SQL["read_waiters"], self.org, what, subject) if what else []
        return [Identity(type=BY_CODE[row["type"]].name, subject=row["subject"]) for row in rows]

    async def _related(self, type_: str, subject: str) -> list[Related]:
        codes = sorted(CODES[other] for other in RELATED.get(type_, ()))
        if not codes:
            return []
        keys = [self.org] * len(codes), codes, [subject] * len(codes)
        rows = await self.connection.fetch(SQL["load_event"], *keys)
        return [
            stored.related(codes[row["place"] - 1], subject, row["facts"]) for row in rows if row["facts"] is not None
        ]
