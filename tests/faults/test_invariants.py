"""A campaign that sees nothing proves nothing: each kind of violation is seen in what was published."""

import json
import random
from collections.abc import Sequence
from typing import Any

import pytest
from aiokafka import ConsumerRecord

from tests.e2e import trade
from tests.e2e.trade import Sent
from tests.faults.invariants import compared
from tests.faults.traffic import KEPT_MINOR, KEPT_POINTS, Traffic
from tests.kafka_io import Published, parsed

NUMBER = "r0-0"


class OneCustomer(Traffic):
    """A customer and a card, and nothing else."""

    groups = 1

    def make(self) -> None:
        self.sent = [trade.customer(NUMBER, 0)]

    def before(self) -> list[Sent]:
        return []


def record(value: bytes, *headers: tuple[str, bytes]) -> Published:
    made: Any = ConsumerRecord("a topic", 0, 0, 0, 0, None, value, None, 0, 0, headers)
    return parsed(made)


def outcome(kind: str, subject: str, **data: object) -> Published:
    envelope = {"id": subject, "orgcode": trade.ORG, "type": f"crm.outcome.{kind}", "subject": subject}
    return record(json.dumps({**envelope, "data": {"status": "applied", **data}}).encode())


CREATED = outcome("customer.create", f"new-{NUMBER}")
POINTS = outcome("loyalty.adjust", f"probe-points-{NUMBER}", points={"balance": KEPT_POINTS + 1})
CARD = outcome(
    "giftcard.reload", f"probe-card-{NUMBER}", gift_cards=[{"balance_minor": KEPT_MINOR + 1, "held_minor": 0}]
)
OTHER = outcome("customer.create", f"new-{NUMBER}", customer_id="other")
RICH = outcome("loyalty.adjust", f"probe-points-{NUMBER}", points={"balance": KEPT_POINTS + 2})
LETTER = record(
    b"", ("crm-reason", b"failed"), ("round", b"r0"), ("kafka_dlt-original-topic", b"t"),
    ("kafka_dlt-original-partition", b"0"), ("kafka_dlt-original-offset", b"0"),
)  # fmt: skip


@pytest.mark.parametrize(
    ("seen", "kinds"),
    [
        ([CREATED, CREATED, POINTS, CARD], []),
        ([POINTS, CARD], ["lost"]),
        ([CREATED, OTHER, POINTS, CARD], ["doubled"]),
        ([CREATED, RICH, CARD], ["unaccounted"]),
        ([CREATED, POINTS], ["unaccounted"]),
        ([CREATED, POINTS, CARD, LETTER], ["unaccounted"]),
    ],
)
def test_each_kind_of_violation_is_seen(seen: Sequence[Published], kinds: list[str]) -> None:
    found = compared(OneCustomer("r0", random.Random(1)), seen)
    assert sorted({line.partition(":")[0] for line in found}) == kinds


def test_answers_of_the_api_equal_the_published_outcomes() -> None:
    seen, traffic = [CREATED, POINTS, CARD], OneCustomer("r0", random.Random(1))
    created = f"new-{NUMBER}"
    assert [*compared(traffic, seen, answers={created: {"status": "applied"}})] == []
    assert compared(traffic, seen, answers={created: {"status": "rejected"}}).doubled
    assert compared(traffic, seen, answers={"another": {"status": "applied"}}).lost
