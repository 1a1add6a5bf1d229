"""Facts end in the same account totals whatever their order of arrival (contract §2.2 "What waits")."""

from typing import Any

from hypothesis import given, note
from hypothesis import strategies as st

from tests.domain.documents import CARDS, Said, capture, card, command, policies, requests, returns, sales, void
from tests.domain.invariants import check
from tests.domain.room import Room, document, keyring
from tests.domain.stage import BASE, microseconds
from worker.domain.state.accounts import AccountType

NOW_US = microseconds(BASE)
CUSTOMERS = ["C", "D", None]


@st.composite
def worlds(draw: st.DrawFn) -> tuple[list[Said], list[Said], list[Said]]:
    """What is there beforehand, what tills ask, and facts. Card and customer can always pay, so that a request is
    decided alike wherever it stands; C's record, the cards H and K come with the facts.

    Each tender is one sale's, which names it if a request says so: of two sales the first owns it, and a hold that its
    sale does not name ends with the sale, so there the order counts (contract SALE12).
    """
    before = [
        command("policy.put", "P", policy=draw(policies), effective_from="2020-01-01T00:00:00Z"),
        command("giftcard.issue", "I", gift_card=card("G"), amount_minor=50_000, currency="GBP"),
        command("customer.create", "ND", customer_id="D"),
        command("loyalty.adjust", "A", customer_id="D", points=1_000_000, reason="start", actor="test"),
    ]
    tenders = {"T1": "gift_card", "T2": "points", "T3": "gift_card"}
    facts = [command("customer.create", "NC", customer_id="C")]
    sale_of: dict[str, str] = {}
    for number in range(1, draw(st.integers(2, 4))):
        free = {tender_id: kind for tender_id, kind in tenders.items() if tender_id not in sale_of}
        basket = draw(sales(f"S{number}", CUSTOMERS, free, "HK"))
        sale_of |= dict.fromkeys(basket.tenders, basket.sale_id)
        facts.append(basket.said)
        facts += [
            draw(returns(f"R{number}{place}", basket, tenders, CUSTOMERS, "HK"))
            for place in range(draw(st.integers(0, 3)))
        ]
        facts += [void("return", f"R{number}{place}") for place in range(3) if draw(st.integers(0, 3)) == 0]
        facts += [void("sale", basket.sale_id)] * draw(st.booleans())
    asked = [
        draw(requests(tender_id, kind, "G" if kind == "gift_card" else "D", [None, sale_of.get(tender_id)]))
        for tender_id, kind in tenders.items()
    ]
    facts += [draw(returns("R0", None, tenders, ["C", "D", None], "HK"))] * draw(st.booleans())
    facts += [void("return", "R0")] * draw(st.booleans())
    facts += [void("tender", tender_id) for tender_id in tenders if draw(st.integers(0, 3)) == 0]
    named = draw(st.sets(st.sampled_from(sorted(tenders))))
    facts += [capture(tender_id, draw(st.none() | st.integers(1, 500))) for tender_id in sorted(named)]
    return before, asked, facts


def totals(room: Room) -> dict[Any, tuple[int, int]]:
    """(balance, held) of every account that is not empty; cards by their number, whoever opened them."""
    tokens = {keyring().number(number).tokens[0]: number for number in CARDS.values()}
    numbers = {card_id: tokens[token] for token, card_id in room.books.cards.items()}
    found = {
        numbers.get(key, key) if type_ is AccountType.CARD else (type_, key): (account.balance, account.held)
        for (type_, key), account in room.accounts.items()
    }
    return {key: total for key, total in found.items() if total != (0, 0)}


def play(said: list[Said], *, at_once: bool = True) -> Room:
    """A room after these documents. `at_once`: what becomes ready goes on before the next document, else at the end."""
    room = Room()
    for type_, data in said:
        room.read(document(type_, data, NOW_US), NOW_US)
        if at_once:
            list(room.work(NOW_US))
    list(room.work(NOW_US))
    check(room)
    return room


@given(worlds(), st.data())
def test_of_facts_after_the_requests(world: tuple[list[Said], list[Said], list[Said]], data: st.DataObject) -> None:
    before, asked, facts = world
    note(str(facts))
    straight = play([*before, *asked, *facts])
    shuffled = play([*before, *asked, *data.draw(st.permutations(facts))], at_once=data.draw(st.booleans()))
    assert totals(straight) == totals(shuffled)
    assert not shuffled.parked.keys() - straight.parked.keys()


@given(worlds(), st.data())
def test_of_facts_and_of_requests_that_can_always_pay(
    world: tuple[list[Said], list[Said], list[Said]], data: st.DataObject
) -> None:
    before, asked, facts = world
    straight = play([*before, *asked, *facts])
    shuffled = play([*before, *data.draw(st.permutations([*asked, *facts]))], at_once=data.draw(st.booleans()))
    assert totals(straight) == totals(shuffled)
    assert straight.parked.keys() == shuffled.parked.keys()
