"""The commands about customers and points (contract §2.3)."""

from __future__ import annotations

from fractions import Fraction

from tests.model import tenders
from tests.model.accounts import Points
from tests.model.rules import first, instant, kept, points_of, whole_policy
from tests.model.sales import earned, take_points
from tests.model.world import Doc, World


def refuse(world: World, doc: Doc, *reasons: str | None) -> None:
    world.emit(doc, "rejected", list(reasons))


def customer_create(world: World, doc: Doc) -> None:
    customer_id = doc.data["customer_id"]
    if customer_id in world.customers:
        return refuse(world, doc, "customer_exists", world.status(customer_id, doc.at))
    world.customers[customer_id] = []
    account = world.account(customer_id)
    account.known = True
    world.emit(doc, "applied", account=customer_id, claimed=account.balance())
    return None


def customer_update(world: World, doc: Doc) -> None:
    customer_id = doc.data["customer_id"]
    status = world.status(customer_id, doc.at)
    if status in ("customer_not_found", "customer_erased"):
        return refuse(world, doc, status)
    if doc.data.get("status"):
        world.customers[world.who(customer_id)].append((doc.at, doc.data["status"]))
    return world.emit(doc, "applied")


def customer_erase(world: World, doc: Doc) -> None:
    customer_id = doc.data["customer_id"]
    status = world.status(customer_id, doc.at)
    if status in ("customer_not_found", "customer_erased"):
        return refuse(world, doc, status)
    world.customers[world.who(customer_id)].append((doc.at, "erased"))
    return world.emit(doc, "applied")


def customer_merge(world: World, doc: Doc) -> None:
    old, new = doc.data["from_customer_id"], doc.data["into_customer_id"]
    reason = first([world.status(old, doc.at), world.status(new, doc.at)])
    if reason or world.who(old) == world.who(new):
        return refuse(world, doc, reason or "invalid_state")
    account, into = world.account(old), world.account(new)
    _all_over(account, into)
    counted = world.account_key(new)
    world.merged[old] = new
    return world.emit(doc, "applied", account=counted, counterparty=old, other=old)


def _all_over(account: Points, into: Points) -> None:
    """Everything of one account goes to the other."""
    for key, amount in list(account.lots.items()):
        into.credit(amount, key)
    into.held |= account.held
    into.reverse(account.deficit, (None, None), unlimited=True)
    into.shortfall += account.shortfall
    account.lots, account.held, account.deficit, account.shortfall = {}, {}, 0, 0


def consent_set(world: World, doc: Doc) -> None:
    data = doc.data
    status = world.status(data["customer_id"], doc.at)
    if status:
        return refuse(world, doc, status)
    who = world.who(data["customer_id"])
    world.consents.append((doc.at, who, data["purpose"], data.get("channel"), data["granted"]))
    return world.emit(doc, "applied")


def policy_put(world: World, doc: Doc) -> None:
    start = instant(doc.data["effective_from"])
    begun = [entry for entry in world.policies if entry[0] <= doc.at]
    if any(start <= entry[0] for entry in begun):
        return refuse(world, doc, "policy_not_later")
    world.policy_versions = version = world.policy_versions + 1
    to_come = [entry for entry in world.policies if entry not in begun and entry[0] < start]
    world.policies = [*begun, *to_come, (start, whole_policy(doc.data["policy"]), version)]
    return world.emit(doc, "applied", policy_version=version)


def loyalty_earn(world: World, doc: Doc) -> None:
    data, (policy, version) = doc.data, world.policy(doc.at)
    reasons = [world.status(data["customer_id"], doc.at)]
    points = data.get("points")
    if points is None:
        unit = policy["earn"]["unit_minor"].get(data["currency"])
        reasons.append(None if unit else "currency_not_in_policy")
        points = int(data["amount_minor"] * Fraction(policy["earn"]["points_per_unit"]) / unit) if unit else 0
    if first(reasons):
        return refuse(world, doc, *reasons)
    key, lot = world.account_key(data["customer_id"]), world.lot(doc.on, policy)
    world.account(key).credit(points, lot)
    world.count(doc, points)
    done = {"doc": doc, "type": doc.type, "account": key, "customer": data["customer_id"], "lot": lot, "left": points}
    world.commands[doc.subject] = done
    return world.emit(doc, "applied", account=key, policy_version=version)


