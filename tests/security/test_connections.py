"""Limits of what one client can hold: connections that wait for it end, and cost no other client its answer."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Final

import asyncpg
import pytest
from prometheus_client import generate_latest

from tests.api.conftest import Caller, NewCaller, Service, Serving, problem
from tests.kafka.conftest import until
from tests.security.conftest import Listening, Wire, listening
from worker.process import metrics
from worker.process.callers import Shares, home, is_proxy
from worker.web.bounds import Bounds
from worker.web.connection import Connection

HASTY: Final = Bounds(head_s=0.3, body_s=0.3, unread_s=0.3, late_body_s=0.6, late_gap_s=0.3, idle_s=1)
LIVEZ: Final = b"GET /livez HTTP/1.1\r\nHost: api\r\n\r\n"
OPENAPI: Final = b"GET /openapi.json HTTP/1.1\r\nHost: api\r\n\r\n"


def head(caller: Caller | None, length: int, route: str = "/customer/create") -> bytes:
    key = "" if caller is None else f"X-Orgcode: acme\r\nX-Api-Key: {caller.secret}\r\n"
    text = (
        f"POST {route} HTTP/1.1\r\nHost: api\r\n{key}Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    )
    return text.encode()


def closed(why: str) -> float:
    """Return how many connections were closed for this reason."""
    return float(metrics.REGISTRY.get_sample_value("g3n_http_connections_closed_total", {"why": why}) or 0)


def connections(running: Listening) -> list[Connection]:
    """The server's connections, in the order in which they were opened."""
    return [one for one in running.server.connections._all if isinstance(one, Connection)]


@pytest.fixture
async def hasty(service: Service) -> AsyncIterator[Listening]:
    async with listening(service.api.app, HASTY) as running:
        yield running


# --- time ------------------------------------------------------------------------------------------------------------


async def test_a_silent_connection_ends(hasty: Listening) -> None:
    before = closed("silent")
    assert await (await hasty.connect()).rest() == b""
    wire = await hasty.connect()
    wire.writer.write(LIVEZ)
    assert (await wire.answer()).status == 200
    assert await wire.rest() == b"", "idle"
    assert closed("silent") == before + 1


async def test_a_head_that_does_not_end_is_refused(hasty: Listening) -> None:
    (answer,) = await hasty.answers(b"GET /livez HTTP/1.1\r\nHost: a")
    assert (answer.status, json.loads(answer.body)["reason"]) == (408, "head_too_slow")


async def test_a_head_in_drips_is_refused_in_time(hasty: Listening) -> None:
    """Each byte on its own would extend a timeout that counts silence."""
    wire = await hasty.connect()

    async def drip() -> None:
        for byte in LIVEZ[:-1] * 100:
            wire.writer.write(bytes([byte]))
            await asyncio.sleep(0.02)

    dripping = asyncio.create_task(drip())
    assert (await wire.answer()).status == 408
    dripping.cancel()


async def test_an_answer_that_nobody_reads_ends_its_connection(hasty: Listening) -> None:
    """And it never keeps more than a piece of a page in memory."""
    before = closed("unread")
    wires = [await hasty.connect() for _ in range(5)]
    for wire in wires:
        wire.writer.transport.pause_reading()  # type: ignore[attr-defined]  # what asyncio.open_connection gives
        wire.writer.write(OPENAPI * 16)
    most = 0
    while closed("unread") < before + 5:
        held = [one._wire.get_write_buffer_size() for one in connections(hasty)]
        most = max(most, *held, 0)
        await asyncio.sleep(0)
    assert 0 < most <= 3 * 32_768


async def test_a_body_that_goes_on_after_its_answer_ends(hasty: Listening) -> None:
    wire = await hasty.connect()
    wire.writer.write(head(None, 1000))
    assert (await wire.answer()).status == 401

    async def drip() -> None:
        for _ in range(1000):
            wire.writer.write(b" ")
            await asyncio.sleep(0.1)

    dripping = asyncio.create_task(drip())
    with contextlib.suppress(ConnectionResetError):
        assert await wire.rest() == b""
    dripping.cancel()


async def test_a_short_body_after_its_answer_costs_no_connection(hasty: Listening) -> None:
    wire = await hasty.connect()
    wire.writer.write(head(None, 4))
    assert (await wire.answer()).status == 401
    wire.writer.write(b"    " + LIVEZ)
    assert (await wire.answer()).status == 200


