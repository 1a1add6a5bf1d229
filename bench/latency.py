"""The latency of a till on an idle system: one request after the other, each sent when the one before is answered."""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from statistics import quantiles
from typing import Any, cast

import asyncpg
import httpx
import orjson
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
        return asyncio.run(_measure(settings, f"http://127.0.0.1:{api_port}", requests))


async def _measure(settings: Mapping[str, str], url: str, requests: int) -> list[Latency]:
    async with _over_http(settings["G3N_POSTGRES_DSN"], url) as ask:
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
async def _over_http(dsn: str, url: str) -> AsyncIterator[Callable[[str], Awaitable[None]]]:
    connection = await asyncpg.connect(dsn)
    try:
        _, secret = await api_keys.create(cast("Connection", connection), ORGCODE, "latency", ("tender",))
    finally:
        await connection.close()
    headers = {"X-Orgcode": ORGCODE, "X-Api-Key": secret}
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=_ANSWER_S) as http:

        async def ask(tender_id: str) -> None:
            answer = await http.post("/tender/authorize", json={**ASKED, "tender_id": tender_id})
            _check(answer.json()["status"])

        yield ask


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
