"""No record stops a partition, whatever its bytes: it is a dead letter, and the worker goes on (contract ENV6)."""

import time

from tests.kafka.conftest import Cluster
from tests.kafka.processes import Start, customer, ended
from tests.kafka.raw_batches import batch, record, send
from tests.kafka_io import Published, Reading, publish
from worker.kafka.topics import Topics, dead_letter

LATIN_1 = "Größe".encode("latin-1")


async def test_an_unreadable_record_is_a_dead_letter_and_what_follows_is_applied(
    start: Start, cluster: Cluster, topics: Topics
) -> None:
    commands, good = topics.inputs[3], customer(topics, "C1").value
    assert good is not None
    headers = [(LATIN_1, b"1"), (b"mine", b"kept")]
    await send(cluster, commands, batch([record(0, good, b"C1", headers), record(1, good, b"C1")]))
    await publish(cluster.bootstrap, [customer(topics, "C2")])
    letters, outcomes = await _drained(start, cluster, topics)
    assert outcomes == {"C1", "C2"}
    [letter] = letters
    assert (letter.record.key, letter.record.value) == (b"C1", good)
    assert (letter.headers["crm-reason"], letter.headers["kafka_dlt-original-offset"]) == ("not_cloudevent", "0")
    assert (letter.headers["Gr\\xf6\\xdfe"], letter.headers["mine"]) == ("1", "kept")


async def test_a_record_without_a_usable_timestamp_is_decided(start: Start, cluster: Cluster, topics: Topics) -> None:
    topics, env, _ = await _own_commands(start, cluster, topics, **{"message.timestamp.after.max.ms": str(1 << 62)})
    now_ms = int(time.time() * 1000)
    for number, timestamp_ms in enumerate((-1, now_ms * 1000, now_ms * 1_000_000)):
        value = customer(topics, f"C{number}").value
        await send(cluster, topics.inputs[3], batch([record(0, value)], timestamp_ms=timestamp_ms))
    assert await _drained(start, cluster, topics, **env) == ([], {"C0", "C1", "C2"})


async def test_compressed_bombs_are_dead_letters_and_the_workers_memory_stays_bounded(
    start: Start, cluster: Cluster, topics: Topics
) -> None:
    topics, env, out = await _own_commands(start, cluster, topics, **{"max.message.bytes": str(16 << 20)})
    commands = topics.inputs[3]
    assert f"warning: topic {commands}: compression.type=producer" in out
    await send(cluster, commands, batch([record(0, bytes(400 << 20))], "gzip"))
    for _ in range(5):
        await send(cluster, commands, batch([record(0, bytes(30 << 20))], "zstd"))
    await publish(cluster.bootstrap, [customer(topics, "C2")])
    worker = await start("run", **env)
    async with Reading(cluster.bootstrap, [topics.outcomes, dead_letter(commands)]) as reading:
        published = await reading.until(lambda seen: len(seen) == 7, within_s=120)
    peak_bytes = _peak_bytes(worker.pid)
    worker.terminate()
    assert (await ended(worker))[0] == 0
    assert sorted(one.headers.get("crm-reason", one.subject) for one in published) == ["C2", *["too_large"] * 6]
    assert peak_bytes < 3 << 29, "the bound that docs/operations/scale.md states"


async def _own_commands(
    start: Start, cluster: Cluster, topics: Topics, **config: str
) -> tuple[Topics, dict[str, str], str]:
    """Topics and settings of a worker whose commands topic was there before `setup`, and what that said."""
    commands = topics.inputs[3] + "-own"
    await cluster.topic(1, commands, **config)
    env = {"G3N_TOPIC_COMMANDS": "crm.commands-own"}
    code, out, _ = await ended(await start("setup", **env))
    assert code == 0
    return topics._replace(inputs=(*topics.inputs[:3], commands)), env, out


async def _drained(start: Start, cluster: Cluster, topics: Topics, **env: str) -> tuple[list[Published], set[str]]:
    """Dead letters, and the subjects of the outcomes."""
    code, _, err = await ended(await start("drain", **env))
    assert code == 0, err
    async with Reading(cluster.bootstrap, [topics.outcomes, *topics.dead_letters]) as reading:
        published = await reading.rest()
    letters = [one for one in published if "crm-reason" in one.headers]
    return letters, {one.subject for one in published if "crm-reason" not in one.headers}


def _peak_bytes(pid: int) -> int:
    with open(f"/proc/{pid}/status") as status:  # noqa: PTH123
        [line] = [line for line in status if line.startswith("VmHWM")]
    return int(line.split()[1]) << 10