# --- shares ----------------------------------------------------------------------------------------------------------


async def test_a_newcomer_is_answered_however_many_wait(service: Service) -> None:
    """Silent connections make room, the oldest first; one that an accepted key has used goes last."""
    async with listening(service.api.app, Bounds(connections=20)) as api:
        silent = [await api.connect() for _ in range(60)]
        (answer,) = await api.answers(LIVEZ.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        assert answer.status == 200
        assert len(api.server.connections) <= 20
        assert await silent[0].rest() == b""


async def test_connections_with_an_accepted_key_are_kept(service: Service, caller: Caller) -> None:
    async with listening(service.api.app, Bounds(connections=20)) as api:
        known = await api.connect()
        for _ in range(2):
            known.writer.write(head(caller, 2) + b"{}")
            assert (await known.answer()).status == 200
            for _ in range(60):
                await api.connect()


async def test_a_tenant_has_its_share_of_connections(service: Service, caller: Caller, new_caller: NewCaller) -> None:
    other = await new_caller(orgcode="globex")
    shares = Shares(key=1, tenant=0.25, address=1)
    async with listening(service.api.app, Bounds(connections=20, shares=shares)) as api:
        slow = [await api.connect() for _ in range(12)]
        for wire in slow:
            wire.writer.write(head(caller, 100) + b"{")
        await until(lambda: len(api.server.connections) <= 5)
        stranger = await api.connect()
        stranger.writer.write(head(other, 2).replace(b"acme", b"globex") + b"{}")
        assert (await stranger.answer()).status == 200


async def test_a_slow_body_takes_no_slot(serving: Serving, new_caller: NewCaller) -> None:
    async with serving(api_max_in_hand=4) as small, listening(small.api.app) as api:
        caller = await new_caller(of=small)
        slow = [await api.connect() for _ in range(10)]
        for wire in slow:
            wire.writer.write(head(caller, 100) + b"{")
        await until(lambda: sum(one.accepted for one in api.server.connections._all) == 10)
        assert small.api.in_hand.used == 0
        quick = await api.connect()
        quick.writer.write(head(caller, 2) + b"{}")
        assert (await quick.answer()).status == 200


async def test_an_unread_answer_takes_no_slot(service: Service, caller: Caller) -> None:
    """The slot is free once the answer is built."""
    await caller.ok("customer.create", {"customer_id": "C", "external_ids": {f"n{n}": "x" * 90 for n in range(16)}})
    body = b'{"customer_id": "C"}'
    ask = head(caller, len(body), "/customer/get") + body
    async with listening(service.api.app, replace(HASTY, unread_s=30)) as api:
        deaf = await api.connect()
        deaf.writer.transport.pause_reading()  # type: ignore[attr-defined]  # what asyncio.open_connection gives
        connection = None
        for _ in range(200):
            deaf.writer.write(ask * 10)
            await asyncio.sleep(0)
            connection = next(iter(connections(api)), connection)
        assert connection is not None
        await until(lambda: connection.flow.write_paused or not api.server.connections._all)
        await until(lambda: service.api.in_hand.used == 0)


async def test_a_key_has_its_share_of_slots(
    serving: Serving, new_caller: NewCaller, connection: asyncpg.Connection
) -> None:
    async with serving(api_max_in_hand=8, api_key_share=0.5, api_tenant_share=0.75, api_address_share=1) as small:
        caller, sibling = await new_caller(of=small), await new_caller(of=small)
        other = await new_caller(of=small, orgcode="globex")
        await caller.ok("customer.create", {"customer_id": "C"})
        await connection.execute("BEGIN")
        await connection.execute("SELECT FROM account WHERE key = 'C' FOR UPDATE")
        earn = {"customer_id": "C", "points": 1}
        waiting = [asyncio.create_task(caller.post("loyalty.earn", earn)) for _ in range(4)]
        await until(lambda: small.api.in_hand.used == 4)
        refused = await caller.post("customer.get", {"customer_id": "C"})
        assert problem(refused) == (429, "too-many-requests", "share_in_use")
        assert "the key has its full share" in refused.json()["detail"]
        waiting += [asyncio.create_task(sibling.post("loyalty.earn", earn)) for _ in range(2)]
        await until(lambda: small.api.in_hand.used == 6)
        refused = await sibling.post("customer.get", {"customer_id": "C"})
        assert "the tenant has its full share" in refused.json()["detail"]
        assert problem(await other.post("customer.get", {"customer_id": "C"}))[0] == 404, "another tenant has its own"
        await connection.execute("COMMIT")
        assert [one.status_code for one in await asyncio.gather(*waiting)] == [200] * 6
        assert small.api.in_hand.used == small.api._bodies.used == 0


# --- keyless requests ------------------------------------------------------------------------------------------------


async def test_an_address_without_a_key_is_limited_and_its_good_keys_are_not(
    serving: Serving, new_caller: NewCaller, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(api_keyless_per_s=1) as strict, listening(strict.api.app) as api:
        caller = await new_caller(of=strict)
        await caller.ok("customer.create")
        monkeypatch.setattr("worker.api.callers.REMEMBERED_S", 0.0)
        monkeypatch.setattr("worker.api.application._LATE_S", 0.0)
        statuses = []
        for _ in range(12):
            (answer,) = await api.answers(head(None, 0).replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
            statuses.append(answer.status)
        assert statuses == [401] * 10 + [429] * 2
        assert json.loads(answer.body)["reason"] == "address_limited"
        for path in b"/", b"/openapi.json", b"/metrics", b"/nowhere":
            (answer,) = await api.answers(b"GET " + path + b" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            assert answer.status == 429
        (alive,) = await api.answers(b"GET /readyz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        assert alive.status == 200, "an orchestrator is always answered"
        good = await api.connect()
        for _ in range(3):
            good.writer.write(head(caller, 2) + b"{}")
            assert (await good.answer()).status == 200
        assert (
            'g3n_http_refused_total{limit="address_limited",orgcode=""}' in generate_latest(metrics.REGISTRY).decode()
        )


async def test_a_wrong_secret_is_looked_up_once(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    looked_up = []
    look_up = caller.service.api._callers._look_up

    async def counted(digest: bytes, secret: str | None) -> object:
        looked_up.append(secret)
        return await look_up(digest, secret)

    monkeypatch.setattr(caller.service.api._callers, "_look_up", counted)
    wrong = "g3nk_acme_" + "0" * 48
    async with caller.service.http({"X-Orgcode": "acme", "X-Api-Key": wrong}) as http:
        answers = [await http.post("/customer/get", json={}) for _ in range(5)]
    assert [one.status_code for one in answers] == [401] * 5
    assert looked_up == [wrong]


def test_one_caller_is_an_ipv4_address_or_an_ipv6_network() -> None:
    assert home("192.0.2.7") == home("::ffff:192.0.2.7") == "192.0.2.7"
    assert home("2001:db8::1") == home("2001:db8::2") == "2001:db8::/64"
    assert home("2001:db8:0:1::1") != home("2001:db8::1")
    networks = Bounds().proxies
    assert not is_proxy("10.0.0.1", networks)


async def test_the_address_behind_a_trusted_proxy_is_the_clients(serving: Serving) -> None:
    async with serving(api_keyless_per_s=1, api_trusted_proxies="127.0.0.0/8") as strict:
        bounds = Bounds(proxies=strict.settings.api_proxies)
        async with listening(strict.api.app, bounds) as api:
            for client, expected in ("192.0.2.1", [401] * 10 + [429]), ("192.0.2.2", [401]):
                ask = head(None, 0).replace(b"\r\n\r\n", f"\r\nX-Forwarded-For: {client}\r\n\r\n".encode())
                wire = await api.connect()
                for status in expected:
                    wire.writer.write(ask)
                    assert (await wire.answer()).status == status


async def test_a_forwarded_address_is_believed_of_nobody_else(serving: Serving) -> None:
    async with serving(api_keyless_per_s=1) as strict, listening(strict.api.app) as api:
        statuses = []
        for n in range(11):
            ask = head(None, 0).replace(b"\r\n\r\n", f"\r\nX-Forwarded-For: 192.0.2.{n}\r\n\r\n".encode())
            wire: Wire = await api.connect()
            wire.writer.write(ask)
            statuses.append((await wire.answer()).status)
        assert statuses == [401] * 10 + [429]
