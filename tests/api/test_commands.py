"""Operations that decide something have the same identity, answers and rows as on the topics (contract §1, §5)."""

import asyncio

import asyncpg
import pytest

from tests.api.conftest import Caller, NewCaller, Serving, problem
from worker.codec.keyring import luhn
from worker.engine.pipeline import Pipeline

CARD = {"number": "6006-0017", "pin": "4711"}
ISSUE = {"gift_card": {"number": CARD["number"]}, "amount_minor": 2500, "currency": "GBP", "pin": "4711"}


def asks(tender_id: str, amount_minor: int, **more: object) -> dict[str, object]:
    return {"tender_id": tender_id, "currency": "GBP", "amount_minor": amount_minor, "kind": "gift_card",
            "gift_card": CARD, **more}  # fmt: skip


async def test_a_card_from_issue_to_capture(caller: Caller, connection: asyncpg.Connection) -> None:
    await caller.ok("giftcard.issue", ISSUE)
    authorized = await caller.ok("tender.authorize", asks("T1", 1000))
    assert (authorized["status"], authorized["tender"]["state"]) == ("approved", "authorized")
    captured = await caller.ok("tender.capture", {"tender_id": "T1", "amount_minor": 600})
    assert captured["gift_cards"][0]["balance_minor"] == 1900
    voided = await caller.ok("tender.void", {"tender_id": "T1"})
    assert voided["gift_cards"][0]["balance_minor"] == 2500
    assert await connection.fetch("SELECT * FROM imbalance") == []


@pytest.mark.parametrize("number", ["60060017", "6006 0017", " 6006-0017-"])
async def test_spellings_of_a_number_are_one_card(caller: Caller, number: str) -> None:
    issued = await caller.ok("giftcard.issue", ISSUE)
    found = await caller.ok("giftcard.get", {"gift_card": {**CARD, "number": number}})
    assert found["card_id"] == issued["gift_cards"][0]["card_id"]


async def test_a_rejection_is_a_problem_with_its_outcome(caller: Caller) -> None:
    await caller.ok("giftcard.issue", ISSUE)
    answer = await caller.post("tender.authorize", asks("T1", 9000))
    assert problem(answer) == (422, "insufficient-balance", "insufficient_balance")
    said = answer.json()
    assert said["detail"] == "the document was declined: insufficient balance"
    assert said["outcome"]["status"] == "declined"
    assert said["outcome"]["gift_cards"][0]["balance_minor"] == 2500
    assert answer.headers["idempotency-key"] == "T1"
    partial = await caller.ok("tender.authorize", asks("T2", 9000, allow_partial=True))
    assert (partial["status"], partial["tender"]["approved_minor"]) == ("partial", 2500)


async def test_a_parked_request_is_answered_later_with_its_outcome(caller: Caller, worker: Pipeline) -> None:
    await caller.ok("giftcard.issue", ISSUE)
    assert (await caller.ok("tender.capture", {"tender_id": "T1"}))["status"] == "parked"
    await caller.ok("tender.authorize", asks("T1", 300))
    while (applied := await worker.catch_up()) is not None:
        worker.published(applied.batch_no)
    answer = await caller.post("tender.capture", {"tender_id": "T1"})
    assert (answer.json()["status"], answer.headers["idempotency-replayed"]) == ("applied", "true")


async def test_the_same_key_and_body_gets_the_stored_answer(caller: Caller, connection: asyncpg.Connection) -> None:
    body = {"customer_id": "C", "points": 100}
    await caller.ok("customer.create", {"customer_id": "C"})
    first, again = [await caller.post("loyalty.earn", body, "K1") for _ in range(2)]
    assert first.content == again.content
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert again.headers["idempotency-key"] == first.headers["idempotency-key"] == "K1"
    assert await connection.fetchval("SELECT balance FROM account WHERE key = 'C'") == 100
    other = await caller.post("loyalty.earn", body | {"points": 101}, "K1")
    assert problem(other) == (409, "conflict", "conflict")
    assert other.headers["idempotency-key"] == "K1"


async def test_without_a_key_one_is_made_and_told(caller: Caller) -> None:
    await caller.ok("customer.create", {"customer_id": "C"})
    first = await caller.post("loyalty.earn", {"customer_id": "C", "points": 100})
    made = first.headers["idempotency-key"]
    again = await caller.post("loyalty.earn", {"customer_id": "C", "points": 100}, made)
    assert again.headers["idempotency-replayed"] == "true"
    assert again.json()["points"]["balance"] == 100


@pytest.mark.parametrize("then", ["authorized", "captured"])
async def test_an_approval_that_stands_is_repeated(caller: Caller, then: str) -> None:
    await caller.ok("giftcard.issue", ISSUE)
    first = await caller.post("tender.authorize", asks("T1", 1000))
    if then == "captured":
        await caller.ok("tender.capture", {"tender_id": "T1"})
    again = await caller.post("tender.authorize", asks("T1", 1000))
    assert (again.status_code, again.content) == (200, first.content)
    assert (again.headers["idempotency-replayed"], again.headers["crm-tender-state"]) == ("true", then)


