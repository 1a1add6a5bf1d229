"""Properties of every sale and its returns, and of every duplicate."""

from collections.abc import Sequence
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from tests.domain.documents import Basket, Data, Said, command, policies, requests, returns, sales, void
from tests.domain.invariants import check
from tests.domain.room import Room, document
from tests.domain.stage import BASE, microseconds
from tests.domain.test_order import totals
from worker.domain.rules.earning import spread
from worker.domain.state.policy import PointValue

NOW_US = microseconds(BASE)
AT = "2026-03-01T12:00:00Z"


def read(room: Room, said: Said) -> Data:
    """The document's own outcome; what it set free goes on."""
    type_, data = said
    told = room.read(document(type_, data, NOW_US), NOW_US)
    list(room.work(NOW_US))
    check(room)
    return dict(told[0]["data"])


def room_with(policy: Data, *said: Said) -> Room:
    room = Room()
    read(room, command("policy.put", "P", policy=policy, effective_from="2020-01-01T00:00:00Z"))
    read(room, command("customer.create", "N", customer_id="C"))
    for one in said:
        read(room, one)
    return room


def balance(room: Room, customer_id: str = "C") -> int:
    return int(next(account.balance for (_, key), account in room.accounts.items() if key == customer_id))


def return_of(return_id: str, sale_id: str | None, parts: Sequence[tuple[int, int]]) -> Said:
    """`parts`: (line of the sale, what comes back of it)."""
    returned = [
        {"line_id": place, "sale_line_id": line_id if sale_id else None, "net_minor": part}
        for place, (line_id, part) in enumerate(parts, 1)
    ]
    data = {"return_id": return_id, "sale_id": sale_id, "customer_id": "C", "currency": "GBP", "occurred_at": AT}
    return "scm.return.completed", {**data, "lines": returned}


@st.composite
def pieces(draw: st.DrawFn, basket: Basket) -> list[list[tuple[int, int]]]:
    """Cut the sale's lines in pieces, over several returns, in any order."""
    cut = []
    for line_id, net in basket.nets.items():
        cuts = sorted(draw(st.sets(st.integers(1, net - 1), max_size=3))) if net > 1 else []
        cut += [(line_id, high - low) for low, high in zip([0, *cuts], [*cuts, net], strict=True) if high > low]
    cut = draw(st.permutations(cut))
    ends = sorted(draw(st.sets(st.integers(1, len(cut)), max_size=3))) if cut else []
    return [cut[low:high] for low, high in zip([0, *ends], [*ends, len(cut)], strict=True) if high > low]


@given(policies, sales("S1", ["C"], {"T1": "points", "T2": "gift_card"}), st.data())
def test_all_partial_returns_together_reverse_exactly_what_was_earned(
    policy: Data, basket: Basket, data: st.DataObject
) -> None:
    room = room_with(policy)
    sold = read(room, basket.said)
    earned = {line["line_id"]: line["points"] for line in sold.get("lines", ())}
    assert sum(earned.values()) == sold["points"]["change"] == balance(room)
    for number, parts in enumerate(data.draw(pieces(basket))):
        back = read(room, return_of(f"R{number}", "S1", parts))
        assert back["status"] == "applied"
        assert 0 <= -back["points"]["change"] <= sum(earned.get(line_id, 0) for line_id, _ in parts)
        assert back["points"]["change"] == sum(line["points"] for line in back.get("lines", ()))
        assert balance(room) >= 0
    assert balance(room) == 0
    if sold_for := [(line_id, 1) for line_id, net in basket.nets.items() if net]:
        more = read(room, return_of("R", "S1", sold_for))
        assert (more["status"], more["reason"], balance(room)) == ("rejected", "over_returned", 0)


@given(policies, sales("S1", ["C"], {"T1": "points"}), st.data())
def test_a_void_takes_back_what_returns_left(policy: Data, basket: Basket, data: st.DataObject) -> None:
    room = room_with(policy, basket.said)
    for number, parts in enumerate(data.draw(pieces(basket))[:2]):
        read(room, return_of(f"R{number}", "S1", parts))
    left = balance(room)
    assert read(room, void("sale", "S1"))["points"]["change"] == -left
    assert balance(room) == 0