def loyalty_redeem(world: World, doc: Doc) -> None:
    data, policy = doc.data, world.policy(doc.at)[0]
    status = world.status(data["customer_id"], doc.at)
    if status:
        return refuse(world, doc, status)
    key = world.account_key(data["customer_id"])
    account = world.account(key)
    small = "below_minimum" if data["points"] < policy["redeem"]["min_points"] else None
    short = "insufficient_balance" if account.available(doc.on) < data["points"] else None
    if small or short:
        return refuse(world, doc, small, short)
    picks = account.pick(data["points"], doc.on)
    done = {"type": doc.type, "account": key, "customer": data["customer_id"], "picks": picks, "left": data["points"]}
    world.commands[doc.subject] = done
    return world.emit(doc, "applied", account=key)


def loyalty_adjust(world: World, doc: Doc) -> None:
    data = doc.data
    status = world.status(data["customer_id"], doc.at)
    if status in ("customer_not_found", "customer_erased"):
        return refuse(world, doc, status)
    key = world.account_key(data["customer_id"])
    account = world.account(key)
    if data["points"] > 0:
        account.credit(data["points"], (None, None))
    elif account.available(doc.on) < -data["points"]:
        return refuse(world, doc, "insufficient_balance")
    else:
        account.pick(-data["points"], doc.on)
    return world.emit(doc, "applied", account=key)


def loyalty_transfer(world: World, doc: Doc) -> None:
    sender, receiver = doc.data["from_customer_id"], doc.data["to_customer_id"]
    reasons = [world.status(sender, doc.at), world.status(receiver, doc.at)]
    if first(reasons):
        return refuse(world, doc, *reasons)
    key, other = world.account_key(sender), world.account_key(receiver)
    if key == other:
        return refuse(world, doc, "invalid_state")
    if world.account(key).available(doc.on) < doc.data["points"]:
        return refuse(world, doc, "insufficient_balance")
    for lot, amount in world.account(key).pick(doc.data["points"], doc.on):
        world.account(other).credit(amount, lot)
    return world.emit(doc, "applied", account=key, counterparty=receiver)


def loyalty_restore(world: World, doc: Doc) -> None:
    of, points = doc.data["of"], doc.data.get("points")
    if of["type"] == "scm.tender.requested":
        return _restore_tender(world, doc, of["id"], points)
    redemption = world.commands.get(of["id"])
    if not redemption or redemption["type"] != of["type"]:
        return refuse(world, doc, "command_not_found")
    if status := _status_of(world, doc, redemption["customer"]):
        return refuse(world, doc, status)
    points = redemption["left"] if points is None else points
    if points > redemption["left"] or not points:
        return refuse(world, doc, "amount_over_captured")
    redemption["left"] -= points
    world.account(redemption["account"]).put_back(redemption["picks"], points, doc.on, world.grace_days)
    return world.emit(doc, "applied", account=redemption["account"])


def _status_of(world: World, doc: Doc, customer_id: str | None) -> str | None:
    """The reason why the customer who earned or redeemed may not act; a missing record is no reason."""
    status = world.status(customer_id, doc.at) if customer_id else None
    return None if status == "customer_not_found" else status


def _erased(world: World, doc: Doc, customer_id: str | None) -> bool:
    return _status_of(world, doc, customer_id) == "customer_erased"


def _restore_tender(world: World, doc: Doc, tender_id: str, points: int | None) -> None:
    """Counts as a refund of the tender (§2.3)."""
    tender = world.tenders.get(tender_id)
    if tender is None or not tender.requested or tender.kind != "points":
        return refuse(world, doc, "tender_not_found")
    status = _status_of(world, doc, tender.customer_id)
    if status or tender.state != "captured":
        return refuse(world, doc, status or "invalid_state")
    if (points or 1) > tender.taken:
        return refuse(world, doc, "amount_over_captured")
    left = tender.captured_minor() - tender.refunded_minor()
    asked = tender.taken if points is None else points
    back = {m: tender.taken - points_of(left - m, tender.value, tender.step) for m in range(left + 1)}
    most = max(given for given in back.values() if given <= asked)
    if not most:
        return refuse(world, doc, "below_minimum")
    least = left if points is None else min(m for m, given in back.items() if given == most)
    tenders.refund(world, tender, least, doc.on)
    world.notice("crm.tender.changed", tender_id, tender=tender.block(), cause=doc.subject)
    return world.emit(doc, "applied", account=tender.account, tenders=[tender.block()])


