"""Checks of packed columns: lots, holds, undone commands, sales, outcomes."""

from collections import defaultdict
from collections.abc import AsyncIterator, Iterable
from typing import Any, Final

from schemas.registry import DOCUMENTS
from worker.domain.state.accounts import NEVER, Account, AccountType, Standing
from worker.domain.state.movements import expiry
from worker.ledger.queries import SQL
from worker.ops.audit.finding import Finding, account_name, document_name
from worker.stored.account import account_of
from worker.stored.codes import PLACES, STATUSES
from worker.stored.entry import undone_of
from worker.stored.event import facts_of, plain_change
from worker.stored.outcome import OutcomeV1
from worker.stored.sale import PLAIN_BEGINS, sale_of
from worker.stored.tender import tender_of

_AT_ONCE: Final = 10_000
_SALE: Final = DOCUMENTS["scm.sale.completed"].code
_SALE_VOID: Final = DOCUMENTS["scm.sale.voided"].code
_COMMANDS: Final = [doctype.code for name, doctype in DOCUMENTS.items() if name.startswith("crm.")]
_WITH_LOTS: Final = "SELECT * FROM account WHERE lots IS NOT NULL OR past IS NOT NULL OR held <> 0 OR deficit <> 0"
# Accounts that lead to another one: of merged and pooled customers, and replaced cards.
_LEADING: Final = "SELECT * FROM account WHERE (owner IS NOT NULL AND kind <> 1) OR standing = $1"
# The `change` of their outcomes is the points that waited for the customer, which were booked before (contract WAIT6).
_TELL_WHAT_WAITED: Final = {DOCUMENTS["crm.customer.create"].code}
# $2: the first bytes of records that need no check.
_RECORDS: Final = (
    "SELECT org, type, subject, record FROM event"
    " WHERE type = ANY ($1) AND record IS NOT NULL AND get_byte(record, 0) <> ALL ($2::integer[])"
)
_EVENTS: Final = (
    "SELECT no, org, type, status, subject, facts FROM event WHERE facts IS NOT NULL AND no >= $1 ORDER BY no"
)
# The transfers of documents below this number are in files.
ARCHIVED: Final = f"SELECT coalesce(max(end_batch), 0) << {PLACES} FROM archive"  # noqa: S608  a number of ours


