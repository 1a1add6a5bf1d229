"""Outcomes as bytes: a function of what is stored, whenever they are published (contract §1, §3)."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.outcomes import NOTICES, TENDER_NOTICES, OutcomeEnvelope
from schemas.reasons import Reason
from schemas.registry import DOCUMENTS
from tests.codec.records import NOW_MS
from tests.schemas.contract_page import CATEGORY
from worker.codec import DocumentOutcome, Outlet
from worker.codec.encode import event_id
from worker.domain.state.accounts import AccountType
from worker.domain.state.identity import account_id
from worker.domain.state.outcome import CardPart, Outcome, PointsPart, TenderPart, in_a_row
from worker.domain.state.tender import State
from worker.stored.codes import STATUS_CODE
from worker.stored.outcome import OutcomeV1
from worker.stored.packing import pack, unpack

OUTLET = Outlet("out", "tender-out", "group")
NOW_US = NOW_MS * 1000
ids = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=12)
amount = st.integers(0, 10**15)
reason = st.none() | st.sampled_from(sorted(Reason))
points = st.builds(
    PointsPart, st.integers(-(10**15), 10**15), st.integers(-(10**15), 10**15), amount, amount, amount, amount, reason,
    st.booleans(), st.none() | st.tuples(st.sampled_from(AccountType), ids),
)  # fmt: skip
cards = st.builds(
    CardPart, ids | st.just(""), st.sampled_from(["", "0017"]), st.just("GBP"), st.integers(-9, 9),
    st.integers(-9, 9), amount, amount, reason,
)  # fmt: skip
tenders = st.builds(
    TenderPart, ids, st.sampled_from([state.value for state in State]), amount, amount, amount, amount,
    st.none() | amount, st.none() | st.integers(0, NOW_US), reason, st.booleans(), st.booleans(), st.none() | ids,
    st.none() | points,
)  # fmt: skip
outcomes = st.builds(
    Outcome,
    st.sampled_from(sorted(STATUS_CODE)),
    reason,
    customer_id=st.none() | ids,
    sale_id=st.none() | ids,
    return_id=st.none() | ids,
    tender_id=st.none() | ids,
    points=st.none() | points,
    gift_cards=st.lists(cards, max_size=2),
    tender=st.none() | tenders,
    tenders=st.lists(tenders, max_size=2),
    lines=st.dictionaries(st.integers(1, 1000), st.integers(-(10**15), 10**15), max_size=3).map(in_a_row),
    policy_version=st.none() | st.integers(0, 9),
)
types = st.sampled_from(sorted(DOCUMENTS))


@given(outcomes, types, ids, st.integers(0, 2), st.integers(0, NOW_US))
def test_a_repeated_outcome_has_the_same_bytes(
    outcome: Outcome, type_: str, subject: str, step: int, at_us: int
) -> None:
    facts = OutcomeV1.of(outcome, subject, at_us)
    stored = OutcomeV1.restore(unpack(pack(facts.members())))
    fresh = OUTLET.messages(DocumentOutcome("acme", type_, subject, step, facts))
    replayed = OUTLET.messages(DocumentOutcome("acme", type_, subject, step, stored, (("crm-replayed", b"true"),)))
    assert [(one.topic, one.key, one.value) for one in fresh] == [(one.topic, one.key, one.value) for one in replayed]
    assert all(one.headers == () for one in fresh)
    assert all(one.headers == (("crm-replayed", b"true"),) for one in replayed)


@given(outcomes, types, ids, st.integers(0, 2))
def test_an_outcome_is_as_published_schemas_say(outcome: Outcome, type_: str, subject: str, step: int) -> None:
    first, *changed = OUTLET.messages(
        DocumentOutcome("acme", type_, subject, step, OutcomeV1.of(outcome, subject, NOW_US))
    )
    value = orjson.loads(first.value or b"")
    assert list(value) == [
        "specversion", "id", "source", "type", "subject", "orgcode", "time", "datacontenttype", "data",
    ]  # fmt: skip
    assert value["type"] == "crm.outcome." + type_.split(".", 1)[1]
    assert (value["subject"], value["orgcode"], value["time"]) == (subject, "acme", "2026-03-01T12:00:00Z")
    data = value["data"]
    assert data.get("reason") == outcome.reason
    assert (outcome.reason is None) == ("category" not in data)
    assert {name: data.get(name) for name in ("customer_id", "sale_id", "return_id", "tender_id")} == {
        "customer_id": outcome.customer_id, "sale_id": outcome.sale_id, "return_id": outcome.return_id,
        "tender_id": outcome.tender_id,
    }  # fmt: skip
    shown = data.get("lines", [])
    assert [number for line in shown for number in (line["line_id"], line["points"])] == outcome.lines
    if type_.startswith("scm.tender."):
        assert (first.topic, first.key) == ("tender-out", subject.encode())
    else:
        assert (first.topic, first.key) == ("out", (outcome.customer_id or subject).encode())
    moved = [part for part in outcome.tenders if part.moved]
    assert [one.key for one in changed] == [part.tender_id.encode() for part in moved]
    for one, part in zip(changed, moved, strict=True):
        notice = orjson.loads(one.value or b"")
        assert (one.topic, notice["type"], notice["subject"]) == ("tender-out", "crm.tender.changed", part.tender_id)
        assert notice["data"]["cause"] == {"type": type_, "id": subject}
        assert notice["data"]["tender"]["state"] == part.state


def test_every_reason_has_its_category() -> None:
    for one in Reason:
        message = OUTLET.messages(
            DocumentOutcome("acme", "scm.sale.voided", "S1", 0, OutcomeV1.of(Outcome("applied", one), "S1", NOW_US))
        )[0]
        data = orjson.loads(message.value or b"")["data"]
        assert (data["reason"], data["category"]) == (one.value, CATEGORY[one.value])
        OutcomeEnvelope.model_validate_json(message.value or b"")


def test_points_name_their_account_by_an_opaque_id() -> None:
    """The same id for one account whatever the document, another for a pool of the same name or another tenant."""

    def told(account: tuple[AccountType, str], customer_id: str, orgcode: str = "acme") -> str:
        part = PointsPart(5, 5, 5, 0, 0, 1, None, account=account)
        outcome = OutcomeV1.of(Outcome("applied", customer_id=customer_id, points=part), "x", 0)
        facts = OutcomeV1.restore(unpack(pack(outcome.members())))
        (message,) = OUTLET.messages(DocumentOutcome(orgcode, "crm.loyalty.earn", "x", 0, facts))
        return str(orjson.loads(message.value or b"")["data"]["points"]["account"])

    own, pool = (AccountType.POINTS, "C"), (AccountType.POOL, "C")
    assert told(own, "C") == told(own, "D") == account_id("acme", *own)
    assert told(pool, "C") == told(pool, "D") == account_id("acme", *pool)
    assert len({told(own, "C"), told(pool, "C"), told(own, "C", "other"), "C"}) == 4


def test_points_decided_before_accounts_were_told_keep_their_bytes() -> None:
    members = OutcomeV1.of(
        Outcome("applied", customer_id="C", points=PointsPart(5, 5, 5, 0, 0, 1, None)), "x", 0
    ).members()
    assert members[7] == (5, 5, 5, 0, 0, 1, None, True)
    facts = OutcomeV1.restore(list(members))
    (message,) = OUTLET.messages(DocumentOutcome("acme", "crm.loyalty.earn", "x", 0, facts))
    assert list(orjson.loads(message.value or b"")["data"]["points"]) == [
        "change", "balance", "available", "held", "pending", "version",
    ]  # fmt: skip


@pytest.mark.parametrize("notice", [notice for notice in NOTICES if notice != "crm.tender.changed"])
def test_notices_go_where_the_contract_says(notice: str) -> None:
    outcome = Outcome("applied", customer_id="C", notice=notice)
    if notice in TENDER_NOTICES:
        outcome.tender_id, outcome.tender = "T1", TenderPart("T1", "expired", 1, 1, 0, 0, None, None, None)
    (message,) = OUTLET.messages(
        DocumentOutcome("acme", notice, "T1" if outcome.tender_id else "C", 0, OutcomeV1.of(outcome, "x", NOW_US))
    )
    value = OutcomeEnvelope.model_validate_json(message.value or b"")
    assert value.type == notice
    expected = ("tender-out", b"T1") if notice in TENDER_NOTICES else ("out", b"C")
    assert (message.topic, message.key) == expected


def test_each_step_of_each_document_has_an_id_of_its_own() -> None:
    parts = [(org, type_, subject, step) for org in ("a", "b") for type_ in ("x", "y") for subject in ("1", "2")
             for step in ("0", "1", "0\nT1")]  # fmt: skip
    assert len({event_id(*part) for part in parts}) == len(parts)
    assert event_id("a", "x", "1", "0") == event_id("a", "x", "1", "0") != event_id("a", "x", "1\n0", "")