@given(policies, sales("S1", ["C"], {"T1": "points", "T2": "gift_card"}))
def test_points_of_a_sale_are_one_floor_of_an_exact_sum(policy: Data, basket: Basket) -> None:
    """Contract §2.2 Earning, written out naively."""
    lines = basket.said[1]["lines"]
    shares = dict.fromkeys(basket.nets, 0)
    for tender in basket.said[1]["tenders"]:
        if (tender["kind"], policy["earn"]["on_points_tender"]) == ("points", False) or (
            (tender["kind"], policy["earn"]["on_gift_card_tender"]) == ("gift_card", False)
        ):
            for line_id, share in spread(tender["amount_minor"], list(basket.nets.items())).items():
                shares[line_id] += share
    exact = {
        line["line_id"]: max(line["net_minor"] - shares[line["line_id"]], 0)
        * Fraction(policy["earn"]["points_per_unit"])
        * (Fraction("2.5") if line.get("category") and policy["earn"]["multipliers"] else 1)
        / 100
        for line in lines
        if line.get("item_type", "goods") == "goods" and not line.get("loyalty_excluded")
    }
    told = read(room_with(policy), basket.said)
    points = {line["line_id"]: line["points"] for line in told.get("lines", ())}
    assert sum(points.values()) == told["points"]["change"] == int(sum(exact.values()))
    assert all(0 <= points.get(line_id, 0) - int(value) <= 1 for line_id, value in exact.items())
    rounded_up = [value % 1 for line_id, value in exact.items() if points.get(line_id, 0) > int(value)]
    rounded_down = [value % 1 for line_id, value in exact.items() if points.get(line_id, 0) == int(value)]
    assert min(rounded_up, default=Fraction(1)) >= max(rounded_down, default=Fraction(0))


@given(st.integers(0, 5000), st.dictionaries(st.integers(1, 9), st.integers(0, 3000), min_size=1))
def test_a_spread_amount_adds_up(amount: int, nets: dict[int, int]) -> None:
    shares = spread(amount, list(nets.items()))
    total = sum(nets.values())
    assert sum(shares.values()) == (amount if total else 0)
    assert all(abs(shares[id_] - Fraction(amount * net, total)) < 1 for id_, net in nets.items() if total)


@given(st.sampled_from(["0.5", "0.3", "4", "1", "0.001"]), st.integers(1, 100), st.integers(0, 10**9))
def test_points_for_money_always_pay_it_and_never_a_step_too_many(value: str, step: int, amount_minor: int) -> None:
    worth = Fraction(value)
    point = PointValue(worth.numerator, worth.denominator, step)
    points = point.points(amount_minor)
    assert points % step == 0
    assert points * worth >= amount_minor > (points - step) * worth or amount_minor == points == 0
    assert point.money(points) >= amount_minor


@given(policies, st.integers(1, 300), st.lists(st.integers(1, 120), max_size=5))
def test_a_refund_to_points_returns_exactly(policy: Data, amount_minor: int, refunds: list[int]) -> None:
    """Points tender of x: P(x); giving back takes P(before) − P(after), so that all of it is P(x) again."""
    room = room_with(policy, command("loyalty.adjust", "A", customer_id="C", points=9999, reason="r", actor="a"))
    start = balance(room)
    asked = {"tender_id": "T1", "kind": "points", "customer_id": "C", "currency": "GBP", "occurred_at": AT}
    told = read(room, ("scm.tender.requested", {**asked, "amount_minor": amount_minor, "capture": True}))
    taken = start - balance(room)
    assert taken == told["tender"]["points"]
    back = 0
    for number, part in enumerate(refunds):
        refund = {"refund_id": "1", "kind": "points", "tender_id": "T1", "amount_minor": part}
        type_, data = return_of(f"R{number}", None, [(1, 1)])
        read(room, (type_, {**data, "customer_id": None, "refunds": [refund]}))
        back = min(back + part, amount_minor)
        assert start - taken <= balance(room) <= start
        assert (balance(room) == start) == (back == amount_minor or not taken)
    read(room, void("tender", "T1"))
    assert balance(room) == start


@given(st.data())
def test_a_duplicate_changes_nothing_and_gets_the_same_outcome(data: st.DataObject) -> None:
    basket = data.draw(sales("S1", ["C", None], {"T1": "points", "T2": "gift_card"}, "GH"))
    said = [
        command("giftcard.issue", "I", gift_card={"number": "6006-GGGGGGGG-0071"}, amount_minor=900, currency="GBP"),
        command("customer.create", "N", customer_id="C"),
        data.draw(requests("T1", "points", "C", [None, "S1"])),
        data.draw(requests("T2", "gift_card", "G", [None, "S1"])),
        basket.said,
        data.draw(returns("R1", basket, {"T1": "points", "T2": "gift_card"}, ["C"], "GK")),
        void("tender", "T2"),
        void("sale", "S1"),
    ]
    said = data.draw(st.permutations(said))
    once, twice = Room(), Room()
    for type_, body in said:
        first = once.read(document(type_, body, NOW_US), NOW_US) + list(once.work(NOW_US))
        again = twice.read(document(type_, body, NOW_US), NOW_US) + list(twice.work(NOW_US))
        assert first == again
        for earlier_type, earlier in data.draw(st.lists(st.sampled_from(said[: said.index((type_, body)) + 1]))):
            known = twice.known[earlier_type, document(earlier_type, earlier, NOW_US).subject]
            replayed = twice.read(document(earlier_type, earlier, NOW_US), NOW_US)
            assert len([item for item in replayed if item["type"].startswith("crm.outcome.")]) == len(known.outcomes)
            assert all(item["replayed"] for item in replayed)
    assert totals(once) == totals(twice)
    assert len(once.books.transfers) == len(twice.books.transfers)
