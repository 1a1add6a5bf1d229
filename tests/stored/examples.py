"""One of each stored thing in each of its shapes, by name."""

from typing import TypeVar

from schemas.reasons import Reason
from schemas.registry import DOCUMENTS
from worker.codec.keyring import Keyring
from worker.domain.state.accounts import DAY_TICKS, NEVER, Account, AccountType, CardDetails, Lot, Standing
from worker.domain.state.basis import Basis, Exclusion, LineBasis
from worker.domain.state.outcome import CardPart, Notice, Outcome, PointsPart, TenderPart
from worker.domain.state.policy import PointValue
from worker.domain.state.sale import Entry, Return, Sale, SaleLine
from worker.domain.state.tender import ALL, State, Tender
from worker.domain.state.trace import Change, Move, ReturnedLine, Trace
from worker.stored.event import EventFacts, Source, VersionedOutcome, Wait
from worker.stored.outcome import OutcomeV1
from worker.stored.parked import ParkedDocument

NOW_US = 1_772_360_100_000_000
DAY = 20_513
FIRST = DAY * DAY_TICKS  # its first quarter of an hour


def last(date: int) -> int:
    """The last quarter of an hour of a day of UTC."""
    return (date + 1) * DAY_TICKS - 1


Made = TypeVar("Made")


def _with(made: Made, **members: object) -> Made:
    for name, value in members.items():
        setattr(made, name, value)
    return made


def _account(type_: AccountType = AccountType.POINTS, key: str = "C1", **members: object) -> Account:
    return _with(
        Account(type_, key, "GBP" if type_ is AccountType.CARD else ""), id=7, version=3, last_no=4096, **members
    )


ACCOUNTS: dict[str, Account] = {
    "empty": _account(),
    "plain": _account(lots=[Lot(0, NEVER, 250, 50)]),
    "owes": _account(deficit=30),
    "lots": _account(
        lots=[Lot(0, NEVER, 5), Lot(FIRST, last(DAY + 30), 100, 20, 7), Lot(FIRST + DAY_TICKS, NEVER, 0, 0, 9)]
    ),
    "earned": _account(lots=[Lot(0, NEVER, 250)], earned=[(DAY - 1, 100), (DAY, -50)]),
    "card": _account(AccountType.CARD, "K1", lots=[Lot(0, NEVER, 5000)], card=CardDetails("0017", NEVER, b"", "")),
    "card_with_pin": _account(
        AccountType.CARD, "K1", standing=Standing.FROZEN,
        card=_with(CardDetails("0017", last(DAY + 365), b"\x01\x02pin", "C1"), pin_failures=5),
    ),
    "merged": _account(target=(AccountType.POINTS, "C2")),
    "pooled": _account(target=(AccountType.POOL, "P1"), owner_log=[(NOW_US, 2), (NOW_US + 1, 1)]),
    "joined": _account(target=(AccountType.POOL, "P1"), pooled_us=NOW_US),
    "erased": _account(standing=Standing.CLOSED, owner_log=[(NOW_US, 3)]),
    "let_go": _account(shortfall=30, booked_tick=FIRST),
}  # fmt: skip


def _sale(**members: object) -> Sale:
    fields: dict[str, object] = {
        "decided": True, "currency": "GBP", "customer_id": "C1", "account": (AccountType.POINTS, "C1"),
        "policy_version": 2, "lines": {1: SaleLine(1099, 11), 2: SaleLine(250, 2)}, "expires_tick": NEVER,
    }  # fmt: skip
    return _with(Sale("S1"), **fields | members)


BASIS = Basis(0, 1, 2, 640, 4, {1: LineBasis(Exclusion.NONE, 50, "toys"), 2: LineBasis(Exclusion.FEE, 0, None)})
SALES: dict[str, Sale] = {
    "stub": _with(Sale("S1"), waiting=True),
    "tombstone": _with(Sale("S1"), voided=True),
    "plain": _sale(),
    "without_customer": _sale(customer_id="", account=None),
    "unclaimed": _sale(customer_id="", account=None, at_us=NOW_US),
    "pooled": _sale(account=(AccountType.POOL, "P1")),
    "with_basis": _sale(basis=BASIS),
    "returned": _sale(lines={1: SaleLine(1099, 11, 400), 2: SaleLine(5000, 0, 0, "K1", 5000)}),
    "refunded": _sale(refunds=[("T1", 400)]),
    "set_off": _sale(basis=BASIS, set_off=3),
    "earned_on_a_day": _sale(earned_date=DAY),
    "everything": _sale(
        voided=True, waiting=True, forfeited=True, lines={1: SaleLine(1099, 11, 1200, "K1", 900)}, available_tick=FIRST,
        expires_tick=last(DAY + 365), tenders=["T1", "T2"], requests=["T3"], loads=[("K2", 250)], by_hand=6,
        basis=BASIS,
    ),
}  # fmt: skip


