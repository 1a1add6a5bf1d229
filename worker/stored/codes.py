"""The numbers in Postgres that stand for states, statuses, notices and documents. Each means one thing for ever.

A retired number stays in its table, and its name says that it is retired. `tests/stored/test_codes.py` pins them all.
Some are declared elsewhere: the codes of documents in `schemas.catalogue`; `AccountType`, `Standing`, `Contra`,
`Change` and `Exclusion` in the domain, as enums whose values are stored.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from worker.domain.decisions.deadlines import NOTICES
from worker.domain.state.accounts import AccountType, Standing
from worker.domain.state.tender import State

STATES: Final[Mapping[int, State]] = MappingProxyType(
    {
        0: State.NONE,
        1: State.AWAITING,
        2: State.AUTHORIZED,
        3: State.CAPTURED,
        4: State.EXPIRED,
        5: State.DECLINED,
        6: State.VOIDED,
    }
)
"""`tender.state`"""

STATUSES: Final[Mapping[int, str]] = MappingProxyType(
    {0: "applied", 1: "partial", 2: "rejected", 3: "parked", 4: "ignored", 5: "approved", 6: "declined"}
)
"""`event.status`, and in each outcome. The trigger `event_decided_is_final` knows 3."""

TIMERS: Final[Mapping[int, str]] = MappingProxyType(
    {60: "hold", 61: "release", 62: "expire", 63: "forfeit", 64: "card", 65: "frozen"}
)
"""`event.type` of the notice that a deadline gives; documents that publishers send have lesser numbers."""

STATE_CODE: Final[Mapping[State, int]] = MappingProxyType({state: code for code, state in STATES.items()})
STATUS_CODE: Final[Mapping[str, int]] = MappingProxyType({status: code for code, status in STATUSES.items()})
NOTICE_CODES: Final[Mapping[str, int]] = MappingProxyType({kind: code for code, kind in TIMERS.items()})
NOTICE_TYPES: Final[Mapping[int, str]] = MappingProxyType({code: NOTICES[kind] for code, kind in TIMERS.items()})
ACCOUNT_TYPES: Final = tuple(AccountType)  # finding a place in it is faster than finding an enum's member
STANDINGS: Final = tuple(Standing)

STUB: Final = 0  # `event.no` of the stub of a sale that a document waits for
PLACES: Final = 12  # bits for the place in the batch; settings allow a batch of fewer documents


def event_no(batch: int, place: int) -> int:
    """Return `event.no` and `transfer.no` of a batch's document."""
    return batch << PLACES | place


def batch_of(no: int) -> int:
    return no >> PLACES
