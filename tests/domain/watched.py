"""A room of documents that checks, as it goes, what each says and books."""

from collections.abc import Callable
from datetime import UTC, timedelta

import orjson
from hypothesis.stateful import RuleBasedStateMachine, invariant

from schemas.outcomes import OutcomeEnvelope
from tests.domain.documents import Data, Said, command
from tests.domain.invariants import check
from tests.domain.room import Room, document
from tests.domain.stage import BASE, microseconds
from worker.domain.state.accounts import Account, AccountType, Standing
from worker.domain.state.identity import account_id
from worker.domain.state.movements import tick_of

REQUEST = "scm.tender.requested"
# Beside these nothing but an expiry, a hold or a merge may leave less than nothing.
MAKES_NEGATIVE = (
    "scm.sale.voided", "scm.return.completed", "scm.return.voided", "crm.loyalty.reverse", "crm.giftcard.reverse",
    "crm.customer.merge", "crm.pool.join", "crm.pool.leave",
)  # fmt: skip


class Watched(RuleBasedStateMachine):
    """A room and its clock; whatever is said in it is checked."""

    def __init__(self) -> None:
        super().__init__()
        self.room = Room()
        self.now = BASE
        self.count = 0
        self.shown: dict[str, Data] = {}  # account → what was published of its latest version, last

    def say(self, said: Said, ago_h: int = 0) -> list[Data]:
        """Read a document that happened `ago_h` hours ago, then what became ready and due."""
        type_, data = said
        at = (self.now - timedelta(hours=ago_h)).astimezone(UTC)
        told = self.seen(type_, lambda: self.read(type_, {**data, "occurred_at": at.isoformat()}))
        return told + self.work()

    def read(self, type_: str, data: Data) -> list[Data]:
        now_us = microseconds(self.now)
        return self.room.read(document(type_, data, now_us), now_us)

    def work(self) -> list[Data]:
        return self.seen("", lambda: list(self.room.work(microseconds(self.now))))

    def seen(self, type_: str, decide: Callable[[], list[Data]]) -> list[Data]:
        before = {account: _shape(account) for account in self.room.accounts.values()}
        told = decide()
        for item in told:
            if "dead_letter" not in item:
                OutcomeEnvelope.model_validate_json(orjson.dumps({k: v for k, v in item.items() if k != "replayed"}))
                self.show(item)
        for account in self.room.accounts.values():
            old = before.get(account, (0, 0, 0, None, 0))
            new = _shape(account)
            changed = new[:4] != old[:4]
            if type_ and (changed or type_ != REQUEST):  # one that takes nothing holds and releases
                assert new[4] == old[4] + changed, "a document that changes an account makes its next version, no other"
            if type_ and type_ not in MAKES_NEGATIVE and not told[0].get("replayed"):
                assert account.balance >= min(old[0], 0), "only a reversal makes a balance negative"
        return told

    def command(self, type_: str, **data: object) -> Said:
        self.count += 1
        return command(type_, f"K{self.count}", **{name: value for name, value in data.items() if value is not None})

    def show(self, item: Data) -> None:
        """Note how an outcome or a notice shows points."""
        data = item["data"]
        for points in (data.get("points"), data.get("counterparty", {}).get("points")):
            if points and "account" in points and not item.get("replayed"):
                known = self.shown.get(points["account"])
                if known is None or known["version"] <= points["version"]:
                    self.shown[points["account"]] = points

    @invariant()
    def books_balance(self) -> None:
        check(self.room)

    @invariant()
    def what_was_published_last_is_true(self) -> None:
        """The last published version of every points account is its present version, with its present numbers."""
        tick = tick_of(microseconds(self.now))
        for account in self.room.accounts.values():
            if account.type is AccountType.CARD or account.standing is Standing.UNCLAIMED:
                continue
            shown = self.shown[account_id(self.room.org, account.type, account.key)]
            told = {name: shown[name] for name in ("balance", "available", "held", "pending", "version")}
            assert told == {
                "balance": account.balance, "available": account.available(tick), "held": account.held,
                "pending": account.pending(tick), "version": account.version,
            }  # fmt: skip


def _shape(account: Account) -> tuple[int, int, int, tuple[str, int | None], int]:
    """Balance, held, pending, state: what a version stands for; and the version.

    The state of a record whose points are in a pool, or went over to another record, is not that of its account.
    """
    pending = sum(lot.amount for lot in account.lots if lot.available_tick)
    last_tick = None if account.card is None else account.card.expires_tick
    # Names, because the number of a replaced card's target is that of an active card.
    state = account.standing.name if account.target is None else account.target[0].name
    return account.balance, account.held, pending, (state, last_tick), account.version