def loyalty_reverse(world: World, doc: Doc) -> None:
    of, points = doc.data["of"], doc.data.get("points")
    if of["type"] == "scm.sale.completed":
        sale = world.sales.get(of["id"])
        if sale is None:
            return refuse(world, doc, "sale_not_found")
        if _erased(world, doc, sale.doc.data.get("customer_id")):
            return refuse(world, doc, "customer_erased")
        nets = {key: line["net_minor"] for key, line in sale.lines.items()}
        left = sum(kept(p, nets[key], sale.returned.get(key, 0)) for key, p in sale.points.items()) - sale.by_hand
        left = 0 if of["id"] in world.voided_sales else max(0, left)
        points = left if points is None else points
        if points > left or not points:
            return refuse(world, doc, "over_returned")
        by_hand, sale.by_hand = sale.by_hand, 0
        take_points(world, sale, points)
        sale.by_hand = by_hand + points
        return world.emit(doc, "applied", account=sale.account)
    earning = world.commands.get(of["id"])
    if not earning or earning["type"] != of["type"]:
        return refuse(world, doc, "command_not_found")
    if _erased(world, doc, earning["customer"]):
        return refuse(world, doc, "customer_erased")
    points = earning["left"] if points is None else points
    if points > earning["left"] or not points:
        return refuse(world, doc, "over_returned")
    earning["left"] -= points
    world.count(earning["doc"], -points)
    unlimited = world.policy(doc.at)[0]["negative_balance"] == "unlimited"
    world.account(earning["account"]).reverse(points, earning["lot"], unlimited=unlimited)
    return world.emit(doc, "applied", account=earning["account"])


def pool(world: World, doc: Doc) -> None:
    customer_id, pool_id = doc.data["customer_id"], doc.data["pool_id"]
    status = world.status(customer_id, doc.at)
    who = world.who(customer_id)
    joining = doc.type.endswith("join")
    wrong = who in world.pools if joining else world.pools.get(who) != pool_id
    if status or wrong:
        return refuse(world, doc, status, "invalid_state" if wrong else None)
    own, shared = world.account(who), world.account("pool " + pool_id)
    if joining:
        if own.held:
            return refuse(world, doc, "invalid_state")
        _all_over(own, shared)
        world.led.pop("pool " + pool_id, None)
        world.pools[who] = pool_id
        return world.emit(doc, "applied", account="pool " + pool_id, counterparty=customer_id, other=who)
    points = doc.data.get("points", 0)
    last = pool_id not in [pool for member, pool in world.pools.items() if member != who and not world.erased(member)]
    if last and shared.held:
        return refuse(world, doc, "invalid_state")
    if not last and points > shared.available(doc.on):
        return refuse(world, doc, "insufficient_balance")
    del world.pools[who]
    if last:
        _all_over(shared, own)
        world.led["pool " + pool_id] = who
    else:
        for lot, amount in shared.pick(points, doc.on):
            own.credit(amount, lot)
    return world.emit(doc, "applied", account=who, counterparty=customer_id, other="pool " + pool_id)


def loyalty_claim(world: World, doc: Doc) -> None:
    """The sale as if it had named the customer, without what has come back of it."""
    customer_id, sale_id = doc.data["customer_id"], doc.data["sale_id"]
    sale = world.sales.get(sale_id)
    reasons = [
        "already_voided" if sale_id in world.voided_sales else None,
        world.status(customer_id, doc.at),
        None if sale else "sale_not_found",
        "invalid_state" if sale and sale.doc.data.get("customer_id") else None,
    ]
    if sale is None or first(reasons):
        return refuse(world, doc, *reasons)
    sale.doc.data["customer_id"] = customer_id
    sale.account = world.account_key(customer_id)
    sale.points, why_not = earned(world, sale.doc, sale.policy)
    left = {
        key: kept(points, sale.lines[key]["net_minor"], sale.returned.get(key, 0))
        for key, points in sale.points.items()
    }
    world.account(sale.account).credit(sum(left.values()), sale.lot)
    world.count(sale.doc, sum(left.values()))
    return world.emit(
        doc,
        "applied",
        points={"reason": why_not} if why_not else None,
        account=sale.account,
        lines=[{"line_id": key, "points": points} for key, points in left.items() if points],
    )
