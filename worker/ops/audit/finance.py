"""Reports for finance, as of any instant: the trial balance, and the liability by age."""

from datetime import datetime
from typing import Any, Final, NamedTuple

from worker.domain.state.accounts import AccountType
from worker.ledger.queries import SQL

# Upper bounds in days, as audit_liability.sql has them.
AGES: Final = {30: "up to 30 days", 90: "up to 90 days", 365: "up to a year", 9999: "older"}
_NAMES: Final = {AccountType.POINTS: "points", AccountType.CARD: "gift cards", AccountType.POOL: "pools"}


class TrialLine(NamedTuple):
    """A contra account: the amounts that it issued to accounts and took from them, and their difference."""

    orgcode: str
    contra: str
    unit: str
    issued: int
    taken: int


class Liability(NamedTuple):
    """The liability of accounts of a kind. `age`: since the account last moved; `negative`: the amount that customers
    owe.
    """

    orgcode: str
    kind: str
    unit: str
    origin: str
    age: str
    accounts: int
    positive: int
    negative: int


class Finance(NamedTuple):
    """All reports. In each tenant and unit, the amounts issued less the amounts taken equal the liability."""

    trial: list[TrialLine]
    liabilities: list[Liability]

    def out_of_balance(self) -> list[tuple[str, str, int, int]]:
        """Return (tenant, unit, trial balance, liability) where the two differ."""
        sums: dict[tuple[str, str], list[int]] = {}
        for line in self.trial:
            sums.setdefault((line.orgcode, line.unit), [0, 0])[0] += line.issued - line.taken
        for owed in self.liabilities:
            sums.setdefault((owed.orgcode, owed.unit), [0, 0])[1] += owed.positive + owed.negative
        return [(*at, trial, owed) for at, (trial, owed) in sorted(sums.items()) if trial != owed]


async def finance(connection: Any, as_of: datetime | None) -> Finance:  # noqa: ANN401  an asyncpg connection
    """Read the reports as of an instant, or as of now without `as_of`."""
    trial = [
        TrialLine(row["orgcode"], row["contra"], row["unit"], row["issued"] or 0, row["taken"] or 0)
        for row in await connection.fetch(SQL["audit_trial_balance"], as_of)
    ]
    liabilities = [
        Liability(
            row["orgcode"],
            _NAMES[AccountType(row["kind"])],
            row["unit"],
            row["origin"],
            AGES[row["age_days"]],
            row["accounts"],
            row["positive"],
            row["negative"],
        )
        for row in await connection.fetch(SQL["audit_liability"], as_of)
    ]
    return Finance(trial, liabilities)
