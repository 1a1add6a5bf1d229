"""Rates of keys; and a refused card tells nothing (contract §2.2 Safety)."""

import asyncio
import contextlib
from dataclasses import dataclass, field

import asyncpg
import pytest

from tests.api.conftest import Caller, NewCaller, Service, Serving, problem
from worker.api.guesses import Guesses
from worker.api.limits import STEP_S, Limits
from worker.api.problem import Problem
from worker.ledger.api_keys import Caller as KeyCaller

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
    limits = Limits(requests_per_s=2, clock=clock)
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
    return [
        ("giftcard.redeem", {"gift_card": card, **money}),
        ("giftcard.transfer", {"from_card": card, "to_card": card}),
        ("tender.authorize", {"kind": "gift_card", "gift_card": card, **money}),
        ("giftcard.get", {"gift_card": card}),
        ("giftcard.history", {"gift_card": card}),
    ]


@pytest.mark.parametrize("at", range(5))
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
    assert clock.slept == [STEP_S] * 3
    name, body = bodies(RIGHT)[at]
    assert "card_not_accepted" not in (await caller.post(name, body)).text
    assert len(clock.slept) == 3


@pytest.mark.parametrize("took_s", [0.0, 0.07, 0.128, 0.3, 0.499])
async def test_a_refusal_comes_at_the_end_of_its_step_however_long_it_took(took_s: float) -> None:
    """Under load a wrong PIN takes longer than an absent card; both are told at the same time."""
    clock = Clock()
    limits = Limits(1, clock, clock.sleep)
    began = clock.now
    clock.now += took_s
    await limits.refuse(began)
    assert round(clock.now - began, 6) == STEP_S


async def test_too_many_cards_that_are_not_accepted(serving: Serving, new_caller: NewCaller) -> None:
    async with serving(api_card_misses_per_min=5) as strict:
        caller, other = await new_caller(of=strict), await new_caller(of=strict)
        await caller.ok("giftcard.issue", ISSUE)
        for name, body in bodies(ABSENT):
            assert "card_not_accepted" in (await caller.post(name, body)).text
        simulated: dict[str, object] = {"type": "crm.giftcard.freeze", "data": {"gift_card": NO_PIN}}
        more: list[tuple[str, dict[str, object]]] = [("event.simulate", simulated), ("giftcard.issue", {**ISSUE})]
        for card in ABSENT, RIGHT:
            for name, body in bodies(card) + more:
                answer = await caller.post(name, body)
                assert problem(answer) == (429, "too-many-requests", "card_misses_limited")
                assert 0 < int(answer.headers["retry-after"]) <= 12
        points = {"kind": "points", "customer_id": "C", "amount_minor": 1, "currency": "GBP"}
        assert problem(await caller.post("tender.authorize", points))[2] == "customer_not_found"
        assert (await caller.post("giftcard.issue", {"amount_minor": 1, "currency": "GBP"})).status_code == 200
        assert (await other.post("giftcard.redeem", bodies(RIGHT)[0][1])).status_code == 200


TOO_MUCH = {"amount_minor": 10**9, "currency": "GBP"}
PROBES: list[tuple[str, dict[str, object]]] = [
    ("giftcard.issue", {"gift_card": {"number": "6006-9999"}, **TOO_MUCH}),
    ("giftcard.issue", {"gift_card": {"number": "6006-0017"}, **TOO_MUCH}),
    ("giftcard.freeze", {"gift_card": ABSENT}),
    ("giftcard.reload", {"gift_card": ABSENT, **TOO_MUCH}),
    ("event.simulate", {"type": "crm.giftcard.freeze", "data": {"gift_card": NO_PIN}}),
    ("event.simulate", {"type": "crm.giftcard.freeze", "data": {"gift_card": {"number": "6006-9999"}}}),
]  # fmt: skip