class Contents:
    """Reads rows of one snapshot. `orgs`: codes by number."""

    def __init__(self, connection: Any, orgs: dict[int, str]) -> None:  # noqa: ANN401  an asyncpg connection
        self._connection = connection
        self._orgs = orgs

    def _rows(self, query: str, *args: object) -> Any:  # noqa: ANN401  a cursor
        return self._connection.cursor(query, *args, prefetch=_AT_ONCE)

    # --- accounts

    async def lots(self) -> AsyncIterator[Finding]:
        """Check lots, and the deadlines of expiring lots."""
        dated: list[tuple[int, str, str, str]] = []
        async for row in self._rows(_WITH_LOTS):
            account = account_of(row)
            name = account_name(account.type, account.key)
            for what in _wrong_lots(row, account):
                yield Finding("lots", self._orgs[row["org"]], name, what)
            dated += [
                (row["org"], *expiry(account, lot.expires_tick)[:2], name)
                for lot in account.lots
                if lot.expires_tick != NEVER and lot.free
            ]
            if len(dated) >= _AT_ONCE:
                async for finding in self._without_deadline(dated, "a lot of it expires, and no deadline says when"):
                    yield finding
                dated = []
        async for finding in self._without_deadline(dated, "a lot of it expires, and no deadline says when"):
            yield finding

    async def _without_deadline(self, wanted: list[tuple[int, str, str, str]], what: str) -> AsyncIterator[Finding]:
        if not wanted:
            return
        columns = list(zip(*wanted, strict=True))
        for row in await self._connection.fetch(SQL["audit_deadlines"], *columns[:3]):
            org, _, _, name = wanted[row["place"] - 1]
            yield Finding("deadline", self._orgs[org], name, what)

    async def holds(self) -> AsyncIterator[Finding]:
        """Compare open holds with the held amounts of accounts, and check their deadlines."""
        leads = _Leads()
        async for row in self._rows(_LEADING, Standing.REPLACED):
            leads.add(row["org"], account_of(row))
        held: dict[tuple[int, AccountType, str], int] = defaultdict(int)
        dated = []
        async for row in self._rows("SELECT * FROM tender WHERE state = 2"):
            tender = tender_of(row)
            if tender.account is not None:
                held[row["org"], *leads.to(row["org"], tender.account)] += sum(part for _, _, part in tender.picks)
            if tender.expires_us is not None:
                dated.append((row["org"], "hold", tender.id, f"tender {tender.id}"))
        async for row in self._rows("SELECT org, kind, key, held FROM account WHERE held <> 0"):
            at = row["org"], AccountType(row["kind"]), row["key"]
            by_holds = held.pop(at, 0)
            if by_holds != row["held"]:
                yield self._held(at, row["held"], by_holds)
        for at, by_holds in held.items():
            if by_holds:
                yield self._held(at, 0, by_holds)
        async for finding in self._without_deadline(dated, "is held, and no deadline ends it"):
            yield finding

    def _held(self, at: tuple[int, AccountType, str], held: int, by_holds: int) -> Finding:
        org, type_, key = at
        return Finding(
            "holds", self._orgs[org], account_name(type_, key), f"{held} is held, its open holds come to {by_holds}"
        )

    # --- documents

    async def undone(self) -> AsyncIterator[Finding]:
        """Find commands and sales of which more was undone than was booked."""
        commands = await self._connection.cursor(_RECORDS, _COMMANDS, [])
        while rows := await commands.fetch(_AT_ONCE):
            for row in rows:
                amount, undone = undone_of(row["record"])
                if undone > amount:
                    what = f"moved {amount}, and {undone} of it was undone"
                    yield Finding("undone", self._orgs[row["org"]], document_name(row["type"], row["subject"]), what)
        async for row in self._rows(_RECORDS, [_SALE], list(PLAIN_BEGINS)):
            sale = sale_of(row["subject"], row["record"])
            earned = sum(sale.points.values())
            if sale.by_hand > earned:
                what = f"earned {earned}, and {sale.by_hand} was reversed by hand"
                yield Finding("undone", self._orgs[row["org"]], f"scm.sale.completed {row['subject']}", what)

    async def voids(self) -> AsyncIterator[Finding]:
        """Find sales whose void was applied and that are not void."""
        async for row in self._rows(SQL["audit_voided_sales"], _SALE_VOID, _SALE):
            if not sale_of(row["subject"], row["record"]).voided:
                about = f"scm.sale.completed {row['subject']}"
                yield Finding("void", self._orgs[row["org"]], about, "was voided by scm.sale.voided, and is not void")

    async def outcomes(self) -> AsyncIterator[Finding]:
        """Compare outcomes with their bookings."""
        booked = Booked(await self._connection.cursor(SQL["audit_booked"]))
        events = await self._connection.cursor(_EVENTS, await self._connection.fetchval(ARCHIVED))
        while rows := await events.fetch(_AT_ONCE):
            moved = await booked.until(rows[-1]["no"])
            for row in rows:
                here = moved.get((row["no"], row["org"]), ())
                if _is_plain_and_right(row, here):
                    continue
                for check, what in _wrong_outcome(row, here):
                    yield Finding(check, self._orgs[row["org"]], document_name(row["type"], row["subject"]), what)


class _Leads:
    """The accounts that have the points of merged and pooled customers, and the holds of replaced accounts."""

    def __init__(self) -> None:
        self._targets: dict[tuple[int, AccountType, str], tuple[AccountType, str]] = {}

    def add(self, org: int, account: Account) -> None:
        if account.target is not None:
            self._targets[org, account.type, account.key] = account.target

    def to(self, org: int, key: tuple[AccountType, str]) -> tuple[AccountType, str]:
        while (target := self._targets.get((org, *key))) is not None:
            key = target
        return key


