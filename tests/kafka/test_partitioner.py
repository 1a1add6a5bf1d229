"""The partition of a key: the one that every other client chooses."""

import random

import pytest
from aiokafka.partitioner import murmur2

from worker.kafka.partitioner import partition_hash


@pytest.mark.parametrize(
    ("key", "hashed"),  # from the tests of Kafka's own client
    [
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        (b"abc", 479470107),
    ],
)
def test_a_key_goes_where_every_other_client_sends_it(key: bytes, hashed: int) -> None:
    assert partition_hash(key) == hashed & 0x7FFFFFFF


def test_keys_of_every_length_hash_as_with_aiokafka() -> None:
    chance = random.Random(1)
    for length in (*range(300), 10_000):
        key = chance.randbytes(length)
        assert partition_hash(key) == murmur2(key) & 0x7FFFFFFF
