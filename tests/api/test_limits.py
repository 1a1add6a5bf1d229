"""How much a key may ask, and what a card that is not accepted gives away: nothing (contract §2.2 Safety)."""

import asyncio
from dataclasses import dataclass, field

import pytest

from tests.api.conftest import Caller, NewCaller, Serving, problem
from worker.api.limits import BEAT_S, Limits
from worker.api.problem import Problem

ISSUE = {"gift_card": {"number": "6006-0017"}, "amount_minor": 2500, "currency": "GBP", "pin": "4711"}
ABSENT = {"number": "6006-9999", "pin": "4711"}
WRONG_PIN = {"number": "6006-0017", "pin": "0000"}
NO_PIN = {"number": "6006-0017"}
RIGHT = {"number": "6006-0017", "pin": "4711"}


@dataclass
class Clock:
    """Time that a test makes pass."""

    now: float = 100.0
    slept: list[float] = field(default_factory=list)

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def test_a_bucket_refills() -> None:
    clock = Clock()
    limits = Limits(requests_per_s=2, misses_per_min=1, clock=clock)
    left = [limits.count("k")["RateLimit"] for _ in range(20)]
    assert (left[0], left[-1]) == ('"key";r=19;t=1', '"key";r=0;t=10')
    for _ in range(3):  # asking in vain takes nothing
        clock.now += 0.1
        with pytest.raises(Problem) as refused:
            limits.count("k")
        assert refused.value.headers["Retry-After"] == "1"
    limits.count("another")
    clock.now += 0.25
    assert limits.count("k")["RateLimit"] == '"key";r=0;t=10'
    clock.now += 1000
    assert limits.count("k")["RateLimit"] == '"key";r=19;t=1'


async def test_too_many_requests_of_a_key(serving: Serving, new_caller: NewCaller) -> None:
    async with serving(api_requests_per_s=1) as slow:
        caller, other = await new_caller(of=slow), await new_caller(of=slow)
        answers = [await caller.post("customer.create") for _ in range(12)]
        assert [one.status_code for one in answers[:10]] == [200] * 10
        assert problem(answers[-1]) == (429, "too-many-requests", "rate_limited")
        assert int(answers[-1].headers["retry-after"]) == 1
        assert answers[-1].headers["ratelimit"].startswith('"key";r=0;')
        session = await other.ok("session.create")
        assert session["token"]


def bodies(card: dict[str, str]) -> list[tuple[str, dict[str, object]]]:
    """Every operation that looks a card up by what the caller knows of it."""
    money = {"amount_minor": 1, "currency": "GBP"}
    event = {"kind": "gift_card", "gift_card": card, **money}
    return [
        ("giftcard.redeem", {"gift_card": card, **money}),
        ("giftcard.transfer", {"from_card": card, "to_card": card}),
        ("tender.authorize", {"kind": "gift_card", "gift_card": card, **money}),
        ("event.simulate", {"type": "scm.tender.requested", "data": event}),
        ("giftcard.get", {"gift_card": card}),
        ("giftcard.history", {"gift_card": card}),
    ]


@pytest.mark.parametrize("at", range(6))
async def test_an_absent_card_and_a_wrong_pin_answer_alike_on_the_beat(caller: Caller, at: int) -> None:
    await caller.ok("giftcard.issue", ISSUE)
    limits, clock = caller.service.api._limits, Clock()
    limits._clock, limits._sleep = clock, clock.sleep
    told = set()
    for card in ABSENT, WRONG_PIN, NO_PIN:
        name, body = bodies(card)[at]
        clock.now += 0.034
        answer = await caller.post(name, body)
        said = {key: value for key, value in answer.json().items() if key not in ("instance", "request_id")}
        for part in said.get("outcome", {}), said.get("outcome", {}).get("tender", {}):
            part.pop("tender_id", None)  # a new one each time
        assert "card_not_accepted" in answer.text
        told.add((answer.status_code, str(said)))
    assert len(told) == 1
    assert clock.slept == [BEAT_S] * 3
    name, body = bodies(RIGHT)[at]
    assert "card_not_accepted" not in (await caller.post(name, body)).text
    assert len(clock.slept) == 3


async def test_the_beat_counts_from_the_beginning() -> None:
    clock = Clock()
    limits = Limits(1, 9, clock, clock.sleep)
    for took in 0.03, 0.07, 0.13:
        began = clock.now
        clock.now += took
        await limits.missed("k", began)
        assert round((clock.now - began) / BEAT_S, 6) in (1, 2)


async def test_too_many_cards_that_are_not_accepted(serving: Serving, new_caller: NewCaller) -> None:
    async with serving(api_card_misses_per_min=5) as strict:
        caller, other = await new_caller(of=strict), await new_caller(of=strict)
        await caller.ok("giftcard.issue", ISSUE)
        for name, body in bodies(ABSENT)[:5]:
            assert "card_not_accepted" in (await caller.post(name, body)).text
        for card in ABSENT, RIGHT:
            for name, body in bodies(card):
                answer = await caller.post(name, body)
                assert problem(answer) == (429, "too-many-requests", "card_misses_limited")
                assert 0 < int(answer.headers["retry-after"]) <= 12
        points = {"kind": "points", "customer_id": "C", "amount_minor": 1, "currency": "GBP"}
        assert problem(await caller.post("tender.authorize", points))[2] == "customer_not_found"
        assert (await other.post("giftcard.redeem", bodies(RIGHT)[0][1])).status_code == 200


async def test_guesses_at_once_end_too(serving: Serving, new_caller: NewCaller) -> None:
    async with serving(api_card_misses_per_min=5) as strict:
        caller = await new_caller(of=strict)
        name, body = bodies(ABSENT)[0]
        await asyncio.gather(*(caller.post(name, body) for _ in range(20)))
        assert problem(await caller.post(name, body))[2] == "card_misses_limited"


def test_a_caller_with_the_scope_bulk_has_a_bucket_of_its_own_and_a_higher_rate() -> None:
    limits = Limits(requests_per_s=1, misses_per_min=1, clock=lambda: 0.0, bulk_requests_per_s=3)
    assert "q=30;w=10" in limits.count("k-1", bulk=True)["RateLimit-Policy"]
    for _ in range(29):
        limits.count("k-1", bulk=True)
    with pytest.raises(Problem):
        limits.count("k-1", bulk=True)
    assert "q=10;w=10" in limits.count("k-1")["RateLimit-Policy"]


async def test_a_key_with_the_scope_bulk(serving: Serving, new_caller: NewCaller) -> None:
    async with serving(api_requests_per_s=1, api_bulk_requests_per_s=2) as slow:
        caller = await new_caller("customer:write", "bulk", of=slow)
        answers = [await caller.post("customer.create") for _ in range(12)]
        assert [one.status_code for one in answers] == [200] * 12
