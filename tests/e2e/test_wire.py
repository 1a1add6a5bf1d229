"""A document has one meaning in every spelling, and an outcome has one form (contract §1, §3)."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from datetime import datetime
from typing import Any

import pytest

from tests.e2e.day import Day
from tests.e2e.place import Place
from tests.e2e.wire import TRACE, Twice, pairs, traced
from tests.kafka_io import Published
from tests.schemas.contract_page import CATEGORY, PRECEDENCE

ATTRIBUTES = ["specversion", "id", "source", "type", "subject", "orgcode", "time", "datacontenttype", "data"]
NOT_THE_ANSWER = ("tender_id", "tender", "sale_id", "policy_version")  # what the request said, and when
TENDERS = ("crm.outcome.tender.", "crm.hold.expired", "crm.tender.changed")


def outcomes(day: Day) -> list[Published]:
    return [one for one in day.seen if not one.record.topic.endswith("-dlt")]


@pytest.mark.parametrize("twice", pairs(), ids=lambda twice: twice.name)
def test_one_document_written_in_two_ways_is_decided_once(day: Day, twice: Twice) -> None:
    first, again = day.by_org[twice.org]
    assert first.data["status"] == "applied"
    assert "crm-replayed" not in first.headers
    assert again.headers["crm-replayed"] == "true"
    assert again.record.value == first.record.value


@pytest.mark.parametrize("org", [org for org, _, _ in traced()])
def test_the_trace_is_copied_to_the_header(day: Day, org: str) -> None:
    [outcome] = day.by_org[org]
    assert outcome.headers["traceparent"] == TRACE


def test_the_worker_left_with_0_each_time(day: Day) -> None:
    assert set(day.exit_codes) == {0}


def test_the_envelope_of_every_outcome(day: Day) -> None:
    for one in outcomes(day):
        envelope = one.envelope
        assert list(envelope) == sorted(envelope, key=ATTRIBUTES.index) or list(envelope) == list(
            outcomes(day)[0].envelope
        )
        assert set(envelope) == set(ATTRIBUTES)
        assert (envelope["specversion"], envelope["source"], envelope["datacontenttype"]) == (
            "1.0",
            "/crm",
            "application/json",
        )
        assert datetime.fromisoformat(envelope["time"]).tzinfo is not None
        assert envelope["id"]


def test_one_id_one_text(day: Day) -> None:
    texts = defaultdict(set)
    for one in outcomes(day):
        texts[one.envelope["id"]].add(one.record.value)
    assert [found for found, values in texts.items() if len(values) > 1] == []


def test_nothing_is_published_twice_but_for_duplicates(day: Day) -> None:
    ids = [one.envelope["id"] for one in outcomes(day) if "crm-replayed" not in one.headers]
    assert len(ids) == len(set(ids))


def test_tenders_have_a_topic_of_their_own(day: Day, day_place: Place) -> None:
    for one in outcomes(day):
        tender = one.type.startswith(TENDERS)
        assert one.record.topic == day_place.outputs[0 if tender else 1]
        wanted = one.subject if tender else one.data.get("customer_id") or one.subject
        if one.type.startswith("crm.outcome."):
            assert (one.record.key or b"").decode() == wanted


def test_outcomes_name_the_ids_of_their_document(day: Day) -> None:
    for played in day.played:
        by_subject = {(d.type.split(".", 1)[1], d.subject): d.data for _, d in reversed(played.published)}
        for item in played.outcomes:
            data = by_subject.get((item["type"].removeprefix("crm.outcome."), item["subject"]))
            if data and "dead_letter" not in item:
                for name in ("sale_id", "return_id", "tender_id"):
                    if name in item["data"] and data.get(name):
                        assert item["data"][name] == data[name]
                if item["data"]["status"] != "ignored" and item["type"].startswith("crm.outcome.sale"):
                    assert item["data"]["sale_id"] == item["subject"]


def test_no_outcome_and_no_log_line_holds_a_card_number_or_a_pin(day: Day) -> None:
    texts = [one.record.value or b"" for one in day.seen if one.headers.get("crm-reason") != "too_large"]
    assert [text for text in texts if re.search(rb'60000000\d{8}|"pin": ?"\d', text)] == []
    assert re.search(r"60000000\d{8}", day.log) is None


def test_every_reason_of_the_contract_was_met(day: Day) -> None:
    parts = [part for one in outcomes(day) for part in _parts(one)]
    assert set(PRECEDENCE) - {part["reason"] for part in parts if part.get("reason")} == set()
    assert all(one.data.get("category") == CATEGORY.get(one.data.get("reason", "")) for one in outcomes(day))


def _parts(one: Published) -> list[dict[str, Any]]:
    """An outcome's data and the blocks in it that have a reason of their own."""
    blocks = [*(one.data.get("tenders") or ()), *(one.data.get("gift_cards") or ()), one.data.get("points") or {}]
    return [dict(one.data), *blocks]


