"""The latency of a till on an idle system: one request after the other, each sent when the one before is answered.

The clients do little themselves, because their time counts: a request by httpx takes 0.8 ms of CPU, by hand 0.02 ms.
"""

import asyncio
import itertools
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from statistics import quantiles
from typing import Any, cast

import asyncpg
import orjson
import uvloop
from aiokafka import AIOKafkaConsumer

from bench import program
from bench.arena import Arena, partitions_of, say
from bench.shop import CURRENCY, ORGCODE, Shop, card
from devstack.supervisor import free_ports
from worker.kafka.publisher import Publisher
from worker.ledger import api_keys
from worker.ledger.queries import Connection

ASKED = {"kind": "gift_card", "gift_card": card(0), "amount_minor": 1, "currency": CURRENCY}
REQUEST = "scm.tender.requested"
WARM_UP = 50
_ANSWER_S = 30.0
_LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)
_ids = itertools.count()


@dataclass(frozen=True)
class Latency:
    """Times from before a request is sent until its answer is read."""

    request: str
    requests: int
    p50_ms: float
    p99_ms: float


def measure(arena: Arena, requests: int) -> list[Latency]:
    """Measure over HTTP and Kafka, with an API and a worker on their own ledger and topics. Raises ProgramFailed."""
    say(f"latency: {requests:,} requests each …")
    settings, directory = arena.ledger("bench_latency", "latency", "latency"), arena.directory
    (api_port,) = free_ports(1)
    api = {**settings, "G3N_API_PORT": str(api_port), "G3N_API_REQUESTS_PER_S": "1000000"}
    with (
        program.running(["worker", "api"], api, directory / "api.log", "ready"),
        program.running(["worker", "worker", "run"], settings, directory / "latency.log", "ready"),
    ):
        return uvloop.run(_measure(settings, api_port, requests))


async def _measure(settings: Mapping[str, str], api_port: int, requests: int) -> list[Latency]:
    async with _over_http(settings["G3N_POSTGRES_DSN"], api_port) as ask:
        over_http = await _times_s(ask, requests)
    async with _over_kafka(settings) as ask:
        over_kafka = await _times_s(ask, requests)
    return [_latency("POST /tender/authorize", over_http), _latency(f"{REQUEST} on Kafka", over_kafka)]


async def _times_s(ask: Callable[[str], Awaitable[None]], requests: int) -> list[float]:
    times_s = []
    for _ in range(WARM_UP + requests):
        tender_id = f"latency-{next(_ids)}"
        began = time.perf_counter()
        await ask(tender_id)
        times_s.append(time.perf_counter() - began)
    return times_s[WARM_UP:]


def _latency(request: str, times_s: list[float]) -> Latency:
    parts = quantiles(times_s, n=100, method="inclusive")
    return Latency(request, len(times_s), parts[49] * 1000, parts[98] * 1000)


@asynccontextmanager
async def _over_http(dsn: str, port: int) -> AsyncIterator[Callable[[str], Awaitable[None]]]:
    connection = await asyncpg.connect(dsn)
    try:
        _, secret = await api_keys.create(cast("Connection", connection), ORGCODE, "latency", ("tender",))
    finally:
        await connection.close()
    head = (
        f"POST /tender/authorize HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nX-Orgcode: {ORGCODE}\r\nX-Api-Key: {secret}\r\n"
        "Content-Type: application/json\r\nContent-Length: "
    )
    reader, writer = await asyncio.open_connection("127.0.0.1", port)

    async def ask(tender_id: str) -> None:
        body = orjson.dumps({**ASKED, "tender_id": tender_id})
        writer.write(b"%s%d\r\n\r\n%s" % (head.encode(), len(body), body))
        async with asyncio.timeout(_ANSWER_S):
            length = _LENGTH.search(await reader.readuntil(b"\r\n\r\n"))
            answer = await reader.readexactly(int(length[1]) if length else 0)
        _check(orjson.loads(answer)["status"])

    try:
        yield ask
    finally:
        writer.close()


@asynccontextmanager
async def _over_kafka(settings: Mapping[str, str]) -> AsyncIterator[Callable[[str], Awaitable[None]]]:
    servers, prefix = settings["G3N_KAFKA_BOOTSTRAP_SERVERS"], settings["G3N_TOPIC_PREFIX"]
    outcomes = prefix + settings["G3N_TOPIC_TENDER_OUTCOMES"]
    publisher, consumer = Publisher(servers), AIOKafkaConsumer(bootstrap_servers=servers)
    await consumer.start()
    try:
        consumer.assign(await partitions_of(consumer, outcomes))
        await consumer.seek_to_end()

        async def ask(tender_id: str) -> None:
            await publisher.publish([Shop(prefix).tender(tender_id, 0)])
            _check((await _outcome(consumer, tender_id))["status"])

        yield ask
    finally:
        await consumer.stop()
        await publisher.stop()


async def _outcome(consumer: AIOKafkaConsumer, tender_id: str) -> dict[str, Any]:
    async with asyncio.timeout(_ANSWER_S):
        while True:
            envelope = orjson.loads((await consumer.getone()).value)
            if envelope["subject"] == tender_id:
                data: dict[str, Any] = envelope["data"]
                return data


def _check(status: str) -> None:
    if status != "approved":
        raise program.ProgramFailed(f"a tender that could pay was {status}")
