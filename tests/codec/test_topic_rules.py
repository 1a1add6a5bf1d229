"""A setting bounds the types and tenants of a topic (contract ENV5)."""

import pytest

from schemas.registry import DOCUMENTS
from tests.codec.records import Record
from tests.ledger.conftest import NOW_US, record
from worker.codec import Decoder, Document, Undecodable
from worker.process.topic_rules import Rule, allowed, parse

AT = "2026-03-01T10:00:00Z"
RULES = "scm.sales: scm.sale.*; crm.commands: crm.customer.create, crm.customer.erase @ acme; crm.commands: crm.*@hq"
DECODER = Decoder((b"k" * 32,), frozenset(), 1 << 20, parse(RULES))


def sent(topic: str, type_: str, org: str) -> Record:
    data = {
        "scm.sale.voided": {"sale_id": "1", "occurred_at": AT},
        "scm.tender.voided": {"tender_id": "1", "occurred_at": AT},
        "crm.customer.create": {"command_id": "1", "occurred_at": AT},
        "crm.customer.merge": {"command_id": "1", "occurred_at": AT, "from_customer_id": "a", "into_customer_id": "b"},
    }[type_]
    made = record(type_, data, org)
    made.topic = topic
    return made


@pytest.mark.parametrize(
    ("topic", "type_", "org", "may"),
    [
        ("scm.sales", "scm.sale.voided", "any", True),
        ("scm.sales", "scm.tender.voided", "any", False),
        ("crm.commands", "crm.customer.create", "acme", True),
        ("crm.commands", "crm.customer.create", "globex", False),
        ("crm.commands", "crm.customer.merge", "acme", False),
        ("crm.commands", "crm.customer.merge", "hq", True),
        ("scm.tenders", "crm.customer.merge", "acme", True),  # no rule names it
    ],
)
def test_a_topic_carries_what_some_rule_allows(topic: str, type_: str, org: str, may: bool) -> None:  # noqa: FBT001
    found = DECODER.decode(sent(topic, type_, org), NOW_US)
    if may:
        assert isinstance(found, Document)
    else:
        assert isinstance(found, Undecodable)
        assert found.reason == "not_allowed_here"


def test_a_rule_without_tenants_outweighs_one_with_some() -> None:
    rules = parse("t: scm.sale.* @ a; t: scm.sale.completed")
    assert allowed(rules, DOCUMENTS) == {"t": {"scm.sale.completed": frozenset(), "scm.sale.voided": frozenset({"a"})}}


@pytest.mark.parametrize("text", ["x", "t:", "t: @ a", "t: scm.sale.* @", "t: SCM.*", "t: crm.* @ ACME", ": crm.*"])
def test_rules_that_cannot_be_read(text: str) -> None:
    with pytest.raises(ValueError, match="must be TOPIC: TYPE"):
        parse(text)


def test_a_type_that_there_is_not() -> None:
    with pytest.raises(ValueError, match=r"no type is crm\.custmer\.\*"):
        allowed([Rule("t", ("crm.custmer.*",), frozenset())], DOCUMENTS)