@pytest.mark.parametrize(
    ("then", "amount_minor", "reason"),
    [
        ("voided", 1000, "already_voided"),
        ("expired", 1000, "hold_expired"),
        ("declined", 9000, "insufficient_balance"),
    ],
)
async def test_a_repeated_request_that_authorizes_nothing_is_no_yes(
    caller: Caller, worker: Pipeline, connection: asyncpg.Connection, then: str, amount_minor: int, reason: str
) -> None:
    await caller.ok("giftcard.issue", ISSUE)
    first = (await caller.post("tender.authorize", asks("T1", amount_minor, hold_s=1))).json()
    if then == "voided":
        await caller.ok("tender.void", {"tender_id": "T1"})
    if then == "expired":  # the topics have been read past the end of the hold
        await connection.execute(
            "INSERT INTO watermark (topic, partition, read_us) VALUES ('scm.sales', 0, 4611686018427387904)"
        )
        while await connection.fetchval("SELECT count(*) FROM timer"):
            await worker.catch_up(final=True)
    answer = await caller.post("tender.authorize", asks("T1", amount_minor, hold_s=1))
    assert problem(answer) == (409, "invalid-state", reason)
    assert answer.json()["outcome"] == (first["outcome"] if then == "declined" else first)
    assert (answer.headers["idempotency-replayed"], answer.headers["crm-tender-state"]) == ("true", then)


async def test_a_rejection_is_replayed_too(caller: Caller) -> None:
    answers = [await caller.post("loyalty.redeem", {"customer_id": "nobody", "points": 1}, "K") for _ in range(2)]
    assert [problem(one) for one in answers] == [(404, "not-found", "customer_not_found")] * 2
    assert [one.headers.get("idempotency-replayed") for one in answers] == [None, "true"]


async def test_a_tender_may_take_its_id_from_the_key(caller: Caller) -> None:
    await caller.ok("giftcard.issue", ISSUE)
    body = {name: value for name, value in asks("", 100).items() if name != "tender_id"}
    assert (await caller.ok("tender.authorize", body, "T7"))["tender_id"] == "T7"
    made = await caller.post("tender.authorize", body)
    assert made.json()["tender_id"] == made.headers["idempotency-key"]
    both = await caller.post("tender.authorize", asks("T8", 100), "of my own")
    assert both.headers["idempotency-key"] == both.json()["tender_id"] == "T8"
    assert problem(await caller.post("tender.capture", {}, "T7")) == (400, "invalid-request", "invalid")


async def test_a_generated_number_is_told_here_and_nowhere_else(caller: Caller, connection: asyncpg.Connection) -> None:
    body = {"amount_minor": 2500, "currency": "GBP"}
    first = await caller.post("giftcard.issue", body, "I1")
    number = first.json()["number"]
    assert len(number) == 19
    assert number.startswith("6")
    assert luhn(number[:-1]) == number[-1]
    assert first.json()["gift_cards"][0]["last4"] == number[-4:]
    again = await caller.post("giftcard.issue", body | {"gift_card": {"number": None}}, "I1")
    assert again.content == first.content
    assert again.headers["idempotency-replayed"] == "true"
    other = await caller.ok("giftcard.issue", body, "I2")
    assert other["number"] != number
    reload = {"gift_card": {"number": number}, "amount_minor": 100, "currency": "GBP"}
    assert (await caller.ok("giftcard.reload", reload))["gift_cards"][0]["balance_minor"] == 2600
    stored = [
        bytes(value) for row in await connection.fetch("SELECT facts, record FROM event") for value in row if value
    ]
    assert not [value for value in stored if number.encode() in value]


async def test_a_generated_number_stays_the_same_when_the_card_key_changes(serving: Serving, caller: Caller) -> None:
    body = {"amount_minor": 2500, "currency": "GBP"}
    before = await caller.ok("giftcard.issue", body, "I1")
    old = caller.service.settings.card_key.get_secret_value()
    async with serving(card_key="cd" * 32, card_keys_old=old) as rotated:
        later = Caller(rotated, rotated.http(caller.http.headers), caller.key_id, caller.secret)
        after = await later.post("giftcard.issue", body, "I1")
        assert (after.json(), after.headers["idempotency-replayed"]) == (before, "true")
        conflict = await later.post("giftcard.issue", body | {"amount_minor": 1}, "I1")
        assert problem(conflict) == (409, "conflict", "conflict")
        fresh = await later.ok("giftcard.issue", body, "I2")
        assert fresh["number"] not in (before["number"], None)


