"""Tenders of other tenants overtake one tenant's flood; the order of each tenant is kept."""

import asyncio
import random
from collections.abc import Sequence

import pytest
from aiokafka import TopicPartition
from aiokafka.structs import ConsumerRecord

from worker.kafka.scout import NOBODY, Scout, tenant_of
from worker.kafka.security import PLAINTEXT

TOPIC = "scm.tenders"


def record(orgcode: str, offset: int, partition: int = 0) -> ConsumerRecord:
    value = b'{"type":"scm.tender.requested","orgcode":"%s","data":{}}' % orgcode.encode()
    return ConsumerRecord(TOPIC, partition, offset, 0, 0, b"k", value, None, 1, len(value), ())


def seen(scout: Scout, records: Sequence[ConsumerRecord]) -> None:
    for one in records:
        scout.sort(TopicPartition(one.topic, one.partition), one)


def taken(scout: Scout, room: int = 9999, *, read: int = 0) -> list[tuple[str, int]]:
    return [(tenant_of(one), one.offset) for one in scout.take(room, {TopicPartition(TOPIC, 0): read})]


@pytest.fixture
def scout() -> Scout:
    return Scout("nowhere:1", PLAINTEXT, {})


def test_nobody_overtakes_while_nobody_floods(scout: Scout) -> None:
    seen(scout, [record("abc"[at % 3], at) for at in range(1500)])
    assert taken(scout) == []


def test_the_tenant_with_the_most_records_is_overtaken_by_the_others(scout: Scout) -> None:
    seen(scout, [record("flood" if at % 100 else "till", at) for at in range(5000)])
    assert taken(scout, 10) == [("till", at) for at in range(0, 1000, 100)]
    assert taken(scout) == [("till", at) for at in range(1000, 5000, 100)]
    assert taken(scout) == []


def test_records_that_are_no_documents_are_overtaken_and_never_taken_early(scout: Scout) -> None:
    for at in range(5000):
        one = record("till", at)
        if at % 100:
            one.value = b"\xff not JSON"
        scout.sort(TopicPartition(TOPIC, 0), one)
    assert taken(scout) == [("till", at) for at in range(0, 5000, 100)]


def test_a_record_that_the_members_have_read_is_not_taken(scout: Scout) -> None:
    seen(scout, [record("flood" if at % 100 else "till", at) for at in range(5000)])
    assert taken(scout, read=4500) == [("till", at) for at in range(4500, 5000, 100)]


def test_a_tenant_that_was_overtaken_comes_back_once_its_last_record_is_read(scout: Scout) -> None:
    flood = [record("flood", at) for at in range(3000)]
    seen(scout, [*flood, record("till", 3000)])
    assert taken(scout) == [("till", 3000)]
    scout.readmit({TopicPartition(TOPIC, 0): 2999})
    seen(scout, [record("flood", 3001), record("other", 3002)])
    assert taken(scout) == [("other", 3002)], "the flood has gone on behind 3000"
    scout.readmit({TopicPartition(TOPIC, 0): 3002})
    seen(scout, [record("other", at) for at in range(4000, 7000)])
    seen(scout, [record("flood", 7000)])
    assert taken(scout) == [("flood", 7000)]


def test_records_of_a_tenant_keep_their_order_whatever_comes(scout: Scout) -> None:
    rng = random.Random(7)
    orgcodes = [f"t{number}" for number in range(8)]
    got: dict[str, list[int]] = {}
    read = 0
    for start in range(0, 60_000, 3000):
        weights = [rng.choice((1, 1, 1, 50)) for _ in orgcodes]
        seen(scout, [record(orgcode, start + at) for at, orgcode in enumerate(rng.choices(orgcodes, weights, k=3000))])
        for tenant, offset in taken(scout, 500, read=read):
            got.setdefault(tenant, []).append(offset)
        read += 2500
        scout.readmit({TopicPartition(TOPIC, 0): read})
    assert got
    assert all(offsets == sorted(set(offsets)) for offsets in got.values())