def _tender(**members: object) -> Tender:
    fields: dict[str, object] = {
        "state": State.CAPTURED, "kind": "gift_card", "account": (AccountType.CARD, "K1"), "sale_id": "S1",
        "currency": "GBP", "requested_minor": 2500, "approved_minor": 2000, "captured_minor": 1500,
        "refunded_minor": 500, "picks": [(0, NEVER, 1500)], "asked_minor": 500,
    }  # fmt: skip
    return _with(Tender("T1"), **fields | members)


TENDERS: dict[str, Tender] = {
    **{
        f"state_{state.value}": _with(Tender("T1"), state=state) for state in State
    },
    "named_by_a_sale": _with(Tender("T1"), state=State.AWAITING, named={"GBP": 900, "EUR": 800}),
    "capture_waits": _with(Tender("T1"), state=State.AWAITING, waiting=True, parked_minor=ALL),
    "card": _tender(),
    "asked_more_than_it_got": _tender(asked_minor=700),
    "of_a_sale": _tender(owner="S1"),
    "points": _tender(
        kind="points", account=(AccountType.POINTS, "C1"), customer_id="C1", value=PointValue(1, 2, 100),
        picks=[(0, NEVER, 100), (FIRST, last(DAY + 9), 2900)], state=State.AUTHORIZED, expires_us=NOW_US,
    ),
}  # fmt: skip


def _entry(type_: str, **members: object) -> Entry:
    return _with(Entry(type_, "X1", (AccountType.POINTS, "C1"), 500, "C1"), **members)


ENTRIES: dict[str, Entry] = {
    "earned": _entry("crm.loyalty.earn", available_tick=FIRST, expires_tick=last(DAY + 365), undone=100),
    "redeemed": _entry("crm.loyalty.redeem", picks=[(0, NEVER, 400), (FIRST, last(DAY + 9), 100)]),
    "earned_on_a_day": _entry("crm.loyalty.earn", expires_tick=NEVER, earned_date=DAY),
    "pooled": _entry("crm.loyalty.earn", account=(AccountType.POOL, "P1"), expires_tick=NEVER),
    "card": Entry("crm.giftcard.reload", "X1", (AccountType.CARD, "K1"), 2500),
}


def _return(**members: object) -> Return:
    fields: dict[str, object] = {"decided": True, "lines": [(1, 2, 400)], "trace": Trace([ReturnedLine(1, 2, 0, 400)])}
    return _with(Return("R1"), **fields | members)


RETURNS: dict[str, Return] = {
    "tombstone": _with(Return("R1"), voided=True),
    "plain": _return(),
    "refunded": _return(refunds=[("T1", 300)], loads=[("K1", 100)], voided=True),
    "without_receipt": _return(
        lines=[], customer_id="C1", account=(AccountType.POOL, "P1"), points=4, available_tick=FIRST,
        expires_tick=last(DAY + 365), earned_date=DAY, let_go=1,
    ),
}  # fmt: skip

_MOVED = ACCOUNTS["plain"]
TRACES: dict[str, Trace] = {
    "empty": Trace(),
    "plain_return": Trace([ReturnedLine(1, 2, 0, 400)], moves=[Move(_MOVED, Change.TAKEN, 0, NEVER, 4)]),
    "moves": Trace(
        [ReturnedLine(1, 2, 0, 400), ReturnedLine(2, 1, 100, 50)], 3,
        moves=[Move(_MOVED, change, FIRST, last(DAY + 9), 4 + change) for change in Change],
    ),
    "without_receipt": Trace([ReturnedLine(1, 0, 0, 400)], rated=BASIS, currency="GBP"),
}  # fmt: skip