class Booked:
    """The transfers of documents, by number and tenant: account type, key and amount of each."""

    def __init__(self, rows: Any) -> None:  # noqa: ANN401  a cursor, in the order of the numbers
        self._rows = rows
        self._left: list[Any] = []

    async def until(self, no: int) -> dict[tuple[int, int], list[tuple[int, str, int]]]:
        """Return the movements of all documents up to this one that were not returned yet."""
        found: dict[tuple[int, int], list[tuple[int, str, int]]] = defaultdict(list)
        rows = self._left
        while rows or (rows := await self._rows.fetch(_AT_ONCE)):
            for place, (of, org, type_, key, amount) in enumerate(rows):
                if of > no:
                    self._left = rows[place:]
                    return found
                found[of, org].append((type_, key, amount))
            rows = []
        self._left = []
        return found


def _wrong_lots(row: Any, account: Account) -> Iterable[str]:  # noqa: ANN401  an asyncpg record
    if account.balance != row["balance"]:
        yield f"has {row['balance']}, its lots less what it owes come to {account.balance}"
    if account.held != row["held"]:
        yield f"{row['held']} is held, of its lots {account.held}"
    if any(lot.amount < lot.held or lot.held < 0 for lot in account.lots) or account.deficit < 0:
        yield "a lot is below zero, or more of it is held than there is"


def _is_plain_and_right(row: Any, moved: Iterable[tuple[int, str, int]]) -> bool:  # noqa: ANN401  as above
    """Return whether a document only moved points and its outcome agrees. This quick check settles nearly every
    document.
    """
    _, _, type_, status, _, facts = row
    claimed = plain_change(facts)
    if claimed is None or claimed[0] != status:
        return False
    if claimed[1] is None or type_ in _TELL_WHAT_WAITED:
        return True
    return claimed[1] == sum(amount for account_type, _, amount in moved if account_type != AccountType.CARD)


def _wrong_outcome(row: Any, booked: Iterable[tuple[int, str, int]]) -> Iterable[tuple[str, str]]:  # noqa: ANN401  as above
    moved: dict[tuple[int, str], int] = defaultdict(int)
    for type_, key, amount in booked:
        moved[type_, key] += amount
    outcomes = [outcome for _, outcome in facts_of(row["facts"]).outcomes]
    last = outcomes[-1]
    if last.status != row["status"]:
        yield "outcome", f"says {STATUSES[last.status]}, and is stored as {STATUSES[row['status']]}"
    finals = [one for one in outcomes if STATUSES[one.status] != "parked"]
    if len(finals) > 1 or (len(outcomes) > 1 and STATUSES[outcomes[0].status] != "parked"):
        yield "outcome", f"has {len(finals)} final outcomes"
    for card in last.gift_cards:
        net = moved.get((AccountType.CARD, card.card_id), 0)
        if card.card_id and card.change_minor != net:
            yield "booked", f"says {card.change_minor:+} on card {card.card_id}, {net:+} was booked"
    if (
        last.points is None or last.notices or row["type"] in _TELL_WHAT_WAITED
    ):  # notices: each member of a pool gets one
        return
    if last.counterparty is None and (account := _account_of(last, row["subject"])) is not None:
        net = moved.get(account, 0)
        if last.points.change != net:
            yield "booked", f"says {last.points.change:+} points, {net:+} was booked"
        return
    points = [amount for (type_, _), amount in moved.items() if type_ != AccountType.CARD]
    others = [] if last.counterparty is None else [last.counterparty[1].change]
    if len(points) <= 1 + len(others):
        change = last.points.change + sum(others)
        if change != sum(points):
            yield "booked", f"says {change:+} points, {sum(points):+} was booked"


def _account_of(outcome: OutcomeV1, subject: str) -> tuple[int, str] | None:
    """Return the account whose points an outcome shows; None: it was decided before accounts were told."""
    if outcome.points is None or outcome.points.account is None:
        return None
    if outcome.points.account is not True:
        return outcome.points.account
    customer_id = subject if outcome.customer_id is True else outcome.customer_id
    return None if customer_id is None else (AccountType.POINTS, customer_id)