def test_every_dead_letter_reason_was_met(day: Day) -> None:
    """But for what another worker's settings make (`test_replay`) and what is no type any more."""
    met = {one.headers["crm-reason"] for one in day.seen if one.record.topic.endswith("-dlt")}
    named = [
        "not_json",
        "not_cloudevent",
        "invalid",
        "too_large",
        "unknown_type",
        "clock_ahead",
        "conflict",
        "refused_by_database",
    ]
    assert met == set(named)


def test_no_outcome_names_a_person(day: Day) -> None:
    texts = [one.record.value or b"" for one in day.seen if one.headers.get("crm-reason") != "too_large"]
    assert [text for text in texts if re.search(rb"Ada|Eve|example\.org|\+4416", text)] == []
    assert re.search(r"\bAda\b|\bEve\b|example\.org", day.log) is None


def test_a_card_that_is_not_accepted_tells_nothing(day: Day) -> None:
    told = [
        one.data for one in outcomes(day) if one.data.get("reason") == "card_not_accepted" and "tender." in one.type
    ]
    assert len(told) > 10
    assert [data for data in told if data.get("gift_cards")] == []


def test_unknown_card_wrong_pin_and_no_pin_answer_alike(day: Day) -> None:
    """Apart from what the request itself said."""
    answers = {
        json.dumps(
            {k: v for k, v in one.data.items() if k not in NOT_THE_ANSWER},
            sort_keys=True,
        )
        for one in outcomes(day)
        if one.type == "crm.outcome.tender.requested" and one.data.get("reason") == "card_not_accepted"
    }
    assert len(answers) == 1


def test_a_replayed_tender_tells_its_present_state(day: Day) -> None:
    states = {}
    for played in day.played:
        for one in day.by_org[played.scenario.org]:
            if one.type == "crm.outcome.tender.requested" and "crm-replayed" in one.headers:
                states[played.scenario.name] = one.headers["crm-tender-state"]
    assert states["authorized: requested again"] == "authorized"
    assert states["captured: requested again"] == "captured"
    assert states["expired: requested again, voided"] == "expired"
    assert states["declined stays declined though money came since; a new tender_id is needed"] == "declined"
    assert states["voided: requested again is a duplicate, captured is rejected"] == "voided"
    replayed = [
        one for one in outcomes(day) if one.type.startswith("crm.outcome.tender.") and "crm-replayed" in one.headers
    ]
    assert [one.subject for one in replayed if "crm-tender-state" not in one.headers] == []


def accounts(one: Published) -> list[tuple[str, int, int, int]]:
    """Account, version, balance and change of every account that an outcome shows."""
    shown = [
        (f"card {card['card_id']}", card["version"], card["balance_minor"], card["change_minor"])
        for card in one.data.get("gift_cards") or ()
        if "version" in card
    ]
    points = one.data.get("points") or {}
    if "version" in points and one.data.get("customer_id"):
        shown.append((f"points {one.data['customer_id']}", points["version"], points["balance"], points["change"]))
    return shown


def test_versions_order_what_happened_to_an_account(day: Day) -> None:
    """A version has one balance, and each balance follows from the one before."""
    history: dict[tuple[str, str], dict[int, set[tuple[int, int]]]] = defaultdict(lambda: defaultdict(set))
    # In a pool and after a merge several customers have one account.
    alone = [p.scenario.org for p in day.played if not {"join", "merge"} & {s.words[0] for s, _ in p.published}]
    for one in (one for org in alone for one in day.by_org[org]):
        for account, version, balance, change in accounts(one):
            history[one.envelope["orgcode"], account][version].add((balance, change))
    seen = 0
    for versions in history.values():
        for version, shown in versions.items():
            assert len({balance for balance, _ in shown}) == 1
            assert len([change for _, change in shown if change]) <= 1
            if version - 1 in versions:
                [before] = {balance for balance, _ in versions[version - 1]}
                [after] = {balance for balance, _ in shown}
                assert after - before == sum(change for _, change in shown)
                seen += 1
    assert seen > 100
