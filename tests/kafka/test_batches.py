"""Any bytes of a batch: each of its records comes out, and those that can't be read are marked."""

import random
from functools import partial
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.consumer.fetcher import PartitionRecords
from aiokafka.errors import CorruptRecordException, MessageSizeTooLargeError
from aiokafka.record.util import calc_crc32c
from aiokafka.structs import ConsumerRecord

from schemas.reasons import DeadLetterReason
from tests.kafka.conftest import Cluster, NewReader
from tests.kafka.raw_batches import CODECS, batch, record, send
from worker.codec import Unreadable
from worker.kafka import inflate
from worker.kafka.batches import RecordBatches
from worker.kafka.fetched import Fetched

AT = TopicPartition("t", 0)
LATIN_1 = "Straße".encode("latin-1")
BROKEN = DeadLetterReason.NOT_CLOUDEVENT
TOO_LARGE = DeadLetterReason.TOO_LARGE


def read(raw: bytes, offset: int = 0) -> list[ConsumerRecord]:
    """The records of a fetch response, through aiokafka's own reading of batches."""
    return list(PartitionRecords(AT, RecordBatches(raw), [], offset, None, None, check_crcs=True, isolation_level=1))


def shown(records: list[ConsumerRecord]) -> list[Any]:
    """Offset, and the value or why there is none."""
    return [
        (one.offset, (one.value.reason, one.value.detail) if isinstance(one.value, Unreadable) else one.value)
        for one in records
    ]


@pytest.mark.parametrize("codec", CODECS)
def test_only_the_record_whose_header_name_is_not_utf_8_is_unreadable(codec: str) -> None:
    raw = batch([record(0, b"a"), record(1, b"b", b"key", [(LATIN_1, b"1"), (b"x", None)]), record(2, None)], codec)
    got = read(raw)
    assert shown(got) == [(0, b"a"), (1, (BROKEN, "headers: a name is not UTF-8")), (2, None)]
    assert (got[1].key, bytes(got[1].value)) == (b"key", b"b")
    assert got[1].headers == (("Stra\\xdfe", b"1"), ("x", None))
    assert shown(read(raw, offset=2)) == [(2, None)]


@pytest.mark.parametrize("codec", CODECS)
def test_the_expanded_size_of_a_batch_is_bounded(codec: str) -> None:
    bomb = bytes(inflate.LIMIT_BYTES)
    raw = batch([record(0, b"before"), record(1, bomb), record(2, b"after")], codec)
    got = shown(read(raw))
    assert [offset for offset, _ in got] == [0, 1, 2]
    if codec == "none":
        assert got[1:] == [(1, bomb), (2, b"after")]
    else:
        why = (TOO_LARGE, f"its batch decompresses to more than {inflate.LIMIT_BYTES} bytes")
        assert got[1:] == [(1, why), (2, why)]
        assert got[0][1] == (why if codec == "raw-snappy" else b"before")


