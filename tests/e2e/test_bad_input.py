"""Bad records get their dead letter, and the partition goes on (contract §3.4; scenarios share the partitions)."""

from __future__ import annotations

import json

import pytest

from tests.e2e.bad_input import cases
from tests.e2e.bad_record import ORG, SECRETS, Bad
from tests.e2e.day import Day
from tests.e2e.place import Place
from tests.kafka_io import Published

CASES = cases()


def dead_letter(day: Day, bad: Bad) -> Published:
    """The one dead letter of a bad record, found by where the record lies."""
    place = day.bad[bad.name]
    [letter] = day.dead_letters[place.topic, str(place.partition), str(place.offset)]
    return letter


@pytest.mark.parametrize("bad", CASES, ids=lambda bad: bad.name)
def test_a_bad_record_gets_one_dead_letter_with_its_reason(day: Day, bad: Bad) -> None:
    letter = dead_letter(day, bad)
    assert letter.headers["crm-reason"] in bad.reasons


@pytest.mark.parametrize("bad", [bad for bad in CASES if not bad.masked], ids=lambda bad: bad.name)
def test_a_dead_letter_is_as_the_record_came(day: Day, day_place: Place, bad: Bad) -> None:
    letter = dead_letter(day, bad)
    assert letter.record.key == bad.key
    if "crm-truncated" in letter.headers:
        assert letter.headers["crm-truncated"] == str(len(bad.value or b""))
        assert (bad.value or b"").startswith(letter.record.value or b"-")
    else:
        assert letter.record.value == bad.value
    assert letter.record.topic == day.bad[bad.name].topic + "-dlt"
    assert letter.headers["kafka_dlt-original-timestamp"] == str(day.stamped_ms)
    assert letter.headers["kafka_dlt-original-consumer-group"] == day_place.environment["G3N_CONSUMER_GROUP"]
    assert "crm-masked" not in letter.headers
    assert set(bad.headers) <= set(letter.record.headers), "the record's own headers are kept"


@pytest.mark.parametrize("bad", [bad for bad in CASES if bad.masked], ids=lambda bad: bad.name)
def test_a_dead_letter_holds_no_secret(day: Day, bad: Bad) -> None:
    letter = dead_letter(day, bad)
    text = (letter.record.value or b"").decode()
    assert [secret for secret in SECRETS if secret in text] == []
    assert letter.headers["crm-masked"] == "true"
    assert letter.record.key == bad.key


def test_the_detail_of_an_invalid_one_names_the_path(day: Day) -> None:
    [bad] = [bad for bad in CASES if bad.name == "integer as text"]
    assert "net_minor" in dead_letter(day, bad).headers["crm-detail"]


def test_no_detail_and_no_log_line_tells_a_value(day: Day) -> None:
    details = [one.headers.get("crm-detail", "") for one in day.seen]
    assert [secret for secret in SECRETS if secret in day.log or any(secret in detail for detail in details)] == []


def test_every_dead_letter_is_logged_with_its_place(day: Day) -> None:
    logged = set()
    for line in day.log.splitlines():
        entry = json.loads(line) if line.startswith("{") else {}
        if "reason" in entry and "offset" in entry:
            logged.add((entry["topic"], entry["partition"], entry["offset"], entry["reason"]))
    letters = [one.headers for one in day.seen if one.record.topic.endswith("-dlt")]
    told = {
        (
            h["kafka_dlt-original-topic"],
            int(h["kafka_dlt-original-partition"]),
            int(h["kafka_dlt-original-offset"]),
            h["crm-reason"],
        )
        for h in letters
    }
    assert told == logged


def test_a_bad_record_has_no_outcome(day: Day) -> None:
    assert day.by_org.get(ORG) is None
