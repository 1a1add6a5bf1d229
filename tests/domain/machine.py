"""Any document after any other: few ids, so that they meet."""

from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, initialize, rule

from tests.domain.documents import (
    CARDS,
    Basket,
    Data,
    amounts,
    capture,
    card,
    requests,
    returns,
    sales,
    small,
    void,
)
from tests.domain.watched import Watched

customers = st.sampled_from(["C", "C", "D", "E"])
cards = st.sampled_from(sorted(CARDS))
sale_ids = st.sampled_from(["S1", "S2", "S3", "S4", "S5"])
TENDERS = {f"T{number}": "points" if number % 2 else "gift_card" for number in range(8)}
rarely = st.integers(0, 3).map(lambda number: number == 0)
tender_ids = st.sampled_from(sorted(TENDERS))
maybe = st.none() | amounts
ago_h = st.sampled_from([0, 0, 0, 1, 24, 24 * 3, 24 * 9])

POLICIES = st.fixed_dictionaries(
    {
        "earn": st.fixed_dictionaries(
            {
                "points_per_unit": st.sampled_from(["1", "0.3", "7"]),
                "multipliers": st.sampled_from([[], [{"category": "toys", "factor": "2.5"}]]),
                "campaigns": st.sampled_from(
                    [[], [{"id": "x", "from": "2026-01-01T00:00:00Z", "to": "2026-03-04T00:00:00Z", "factor": "2",
                           "needs_consent": "marketing"}]]
                ),
                "tiers": st.sampled_from([[], [{"name": "gold", "from_points_12m": 20, "factor": "1.5"}]]),
                "on_points_tender": st.booleans(),
                "pending_days": st.sampled_from([0, 2]),
                "expire_days": st.sampled_from([None, 3]),
            }
        ),
        "redeem": st.fixed_dictionaries(
            {
                "point_value_minor": st.sampled_from([{"GBP": "0.5"}, {"GBP": "4"}, {"EUR": "1"}]),
                "min_points": st.sampled_from([0, 5]),
                "step_points": st.sampled_from([1, 3]),
                "max_share_of_sale": st.sampled_from(["1", "0.5"]),
            }
        ),
        "negative_balance": st.sampled_from(["unlimited", "within_balance"]),
        "restore_grace_days": st.sampled_from([0, 2]),
        "park_deadline_days": st.sampled_from([1, 30]),
        "gift_card": st.fixed_dictionaries(
            {
                "max_balance_minor": st.sampled_from([50_000, 100_000]),
                "expire_days": st.sampled_from([None, 3]),
                "hold_s": st.sampled_from([900, 90_000]),
                "bought_with_gift_card": st.booleans(),
            }
        ),
    }
)  # fmt: skip