def test_a_response_of_bombs_is_read_piece_by_piece() -> None:
    raw = b"".join(batch([record(0, bytes(inflate.LIMIT_BYTES // 2))], "zstd", offset=at) for at in range(10))
    assert [one.offset for one in read(raw)] == [0]


@pytest.mark.parametrize(
    ("headers", "count", "right"),
    [
        ([(b"x", b"1")], 2, (BROKEN, "a length inside the record is wrong")),
        ([], -1, (BROKEN, "a length inside the record is wrong")),
        ([], 1 << 31, (TOO_LARGE, "headers: more than 1000, or than 1048576 bytes")),
        ([(LATIN_1, bytes(1 << 20))], None, (TOO_LARGE, "headers: more than 1000, or than 1048576 bytes")),
        ([(b"", None)] * 600_000, None, (TOO_LARGE, "headers: more than 1000, or than 1048576 bytes")),
    ],
)
def test_headers_that_lie_or_fill_the_memory_cost_their_own_record(
    headers: list[tuple[bytes, bytes]], count: int | None, right: object
) -> None:
    got = read(batch([record(0, b"a", headers=headers, count=count), record(1, b"b")]))
    assert shown(got) == [(0, right), (1, b"b")]


@pytest.mark.parametrize("said", [(0, 0, 0), (2, 1, 0), (7, 8, 9), (0, -1, 5), (1 << 40, 2, -(1 << 40))])
def test_offsets_that_a_publisher_makes_up_move_no_other_record(said: tuple[int, ...]) -> None:
    got = read(batch([record(delta, b"%d" % index) for index, delta in enumerate(said)], offset=5))
    assert shown(got) == [(5, b"0"), (6, b"1"), (7, b"2")]


def test_the_gaps_that_compaction_leaves_are_kept() -> None:
    raw = bytearray(batch([record(1, b"a"), record(7, b"b")]))
    raw[23:27] = (9).to_bytes(4, "big")
    raw[17:21] = calc_crc32c(bytes(raw[21:])).to_bytes(4, "big")
    assert shown(read(bytes(raw))) == [(1, b"a"), (7, b"b")]


def test_a_checksum_that_stays_wrong_makes_the_records_of_the_batch_unreadable() -> None:
    raw = bytearray(batch([record(0, b"a"), record(1, b"b")]))
    raw[-1] ^= 1
    for _ in range(2):
        with pytest.raises(CorruptRecordException):
            read(bytes(raw))
    wrong = (BROKEN, "its batch's checksum is wrong")
    assert [why for _, why in shown(read(bytes(raw)))] == [wrong, (BROKEN, "a length inside the record is wrong")]


def test_a_batch_of_any_bytes_yields_every_record_that_it_counts() -> None:
    chance = random.Random(7)
    headers = [(b"content-type", b"application/cloudevents+json"), (LATIN_1, b"x" * 40)]
    plain = b"".join(record(index, b"v" * 30, b"k", headers) for index in range(5))

    def spoilt(body: bytes, times: int) -> bytes:
        changed = bytearray(body)
        for _ in range(times):
            changed[chance.randrange(len(changed))] = chance.randrange(256)
        return bytes(changed[: len(changed) - chance.choice([0, 0, 1, 50])])

    for _ in range(3000):
        body, codec = spoilt(plain, chance.randint(0, 6)), chance.choice(list(CODECS))
        raw = batch([body], codec, count=5, after=partial(spoilt, times=chance.choice([0, 0, 1])))
        assert [one.offset for one in read(raw)] == [0, 1, 2, 3, 4]


async def test_a_header_name_that_is_not_utf_8_stops_no_partition(
    cluster: Cluster, new_reader: NewReader, group: str
) -> None:
    topic = await cluster.topic()
    await send(cluster, topic, batch([record(0, b"a"), record(1, b"b", headers=[(LATIN_1, b"")]), record(2, b"c")]))
    await cluster.send(topic, [b"d"])
    reader = await new_reader([topic], group)
    got = await _records(reader, 4)
    assert [one.value for one in got] == [b"a", b"b", b"c", b"d"]
    assert [type(one.value) for one in got] == [bytes, Unreadable, bytes, bytes]


@pytest.mark.parametrize("codec", ["gzip", "snappy", "lz4", "zstd"])
async def test_a_compressed_bomb_stops_no_partition(
    cluster: Cluster, new_reader: NewReader, group: str, codec: str
) -> None:
    topic = await cluster.topic(1, **{"max.message.bytes": str(16 << 20)})
    await send(cluster, topic, batch([record(0, b"a"), record(1, bytes(100 << 20)), record(2, b"c")], codec))
    await cluster.send(topic, [b"d"])
    reader = await new_reader([topic], group)
    got = await _records(reader, 4)
    assert [one.offset for one in got] == [0, 1, 2, 3]
    assert [len(one.value) for one in got] == [1, 0, 0, 1]
    assert got[1].value.reason is TOO_LARGE


async def test_a_topic_that_stores_uncompressed_refuses_what_is_too_large_uncompressed(cluster: Cluster) -> None:
    topic = await cluster.topic(1, **{"max.message.bytes": str(16 << 20), "compression.type": "uncompressed"})
    with pytest.raises(MessageSizeTooLargeError):
        await send(cluster, topic, batch([record(0, bytes(17 << 20))], "gzip"))
    await send(cluster, topic, batch([record(0, bytes(15 << 20))], "gzip"))


async def _records(reader: Any, count: int) -> list[ConsumerRecord]:  # noqa: ANN401
    got: list[ConsumerRecord] = []
    while len(got) < count:
        fetched: Fetched = await reader.read(0.5)
        got += fetched.records
        reader.done(fetched)
    return got
