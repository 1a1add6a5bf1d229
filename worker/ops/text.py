"""An explanation for people to read: plain lines, numbers under each other."""

from collections.abc import Iterator
from typing import Any

from worker.ops.explanation import (
    Account,
    Earning,
    EarningLine,
    Explanation,
    Lot,
    Published,
    ReturnedLine,
    SaleNow,
    TenderShown,
    Wait,
)
from worker.ops.table import table

_STATES = {
    "decided": "decided",
    "parked": "parked",
    "expected": "has not come; another document names it",
    "voided_before": "has not come; it was voided before",
}
_CHANGES = {
    "credited": "went to the lot of",
    "taken": "out of the lot of",
    "held": "held in the lot of",
    "repaid": "filled the deficit of",
    "owed": "became a deficit of",
    "gone": "had expired before, without effect, on",
    "lapsed": "went back to a lot that has expired, and expired at once, of",
}


def text(explained: Explanation) -> str:
    """Return the whole explanation, with a heading for each part that has content."""
    parts = [
        ("", list(_head(explained))),
        ("published", [line for item in explained.published for line in _published(item)]),
    ]
    if explained.earning is not None:
        parts.append(("how the lines were rated", list(_earning(explained.earning))))
    if explained.returned:
        parts.append(("what the sold lines keep", list(_returned(explained))))
    parts += [
        ("lots", [_lot(lot) for lot in explained.lots]),
        (
            "transfers",
            table([[_name(t.source), "→", _name(t.target), t.amount] for t in explained.transfers], words=range(3)),
        ),
        (
            "archived",
            [f"its transfers, if it has any, are in {explained.archived}: g3n worker explain --archive DIR"]
            if explained.archived
            else [],
        ),
        ("tenders", [line for tender in explained.tenders for line in _tender(tender)]),
        ("waiting", [_wait(wait) for wait in explained.waits]),
        ("these wait for it", [f"{one.type} {one.subject}" for one in explained.waiters]),
        ("also known", [f"{one.type} {one.subject}: {one.status} at {one.at}" for one in explained.related]),
    ]
    lines: list[str] = []
    for heading, content in parts:
        if content:
            lines += ["", heading, *(f"  {line}" for line in content)] if heading else content
    return "\n".join(lines)


def _head(explained: Explanation) -> Iterator[str]:
    yield f"{explained.type} {explained.subject} of {explained.orgcode}: {_STATES[explained.state]}"
    source = explained.source
    if source is not None:
        where = f" from {source.topic}, partition {source.partition}, offset {source.offset}" if source.topic else ""
        yield f"read at {source.received_at}{where}, record of {source.record_at}"
    if explained.policy is not None:
        since = f"in force since {explained.policy.since}" if explained.policy.since else "the default, always in force"
        yield f"policy version {explained.policy.version}, {since}"
    if explained.no_points is not None:
        yield f"no points: {explained.no_points}"
    if explained.sale is not None:
        yield from _sale(explained.sale)
    if explained.entry is not None:
        entry = explained.entry
        yield f"moved {entry.amount} on {_name(entry.account)}; {entry.undone} of it undone since"
        yield from (f"  now {_lot(lot)}" for lot in entry.lots_now if lot.amount)


def _sale(sale: SaleNow) -> Iterator[str]:
    if sale.voided:
        yield "since voided"
    if sale.forfeited:
        yield "its points were forfeited since: no customer record came in time"
    if sale.by_hand:
        yield f"{sale.by_hand} of its points were taken back by hand since"


def _published(item: Published) -> Iterator[str]:
    data = item.data
    yield f"{item.time} {item.type} {item.subject} on {item.topic}, id {item.id}"
    tender = data.get("tender")
    if tender is None:
        yield f"  {data['status']}{_because(data)}"
    else:
        yield f"  {data['status']}{_because(data)}, tender {tender['tender_id']} {tender['state']}"
    points = data.get("points")
    if points is not None:
        balance = f" → {points['balance']}, {points['available']} available" if "balance" in points else ""
        yield f"  points {points['change']:+}{balance}{_because(points)}"
    for card in data.get("gift_cards", ()):
        if "card_id" in card:
            money = f"{card['change_minor']:+} → {card['balance_minor']} {card['currency']} minor"
            yield f"  gift card {card['card_id']} {money}{_because(card)}"


def _because(part: dict[str, Any]) -> str:
    return f" ({part['reason']})" if part.get("reason") else ""


