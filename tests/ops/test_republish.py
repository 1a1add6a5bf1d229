"""Stored outcomes are published again, byte for byte, and nothing is decided."""

from datetime import UTC, datetime

import asyncpg
import pytest
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.structs import TopicPartition

from tests.kafka_io import Reading
from tests.language.documents import Clock
from tests.ops.replaying import OPERATOR, Shop, settings_of
from worker.kafka import topics
from worker.ops.explain import CODES
from worker.ops.republish import Chosen, republish


@pytest.fixture
def shop(environment: dict[str, str]) -> Shop:
    return Shop(settings_of(environment), Clock(datetime.now(UTC).replace(microsecond=0)))


async def test_stored_outcomes_are_published_again(shop: Shop, connection: asyncpg.Connection) -> None:
    await shop.publish("customer C", "customer D", "issue I1 G 5000", "sale S1 C 1:100", "sale S2 D 1:100")
    await shop.publish("request T1 card G 700")
    first = await shop.consume()
    rows = await connection.fetch("SELECT * FROM event ORDER BY no")
    said: list[str] = []

    async def asked(chosen: Chosen, *, publishes: bool = False) -> str:
        await republish(shop.settings, chosen, to=None, publishes=publishes, operator=OPERATOR, say=said.append)
        return said[-1].split(",")[0]

    assert await asked(Chosen(customer_id="C")) == "2 documents"
    assert await asked(Chosen(subject="S2")) == "1 documents"
    assert await asked(Chosen(store_id="store")) == "2 documents"
    assert await asked(Chosen(store_id="nowhere")) == "0 documents"
    assert await asked(Chosen(type_code=CODES["scm.sale.completed"], orgcode="acme")) == "2 documents"
    assert await asked(Chosen(orgcode="other")) == "0 documents"
    assert await asked(Chosen(since=shop.clock.base.replace(year=2099))) == "0 documents"
    assert await asked(Chosen(until=shop.clock.base.replace(year=2099))) == "6 documents"
    assert await asked(Chosen(), publishes=True) == "6 documents"
    assert await connection.fetch("SELECT * FROM event ORDER BY no") == rows
    names = topics.from_settings(shop.settings)
    async with Reading(shop.settings.kafka_bootstrap_servers, [names.outcomes, names.tender_outcomes]) as reading:
        seen = await reading.take(len(first))
    assert sorted(one.record.value for one in seen) == sorted(message.value or b"" for message in first)
    assert {one.headers["crm-replayed"] for one in seen} == {"true"}
    assert {one.headers.get("crm-tender-state") for one in seen} == {None, "authorized"}
    assert await connection.fetchval("SELECT who || ' ' || action FROM operator_journal") == "ada outcomes republish"
    admin = AIOKafkaAdminClient(bootstrap_servers=shop.settings.kafka_bootstrap_servers)
    await admin.start()
    await admin.delete_records({TopicPartition(names.inputs[0], 0): RecordsToDelete(1)})
    await admin.close()
    await asked(Chosen(store_id="store"))
    why = f"{names.inputs[0]} no longer has their records"
    assert said[-2].startswith("1 documents, messages that would be published: ")
    assert said[-1] == f"left out: 1 documents whose store nobody can tell, because {why}"
