"""Profile one worker process: batches of W1 through the pipeline, in this process, without Kafka."""

import cProfile
import gc
import pstats
import secrets
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import devstack
from bench import workload
from worker.codec import Message
from worker.engine.pipeline import Pipeline
from worker.ledger.setup import set_up
from worker.process.settings import Settings

_TOP = 45


@dataclass(slots=True)
class Read:
    """A record as the pipeline sees one."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]] = ()


def _batches(messages: Iterator[Message], size: int) -> Iterator[list[Read]]:
    now_ms, offset = time.time_ns() // 1_000_000, 0
    while part := list(islice(messages, size)):
        yield [Read(m.topic, 0, offset + place, now_ms, m.key, m.value) for place, m in enumerate(part)]
        offset += len(part)


async def profile(documents: int, customers: int, size: int) -> None:
    """Time half of the documents by the clock, stage by stage, and the other half under cProfile, which is slower."""
    with devstack.start() as stack:
        await set_up(stack.dsn)
        settings = Settings(
            kafka_bootstrap_servers=stack.bootstrap_servers, postgres_dsn=stack.dsn, card_key=secrets.token_hex(32)
        )
        pipeline = await Pipeline.open(settings)
        try:
            for records in _batches(workload.population("", customers), size):
                await pipeline.apply(pipeline.decode(records, time.time_ns() // 1000), {})
            batches = list(_batches(workload.sales("", documents, customers), size))
            gc.collect()
            gc.freeze()
            gc.set_threshold(100_000, 50, 50)
            half = len(batches) // 2
            await _clocked(pipeline, batches[:half])
            await _profiled(pipeline, batches[half:])
        finally:
            await pipeline.close()


async def _clocked(pipeline: Pipeline, batches: list[list[Read]]) -> None:
    documents = sum(map(len, batches))
    decode = [0.0, 0.0]
    apply = [0.0, 0.0]
    for records in batches:
        at = time.perf_counter(), time.process_time()
        batch = pipeline.decode(records, time.time_ns() // 1000)
        between = time.perf_counter(), time.process_time()
        await pipeline.apply(batch, {})
        end = time.perf_counter(), time.process_time()
        for place in range(2):
            decode[place] += between[place] - at[place]
            apply[place] += end[place] - between[place]
    print(f"µs a document over {documents:,} documents   elapsed  of which CPU of this process")
    for name, (wall_s, cpu_s) in (("decode", decode), ("apply", apply)):
        print(f"  {name:<40} {wall_s / documents * 1e6:9.1f} {cpu_s / documents * 1e6:9.1f}")


async def _profiled(pipeline: Pipeline, batches: list[list[Read]]) -> None:
    profiler = cProfile.Profile()
    profiler.enable()
    for records in batches:
        await pipeline.apply(pipeline.decode(records, time.time_ns() // 1000), {})
    profiler.disable()
    print(f"\ncProfile of {sum(map(len, batches)):,} more documents: it makes every call dearer, compare shares only")
    pstats.Stats(profiler).sort_stats("tottime").print_stats(_TOP)