def _earning(earning: Earning) -> Iterator[str]:
    yield f"{earning.points_per_unit} point(s) for every {earning.unit_minor} {earning.currency} minor units"
    if earning.campaign is not None:
        consent = f", {earning.campaign.needs_consent} consent given" if earning.campaign.needs_consent else ""
        yield f"× {earning.campaign.factor} campaign {earning.campaign.id}{consent}"
    if earning.missed_campaign is not None:
        missed = earning.missed_campaign
        yield f"not × {missed.factor} campaign {missed.id}: no {missed.needs_consent} consent at the time"
    if earning.tier is not None:
        tier = earning.tier
        yield f"× {tier.factor} tier {tier.name}: {tier.earned_12m} points in 12 months, from {tier.from_points_12m}"
    heading = ["line", "net", "tenders", "eligible", "because of", "exact", "floor", "left over", "points"]
    rows = [
        [
            line.line_id, line.net_minor, -line.tender_share_minor, line.eligible_minor, _category(line), line.exact,
            line.floor, line.left_over, line.points,
        ]
        for line in earning.lines
    ]  # fmt: skip
    sums = [sum(row[at] for row in rows) for at in (1, 2, 3, 6, 7, 8)]  # type: ignore[misc]
    rows.append(["sum", *sums[:3], "", earning.exact, *sums[3:]])
    yield from table([heading, *rows], words={4})
    floored = f"{earning.exact} → {earning.points}"
    yield f"one floor for all: {floored}; what the lines' floors leave goes to the largest fractions"
    if any(line.returned_minor for line in earning.lines):
        came_back = [[line.line_id, line.returned_minor, line.kept_points] for line in earning.lines]
        yield from table([["line", "returned since", "keeps"], *came_back])
    if not earning.adds_up:
        yield "! this does not give what was booked: an earlier version of the worker did not store all of it"


def _category(line: EarningLine) -> str:
    if line.excluded == "category":
        return f"{line.category} excluded"
    if line.excluded is not None:
        return f"{line.excluded}" if line.excluded == "loyalty_excluded" else f"{line.excluded} excluded"
    return f"{line.category} × {line.category_factor}" if line.category else ""


def _returned(explained: Explanation) -> Iterator[str]:
    heading = ["line", "of", "asked", "counts", "of net", "returned before", "earned", "kept before", "keeps", "points"]
    yield from table([heading, *(_returned_row(line) for line in explained.returned)])
    if explained.account is not None:
        yield f"taken from {_name(explained.account)}, which earned them"
    if explained.set_off:
        yield f"{explained.set_off} of it had been taken back by hand before: set off"


def _returned_row(line: ReturnedLine) -> list[object]:
    if line.sold_minor is None or line.kept_before is None or line.kept_after is None:
        return [line.line_id, line.sale_line_id, line.asked_minor, 0, "no such line"]
    return [
        line.line_id, line.sale_line_id, line.asked_minor, line.returned_minor, line.sold_minor, line.before_minor,
        line.earned, line.kept_before, line.kept_after, line.kept_after - line.kept_before,
    ]  # fmt: skip


def _lot(lot: Lot) -> str:
    days = [f"from {lot.available_from}"] if lot.available_from else []
    days += [f"until {lot.expires_on}"] if lot.expires_on else []
    return " ".join([str(lot.amount), _CHANGES[lot.change], _name(lot.account), *days])


def _tender(tender: TenderShown) -> Iterator[str]:
    what = f"{tender.kind} tender {tender.tender_id}".lstrip()
    payer = f" of {_name(tender.account)}" if tender.account else ""
    points = f" = {tender.points} points" if tender.points is not None else ""
    moved = "" if tender.moved else ", not changed here" if tender.reason is None else f" ({tender.reason})"
    amounts = f"captured {tender.captured_minor}, refunded {tender.refunded_minor}{points}"
    yield f"{what}{payer}: {tender.state}, {amounts}{moved}"
    if tender.point_value_minor is not None:
        yield f"  a point pays {tender.point_value_minor} minor units, in steps of {tender.step_points}"
    yield f"  now {tender.state_now}, captured {tender.captured_now_minor}, refunded {tender.refunded_now_minor}"
    yield from (f"  now {_lot(lot)}" for lot in tender.lots_now)


def _wait(wait: Wait) -> str:
    if wait.ended_by is not None:
        cause = wait.ended_by
        then = " and goes on next" if wait.until else ""
        return f"waited for {wait.waits_for} {wait.id}, until {cause.type} {cause.subject} at {cause.at}{then}"
    if wait.until is not None:
        return f"waits for {wait.waits_for} {wait.id}, at most until {wait.until}"
    return f"waited for {wait.waits_for} {wait.id}, which did not come in time"


def _name(account: Account) -> str:
    if account.kind == "contra":
        return f"({account.id})"
    return f"{account.kind.replace('_', ' ')} {account.id}" + (f" …{account.last4}" if account.last4 else "")
