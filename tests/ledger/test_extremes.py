"""Extreme documents through the whole pipeline: what its schema allows, Postgres takes or refuses by its rules."""

import itertools

import asyncpg
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.domain.documents import Said, command
from tests.domain.extremes import INSTANTS, documents
from tests.ledger.conftest import Worker, header, record, said

EXPECTED = {"clock_ahead", "conflict", "refused_by_database"}
_orgs = (f"org{number}" for number in itertools.count())


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    documents(("crm.policy.put",), effective_from=INSTANTS[0]),
    st.lists(documents(), min_size=5, max_size=25),
)
async def test_extreme_documents_are_answered_or_dead_lettered(
    worker: Worker, connection: asyncpg.Connection, policy: Said, more: list[Said]
) -> None:
    org = next(_orgs)  # of each example's own
    batch = [record(*one, org) for one in (policy, command("customer.create", "C1", customer_id="C1"), *more)]
    messages = await worker.drained(batch)
    reasons = {header(message, "crm-reason") for message in messages if message.topic.endswith("-dlt")}
    assert reasons <= EXPECTED
    answered = {one["subject"] for one in said(messages) if one["orgcode"] == org}
    assert answered or reasons
    assert await connection.fetch("SELECT * FROM imbalance") == []