@pytest.mark.parametrize("place", range(len(PROBES)))
async def test_every_answer_that_reveals_a_number_counts_as_a_guess(
    serving: Serving, new_caller: NewCaller, place: int
) -> None:
    async with serving(api_card_misses_per_min=1) as strict:
        name, body = PROBES[place]
        maker, prober = await new_caller(of=strict), await new_caller(of=strict)
        await maker.ok("giftcard.issue", ISSUE)
        assert (await prober.post(name, body)).status_code != 429
        assert problem(await prober.post(name, body))[2] == "card_misses_limited"


async def test_good_cards_cost_nothing(serving: Serving, new_caller: NewCaller) -> None:
    async with serving(api_card_misses_per_min=2) as strict:
        caller = await new_caller(of=strict)
        await caller.ok("giftcard.issue", ISSUE)
        trusted = await new_caller("ops", "card:trusted", of=strict)
        for _ in range(4):
            assert await caller.ok("giftcard.get", {"gift_card": RIGHT})
            assert await trusted.ok("event.simulate", {"type": "crm.giftcard.freeze", "data": {"gift_card": NO_PIN}})


async def test_many_good_cards_at_once_wait_for_their_turn(serving: Serving, new_caller: NewCaller) -> None:
    async with serving(api_card_misses_per_min=2) as strict:
        caller = await new_caller(of=strict)
        await caller.ok("giftcard.issue", ISSUE)
        answers = await asyncio.gather(*(caller.post("giftcard.get", {"gift_card": RIGHT}) for _ in range(20)))
        assert {one.status_code for one in answers} == {200}


@pytest.mark.parametrize("processes", [1, 2])
async def test_guesses_at_once_count_over_all_processes(
    serving: Serving, new_caller: NewCaller, processes: int
) -> None:
    """Exactly as many are answered as one after the other: none slips through while others are looked up."""
    async with contextlib.AsyncExitStack() as stack:
        apis = [await stack.enter_async_context(serving(api_card_misses_per_min=5)) for _ in range(processes)]
        caller = await new_caller(of=apis[0])
        interfaces = [
            Caller(api, await stack.enter_async_context(api.http(dict(caller.http.headers))), "", "") for api in apis
        ]
        name, body = bodies(ABSENT)[0]
        answers = await asyncio.gather(*(interface.post(name, body) for interface in interfaces for _ in range(20)))
        told = [one.json()["reason"] for one in answers]
        assert sorted(set(told)) == ["card_misses_limited", "card_not_accepted"]
        assert told.count("card_not_accepted") == 5


async def test_all_keys_of_a_tenant_share_a_limit(serving: Serving, new_caller: NewCaller) -> None:
    async with serving(api_card_misses_per_min=2, api_tenant_card_misses_per_min=3) as strict:
        one, two = await new_caller(of=strict), await new_caller(of=strict)
        foreign = await new_caller(of=strict, orgcode="other")
        name, body = bodies(ABSENT)[0]
        reasons = [problem(await caller.post(name, body))[2] for caller in (one, one, one, two, two)]
        limited, missed = "card_misses_limited", "card_not_accepted"
        assert reasons == [missed, missed, limited, missed, limited]
        assert problem(await foreign.post(name, body))[2] == missed


async def test_free_tokens_go_back_to_the_other_processes(service: Service, connection: asyncpg.Connection) -> None:
    guesses = Guesses(service.pool, 2, 9)
    asker = KeyCaller("acme", "k-1", frozenset())
    async with guesses.guess(asker) as first, guesses.guess(asker) as second:
        first.accepted, second.accepted = True, False
    statement = "SELECT tokens FROM guess_limit WHERE what = 'key'"
    assert int(await connection.fetchval(statement)) == 0
    assert await guesses._tokens["key", "acme/k-1"].return_free()
    assert int(await connection.fetchval(statement)) == 1


def test_a_caller_with_the_scope_bulk_has_a_bucket_of_its_own_and_a_higher_rate() -> None:
    limits = Limits(requests_per_s=1, clock=lambda: 0.0, bulk_requests_per_s=3)
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
