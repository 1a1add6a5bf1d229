"""Every number that Postgres keeps, as it has been since it was released. A line may be added, none may change."""

from schemas.registry import DOCUMENTS
from worker.domain.state.accounts import AccountType, Contra, Standing
from worker.domain.state.basis import Exclusion
from worker.domain.state.trace import Change
from worker.stored import codes

PINNED = """
document 1 scm.sale.completed
document 2 scm.sale.voided
document 3 scm.return.completed
document 4 scm.tender.requested
document 5 scm.tender.captured
document 6 scm.tender.voided
document 7 scm.return.voided
document 10 crm.customer.create
document 11 crm.customer.update
document 12 crm.customer.erase
document 13 crm.customer.merge
document 14 crm.consent.set
document 15 crm.policy.put
document 16 crm.loyalty.earn
document 17 crm.loyalty.redeem
document 18 crm.loyalty.adjust
document 19 crm.loyalty.restore
document 20 crm.loyalty.reverse
document 21 crm.giftcard.issue
document 22 crm.giftcard.redeem
document 23 crm.giftcard.reload
document 24 crm.giftcard.reverse
document 25 crm.giftcard.freeze
document 26 crm.giftcard.unfreeze
document 27 crm.giftcard.link
document 28 crm.giftcard.transfer
document 29 crm.pool.join
document 30 crm.pool.leave
document 31 crm.loyalty.transfer
document 32 crm.giftcard.extend
document 33 crm.giftcard.replace
document 34 crm.loyalty.claim
notice 60 crm.hold.expired
notice 61 crm.points.released
notice 62 crm.points.expired
notice 63 crm.points.forfeited
notice 64 crm.giftcard.expired
notice 65 crm.giftcard.frozen
status 0 applied
status 1 partial
status 2 rejected
status 3 parked
status 4 ignored
status 5 approved
status 6 declined
state 0 none
state 1 awaiting
state 2 authorized
state 3 captured
state 4 expired
state 5 declined
state 6 voided
accounttype 0 POINTS
accounttype 1 CARD
accounttype 2 POOL
standing 0 UNCLAIMED
standing 1 ACTIVE
standing 2 FROZEN
standing 3 CLOSED
standing 4 REPLACED
contra -1 EARNED
contra -2 REDEEMED
contra -3 ADJUSTED
contra -4 EXPIRED
contra -5 FORFEITED
contra -6 SHORTFALL
contra -7 ISSUED
contra -8 SOLD
contra -9 SPENT
contra -10 REFUNDED
change 0 TAKEN
change 1 CREDITED
change 2 REPAID
change 3 OWED
change 4 GONE
change 5 LAPSED
exclusion 0 NONE
exclusion 1 GIFT_CARD
exclusion 2 FEE
exclusion 3 LINE
exclusion 4 CATEGORY
"""


def test_stored_numbers_never_change() -> None:
    numbers = [f"document {doctype.code} {doctype.name}" for doctype in DOCUMENTS.values()]
    numbers += [f"notice {code} {type_}" for code, type_ in codes.NOTICE_TYPES.items()]
    numbers += [f"status {code} {status}" for code, status in codes.STATUSES.items()]
    numbers += [f"state {code} {state.value}" for code, state in codes.STATES.items()]
    for enum in (AccountType, Standing, Contra, Change, Exclusion):
        numbers += [f"{enum.__name__.lower()} {member.value} {member.name}" for member in enum]
    assert numbers == PINNED.split("\n")[1:-1]


def test_places_in_the_tuples_are_the_numbers() -> None:
    assert [int(type_) for type_ in codes.ACCOUNT_TYPES] == list(range(len(AccountType)))
    assert [int(standing) for standing in codes.STANDINGS] == list(range(len(Standing)))


def test_event_numbers() -> None:
    assert codes.event_no(5, 7) == 5 * 4096 + 7
    assert codes.batch_of(codes.event_no(5, 4095)) == 5