POINTS = PointsPart(13, 263, 213, 50, 0, 4, None)
CARD = CardPart("K1", "0017", "GBP", -1500, 3500, 0, 4, None)
TENDER = TenderPart("T1", "captured", 2500, 2000, 1500, 500, 150, NOW_US, "amount_over_authorized", moved=True)
OUTCOMES: dict[str, Outcome] = {
    "sale": Outcome(
        "applied", customer_id="C1", sale_id="S1", points=POINTS, lines=[1, 11, 2, 2], policy_version=2
    ),
    "everything": Outcome(
        "partial", Reason.TENDERS_MISMATCH, customer_id="C1", sale_id="S2", return_id="R1", tender_id="T1",
        points=POINTS._replace(reason="customer_not_found", claimed=False), counterparty=("C2", POINTS),
        gift_cards=[CARD, CARD._replace(card_id="", reason="card_not_accepted")], tender=TENDER,
        tenders=[TENDER, TENDER._replace(moved=False, expires_us=None, points=None)], lines=[1, -11],
        policy_version=2, notice="crm.hold.expired",
    ),
    "payers": Outcome("applied", customer_id="C1", tenders=[
        TENDER._replace(customer_id="C2", account=POINTS._replace(account=(AccountType.POINTS, "C2"))),
        TENDER._replace(customer_id="C2", account=POINTS._replace(account=(AccountType.POOL, "P1")), listed=False),
        TENDER._replace(customer_id=None), TENDER._replace(moved=False),
    ]),
    "notices": Outcome("applied", customer_id="C1", notices=[
        Notice("crm.pool.changed", "C2", POINTS._replace(account=(AccountType.POOL, "P1"))),
        Notice("crm.pool.changed", "C3", POINTS._replace(account=(AccountType.POINTS, "C3"))),
    ]),
    "own_account": Outcome("applied", customer_id="C1", points=POINTS._replace(account=(AccountType.POINTS, "C1"))),
    "pool": Outcome("applied", customer_id="C1", points=POINTS._replace(account=(AccountType.POOL, "P1"))),
    **{f"status_{status}": Outcome(status) for status in (
        "applied", "partial", "rejected", "parked", "ignored", "approved", "declined")},
}  # fmt: skip

_TRACEPARENT = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
_SOLD = OutcomeV1.of(OUTCOMES["sale"], "S1", NOW_US)
_PARKED = OutcomeV1.of(OUTCOMES["status_parked"], "S1", NOW_US)
_WAITS = [Wait("sale", "S1", 4097), Wait("tender", "T1", None)]
_FROM_TOPIC = EventFacts(2, NOW_US, -1501, Source("scm.sales", 3, 1 << 33), None, [], [])
_RESUMED = _FROM_TOPIC._replace(outcomes=[(1, _PARKED)])
EVENTS: dict[str, tuple[EventFacts, list[Wait], VersionedOutcome]] = {
    "from_topic": (_FROM_TOPIC, [], (1, _SOLD)),
    "over_http": (_FROM_TOPIC._replace(source=None), [], (1, _SOLD)),
    "over_http_traced": (_FROM_TOPIC._replace(source=None, traceparent=_TRACEPARENT), [], (1, _SOLD)),
    "deadline": (_FROM_TOPIC._replace(source=None, digest_version=0), [], (1, _SOLD)),
    "parked": (_FROM_TOPIC, [], (1, _PARKED)),
    "after_parked": (_RESUMED, _WAITS, (1, _SOLD)),
    "two_encoders": (_RESUMED, _WAITS[:1], (2, _SOLD)),
}

_RETURN = DOCUMENTS["scm.return.completed"]
_WAITING = _RETURN.dump(
    _RETURN.validate(
        {
            "return_id": "R1",
            "sale_id": "S1",
            "occurred_at": "2026-03-01T12:00:00Z",
            "currency": "GBP",
            "lines": [{"line_id": 1, "sale_line_id": 1, "net_minor": 400}],
            "refunds": [
                {
                    "refund_id": "F1",
                    "kind": "gift_card",
                    "amount_minor": 400,
                    "gift_card": {"number": "6000 0000 0017"},
                }
            ],
        },
        Keyring("acme", (b"k" * 32,)),
    )
)
PARKED: dict[str, ParkedDocument] = {
    "first": ParkedDocument(_WAITING, None, []),
    "again": ParkedDocument(_WAITING, _TRACEPARENT, _WAITS),
}