def test_many_small_tenants_make_room_at_once(scout: Scout) -> None:
    seen(scout, [record(f"t{at}", at) for at in range(2001)])
    assert len(taken(scout)) <= 1001


def test_many_tenants_that_come_and_go_are_not_remembered(scout: Scout) -> None:
    for at in range(0, 20_000, 2):
        seen(scout, [record(f"t{at}", at), record("flood", at + 1)])
        taken(scout, 1)
    assert all(scout._waiting.values())


def test_a_large_record_leaves_its_tenant_to_the_members(scout: Scout) -> None:
    large = record("large", 2)
    large.value += b" " * (16 << 10)
    seen(scout, [record("large", 0), record("till", 1), large, record("large", 3), record("till", 4)])
    assert taken(scout) == [("till", 1), ("till", 4)]
    assert scout._left == {"large": {TopicPartition(TOPIC, 0): 3}}


def test_nothing_is_taken_of_a_partition_that_is_not_read(scout: Scout) -> None:
    """Its records come again from an offset that an operator chooses, so the queue's others would be too early."""
    seen(scout, [record("flood" if at % 100 else "till", at, at % 3) for at in range(5000)])
    read = {TopicPartition(TOPIC, partition): 0 for partition in (0, 2)}
    assert [one.offset for one in scout.take(10, read)] == [0]
    assert taken(scout) == []


def test_a_new_assignment_begins_again(scout: Scout) -> None:
    """A batch that was dropped may have had the records before."""
    seen(scout, [record("flood" if at % 100 else "till", at) for at in range(5000)])
    scout.follow(0)
    assert taken(scout, 1) == [("till", 0)]
    scout.follow(1)
    assert taken(scout) == []


async def test_a_broker_that_does_not_answer_does_not_delay_the_end() -> None:
    asked = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.set()
        await reader.read()
        writer.close()

    async with await asyncio.start_server(silent, "127.0.0.1", 0) as server:
        host, port = server.sockets[0].getsockname()
        scout = Scout(f"{host}:{port}", PLAINTEXT, {})
        await scout.look({TopicPartition(TOPIC, 0): 0}, 5000)
        await asked.wait()
        async with asyncio.timeout(5):  # aiokafka waits for 40 s
            await scout.stop()


async def test_a_broker_that_is_gone_is_not_asked_for_each_batch() -> None:
    scout, starts = Scout("127.0.0.1:1", PLAINTEXT, {}), 0
    for _ in range(5):
        await scout.look({TopicPartition(TOPIC, 0): 0}, 5000)
        if scout._starting is not None:
            starts += 1
            await scout._starting
    assert starts == 1


BINARY = ("ce_specversion", b"1.0")


@pytest.mark.parametrize(
    ("value", "headers", "tenant"),
    [
        (b'{"orgcode": "acme", "data": {}}', (), "acme"),
        (b'{"data": {}}', (BINARY, ("ce_orgcode", b"acme")), "acme"),
        (b'{"orgcode": "acme", "data": {}}', (("ce_orgcode", b"other"),), "acme"),
        (b'{"data": {}}', (BINARY, ("ce_orgcode", None)), NOBODY),
        (b'{"data": {}}', (BINARY, ("ce_orgcode", b"\xff")), NOBODY),
        (b'{"data": {}}', (BINARY,), NOBODY),
        (b'{"orgcode": "A card number", "data": {}}', (), NOBODY),
        (b"\xff not JSON", (), NOBODY),
        (None, (), NOBODY),
        (b'{"data":{"orgcode":"x","note":"' + b"x" * 5000 + b'"},"orgcode":"acme"}', (), "acme"),
        (b'{"orgcode": 5}', (), NOBODY),
        (b"[]", (), NOBODY),
    ],
)
def test_the_tenant_of_a_record(value: bytes | None, headers: Sequence[tuple[str, bytes]], tenant: str) -> None:
    assert tenant_of(ConsumerRecord(TOPIC, 0, 0, 0, 0, None, value, None, 0, 0, headers)) == tenant