class Documents(Watched):
    """A room into which documents of every type come, at any time, in any order."""

    commands = Bundle("commands")
    baskets = Bundle("baskets")

    @initialize()
    def world(self) -> None:
        """C and D have points, G and H money, H a PIN; E, K and L are not known yet."""
        for customer_id in "CD":
            self.create(customer_id, 0)
            self.adjust(customer_id, 500)
        self.issue("G", 5000, pin=False, days=None)
        self.issue("H", 900, pin=True, days=4)

    # --- time, and what comes again

    @rule(hours=st.sampled_from([1, 12, 24, 48, 24 * 31]))
    def time_passes(self, hours: int) -> None:
        self.now += timedelta(hours=hours)
        self.work()

    @rule(data=st.data())
    def again(self, data: st.DataObject) -> None:
        """A duplicate changes nothing, and gets every stored outcome again."""
        if not self.room.known:
            return
        identity = data.draw(st.sampled_from(sorted(self.room.known)))
        known, transfers = self.room.known[identity], len(self.room.books.transfers)
        told = [self.room._told(*identity, step, facts) for step, facts in enumerate(known.outcomes)]
        assert [item for one in told for item in one]
        assert len(self.room.books.transfers) == transfers

    # --- customers, policy

    @rule(customer_id=customers, ago=ago_h)
    def create(self, customer_id: str, ago: int) -> None:
        self.say(self.command("customer.create", customer_id=customer_id), ago)

    @rule(customer_id=customers, status=st.sampled_from(["active", "blocked"]), ago=ago_h)
    def update(self, customer_id: str, status: str, ago: int) -> None:
        self.say(self.command("customer.update", customer_id=customer_id, status=status), ago)

    @rule(customer_id=customers, yes=rarely)
    def erase(self, customer_id: str, yes: bool) -> None:  # noqa: FBT001  drawn
        if yes:
            self.say(self.command("customer.erase", customer_id=customer_id, reason="asked"))

    @rule(pair=st.lists(customers, min_size=2, max_size=2, unique=True), yes=rarely)
    def merge(self, pair: list[str], yes: bool) -> None:  # noqa: FBT001  drawn
        if yes:
            self.say(self.command("customer.merge", from_customer_id=pair[0], into_customer_id=pair[1]))

    @rule(customer_id=customers, pool=st.sampled_from(["P", "Q"]), way=st.sampled_from(["join", "leave"]), points=small)
    def pool(self, customer_id: str, pool: str, way: str, points: int) -> None:
        more = {"points": points} if way == "leave" and points % 2 else {}
        self.say(self.command(f"pool.{way}", customer_id=customer_id, pool_id=pool, **more))

    @rule(customer_id=customers, granted=st.booleans(), ago=ago_h)
    def consent(self, customer_id: str, granted: bool, ago: int) -> None:  # noqa: FBT001  drawn
        said = self.command("consent.set", customer_id=customer_id, purpose="marketing", granted=granted)
        self.say(said, ago)

    @rule(policy=POLICIES)
    def put(self, policy: Data) -> None:
        at = datetime.fromtimestamp(self.now.timestamp() - 86_400 * 2, UTC)
        self.say(self.command("policy.put", policy=policy, effective_from=at.isoformat()))

    # --- points

    @rule(target=commands, customer_id=customers, points=small, ago=ago_h)
    def earn(self, customer_id: str, points: int, ago: int) -> Data:
        self.say(self.command("loyalty.earn", customer_id=customer_id, points=points), ago)
        return {"type": "crm.loyalty.earn", "id": f"K{self.count}"}

    @rule(target=commands, customer_id=customers, points=small)
    def redeem(self, customer_id: str, points: int) -> Data:
        self.say(self.command("loyalty.redeem", customer_id=customer_id, points=points))
        return {"type": "crm.loyalty.redeem", "id": f"K{self.count}"}

    @rule(customer_id=customers, points=st.integers(-300, 300).filter(bool))
    def adjust(self, customer_id: str, points: int) -> None:
        self.say(self.command("loyalty.adjust", customer_id=customer_id, points=points, reason="r", actor="a"))

    @rule(of=commands, points=st.none() | small, way=st.sampled_from(["loyalty.restore", "loyalty.reverse"]))
    def undo_points(self, of: Data, points: int | None, way: str) -> None:
        self.say(self.command(way, of=of, points=points))

    @rule(tender_id=tender_ids, sale_id=sale_ids, points=st.none() | small, way=st.booleans())
    def undo_points_of(self, tender_id: str, sale_id: str, points: int | None, way: bool) -> None:  # noqa: FBT001  drawn
        if way:
            of = {"type": "scm.tender.requested", "id": tender_id}
            self.say(self.command("loyalty.restore", of=of, points=points))
        else:
            self.say(self.command("loyalty.reverse", of={"type": "scm.sale.completed", "id": sale_id}, points=points))

    # --- cards

    @rule(
        target=commands, alias=cards, amount=st.integers(1, 3000), pin=st.booleans(), days=st.none() | st.integers(0, 4)
    )
    def issue(self, alias: str, amount: int, pin: bool, days: int | None) -> Data:  # noqa: FBT001  drawn
        expires = None if days is None else (self.now + timedelta(days=days)).date().isoformat()
        self.say(self.command("giftcard.issue", gift_card=card(alias), amount_minor=amount, currency="GBP",
                              pin="1234" if pin else None, expires_on=expires))  # fmt: skip
        return {"type": "crm.giftcard.issue", "id": f"K{self.count}"}

    @rule(
        target=commands, alias=cards, amount=amounts, partial=st.booleans(), pin=st.sampled_from(["1234", "0000", None])
    )
    def spend(self, alias: str, amount: int, partial: bool, pin: str | None) -> Data:  # noqa: FBT001  drawn
        self.say(self.command("giftcard.redeem", gift_card={**card(alias), "pin": pin}, amount_minor=amount,
                              currency="GBP", allow_partial=partial))  # fmt: skip
        return {"type": "crm.giftcard.redeem", "id": f"K{self.count}"}

    @rule(target=commands, alias=cards, amount=st.sampled_from([100, 40_000]))
    def reload(self, alias: str, amount: int) -> Data:
        self.say(self.command("giftcard.reload", gift_card=card(alias), amount_minor=amount, currency="GBP"))
        return {"type": "crm.giftcard.reload", "id": f"K{self.count}"}

    @rule(of=commands, amount=st.none() | small, tender_id=st.none() | tender_ids)
    def undo_card(self, of: Data, amount: int | None, tender_id: str | None) -> None:
        of = of if tender_id is None else {"type": "scm.tender.requested", "id": tender_id}
        self.say(self.command("giftcard.reverse", of=of, amount_minor=amount))

    @rule(alias=cards, way=st.sampled_from(["freeze", "unfreeze", "link"]), customer_id=customers)
    def about_card(self, alias: str, way: str, customer_id: str) -> None:
        self.say(self.command(f"giftcard.{way}", gift_card=card(alias), customer_id=customer_id))

    @rule(source=cards, into=st.sampled_from("MNOP"), yes=rarely)
    def replace(self, source: str, into: str, yes: bool) -> None:  # noqa: FBT001  drawn
        if yes:
            self.say(self.command("giftcard.replace", from_card=card(source), to_card=card(into)))

    @rule(alias=cards, days=st.none() | st.integers(-2, 9), ago=ago_h)
    def extend(self, alias: str, days: int | None, ago: int) -> None:
        until = None if days is None else (self.now + timedelta(days=days)).date().isoformat()
        self.say(self.command("giftcard.extend", gift_card=card(alias), expires_on=until), ago)

    @rule(sender=customers, receiver=customers, points=small)
    def give(self, sender: str, receiver: str, points: int) -> None:
        self.say(
            self.command("loyalty.transfer", from_customer_id=sender, to_customer_id=receiver, points=max(points, 1))
        )

    @rule(source=cards, into=cards, amount=maybe)
    def transfer(self, source: str, into: str, amount: int | None) -> None:
        source_ref = {**card(source), "pin": "1234"}
        self.say(self.command("giftcard.transfer", from_card=source_ref, to_card=card(into), amount_minor=amount))

    # --- sales and returns, tenders of both

    @rule(target=baskets, sale_id=sale_ids, data=st.data(), ago=ago_h)
    def sale(self, sale_id: str, data: st.DataObject, ago: int) -> Basket:
        basket = data.draw(sales(sale_id, ["C", "D", None], TENDERS, "GHKL"))
        self.say(basket.said, ago)
        return basket

    @rule(basket=baskets, data=st.data(), ago=ago_h)
    def back(self, basket: Basket, data: st.DataObject, ago: int) -> None:
        self.count += 1
        of = data.draw(st.sampled_from([basket, basket, None]))
        self.say(data.draw(returns(f"R{self.count}", of, TENDERS, ["C", "D", None], "GHKL")), ago)

    @rule(sale_id=sale_ids, customer_id=customers, ago=ago_h)
    def claim(self, sale_id: str, customer_id: str, ago: int) -> None:
        self.say(self.command("loyalty.claim", sale_id=sale_id, customer_id=customer_id), ago)

    @rule(sale_id=sale_ids, ago=ago_h, yes=rarely)
    def void_sale(self, sale_id: str, ago: int, yes: bool) -> None:  # noqa: FBT001  drawn
        if yes:
            self.say(void("sale", sale_id), ago)

    @rule(data=st.data(), ago=ago_h, yes=rarely)
    def void_return(self, data: st.DataObject, ago: int, yes: bool) -> None:  # noqa: FBT001  drawn
        if yes and self.count:
            self.say(void("return", f"R{data.draw(st.integers(1, self.count))}"), ago)

    @rule(
        tender_id=tender_ids,
        payer=st.sampled_from(["G", "G", "H", "K"]),
        customer_id=customers,
        data=st.data(),
        ago=ago_h,
    )
    def request(self, tender_id: str, payer: str, customer_id: str, data: st.DataObject, ago: int) -> None:
        kind = TENDERS[tender_id]
        said = data.draw(requests(tender_id, kind, payer if kind == "gift_card" else customer_id, ["S1", "S2", None]))
        more = {"sale_total_minor": data.draw(maybe), "eligible_minor": data.draw(st.none() | small)}
        told = self.say((said[0], {**said[1], **more}), ago)
        own = told[0]["data"] if told and "data" in told[0] and not told[0].get("replayed") else {}
        if own.get("status") in ("approved", "partial"):
            assert 0 < own["tender"]["approved_minor"] <= own["tender"]["requested_minor"]
        elif own:
            assert own["tender"]["approved_minor"] == 0

    @rule(tender_id=tender_ids, amount=maybe, ago=ago_h)
    def captured(self, tender_id: str, amount: int | None, ago: int) -> None:
        self.say(capture(tender_id, amount), ago)

    @rule(tender_id=tender_ids, ago=ago_h, yes=rarely)
    def void_tender(self, tender_id: str, ago: int, yes: bool) -> None:  # noqa: FBT001  drawn
        if yes:
            self.say(void("tender", tender_id), ago)