async def test_only_card_trusted_needs_no_pin(caller: Caller, new_caller: NewCaller) -> None:
    card_id = (await caller.ok("giftcard.issue", ISSUE))["gift_cards"][0]["card_id"]
    body = {"gift_card": {"card_id": card_id}, "amount_minor": 100, "currency": "GBP"}
    assert problem(await caller.post("giftcard.redeem", body)) == (404, "not-found", "card_not_accepted")
    trusted = await new_caller("giftcard:write", "card:trusted")
    assert (await trusted.ok("giftcard.redeem", body))["gift_cards"][0]["balance_minor"] == 2400


@pytest.mark.parametrize("member", ["occurred_at", "command_id"])
async def test_a_body_must_not_have_members_that_the_api_fills_in(caller: Caller, member: str) -> None:
    answer = await caller.post("customer.create", {member: "2026-01-01T00:00:00Z"})
    assert problem(answer) == (400, "invalid-request", "invalid")
    assert answer.json()["detail"] == f"{member}: absent, the API sets it"


async def test_requests_that_arrive_together_share_a_transaction(
    caller: Caller, connection: asyncpg.Connection
) -> None:
    await caller.ok("customer.create", {"customer_id": "C"})
    before = await connection.fetchval("SELECT count(*) FROM batch")
    body = {"customer_id": "C", "points": 1}
    answers = await asyncio.gather(*(caller.ok("loyalty.earn", body) for _ in range(50)))
    assert sorted(one["points"]["balance"] for one in answers) == list(range(1, 51))
    batches = await connection.fetchval("SELECT count(*) FROM batch") - before
    assert batches < 25
    assert await connection.fetchval("SELECT max(documents) FROM batch") > 1


async def test_the_same_request_twice_at_once_is_one_document(caller: Caller, connection: asyncpg.Connection) -> None:
    await caller.ok("customer.create", {"customer_id": "C"})
    body = {"customer_id": "C", "points": 5}
    answers = await asyncio.gather(*(caller.post("loyalty.earn", body, "K") for _ in range(8)))
    assert {one.content for one in answers} == {answers[0].content}
    assert sorted(one.headers.get("idempotency-replayed", "") for one in answers) == ["", *["true"] * 7]
    assert await connection.fetchval("SELECT balance FROM account WHERE key = 'C'") == 5


async def test_training_is_ignored(caller: Caller) -> None:
    answer = await caller.ok("tender.authorize", asks("T1", 100, training=True))
    assert (answer["status"], answer["reason"]) == ("ignored", "training")


async def test_an_amount_too_large_for_the_ledger_fails_its_sender_only(
    caller: Caller, connection: asyncpg.Connection
) -> None:
    for customer_id in "C", "D":
        await caller.ok("customer.create", {"customer_id": customer_id})
        await caller.ok("loyalty.earn", {"customer_id": customer_id, "points": 1})
    await connection.execute("UPDATE account SET balance = 9223372036854775807 WHERE key = 'C'")
    names = ["D", "C", "D", "D"]
    answers = await asyncio.gather(*(caller.post("loyalty.earn", {"customer_id": name, "points": 1}) for name in names))
    assert [one.status_code for one in answers] == [200, 400, 200, 200]
    assert problem(answers[1]) == (400, "invalid-request", "refused_by_database")
    assert await connection.fetchval("SELECT balance FROM account WHERE key = 'D'") == 4


GENERATED = {"amount_minor": 100, "currency": "GBP"}


async def test_a_generated_number_goes_to_the_key_that_issued_the_card(
    caller: Caller, new_caller: NewCaller, connection: asyncpg.Connection
) -> None:
    other = await new_caller()
    issued = await caller.ok("giftcard.issue", GENERATED, "I1")
    for _ in range(2):
        seen = await other.ok("giftcard.issue", GENERATED, "I1")
        assert seen == {name: value for name, value in issued.items() if name != "number"}
        assert (await caller.ok("giftcard.issue", GENERATED, "I1"))["number"] == issued["number"]
    session = await caller.ok("session.create", {"scopes": ["giftcard:write"]})
    bearer = {"X-Orgcode": "acme", "Authorization": f"Bearer {session['token']}"}
    async with caller.service.http(bearer) as http:
        again = await http.post("/giftcard/issue", json=GENERATED, headers={"Idempotency-Key": "I1"})
    assert again.json()["number"] == issued["number"]

    await connection.execute("DELETE FROM card_issuer")  # as of a card of an earlier version
    for asker in (other, other, caller):
        assert "number" not in await asker.ok("giftcard.issue", GENERATED, "I1")


async def test_only_the_issuer_of_a_card_gets_its_number(
    caller: Caller, new_caller: NewCaller, connection: asyncpg.Connection
) -> None:
    """Another key asked first, and its request was never decided."""
    other = await new_caller()
    await connection.execute("INSERT INTO card_issuer VALUES ('acme', 'I1', $1)", other.key_id)
    issued = await caller.ok("giftcard.issue", GENERATED, "I1")
    assert (await caller.ok("giftcard.issue", GENERATED, "I1"))["number"] == issued["number"]
    assert "number" not in await other.ok("giftcard.issue", GENERATED, "I1")
