"""Floods of the API, and what another tenant notices of them.

    python -m tests.security.floods [SECONDS]      # a table: each flood, and the other tenant's answers

A flood is a program of its own (`attack`), so that it does not take the time of the client that measures. It opens what
the server closes again at once, at most `_PER_S` connections a second. Traffic stays on loopback.
"""

import asyncio
import contextlib
import os
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Final

_PER_S: Final = 400
_AT_ONCE: Final = 510
_HOST: Final = "127.0.0.1"


@dataclass(frozen=True)
class Target:
    """The address of the API, and the key of the tenant that floods it."""

    port: int
    orgcode: str
    secret: str

    def head(self, method: str, path: str, length: int, *, key: bool = True, rest: str = "") -> bytes:
        """A request's head."""
        who = f"X-Orgcode: {self.orgcode}\r\nX-Api-Key: {self.secret}\r\n" if key else ""
        text = f"{method} {path} HTTP/1.1\r\nHost: api\r\n{who}Content-Type: application/json\r\n{rest}"
        return f"{text}Content-Length: {length}\r\n\r\n".encode()


Send = Callable[[Target, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def _wait_for_the_end(reader: asyncio.StreamReader) -> None:
    while await reader.read(1 << 16):
        pass


async def unread_answers(target: Target, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Requests without a key, ahead of each other, whose answers are never read."""
    del reader
    writer.transport.pause_reading()  # type: ignore[attr-defined]  # what asyncio.open_connection gives
    writer.write(target.head("GET", "/openapi.json", 0, key=False) * 16)
    while not writer.is_closing():
        await asyncio.sleep(0.5)
        writer.write(b"G")  # notices that the connection has ended


async def slow_bodies(target: Target, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """With a key: a body of which one byte comes."""
    writer.write(target.head("POST", "/customer/create", 1000) + b"{")
    await _wait_for_the_end(reader)


async def large_bodies(target: Target, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """With a key: as large a body as may be, but for its last byte."""
    writer.write(target.head("POST", "/customer/create", 1 << 20) + b" " * ((1 << 20) - 1))
    await _wait_for_the_end(reader)


async def silence(target: Target, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send nothing."""
    del target, writer
    await _wait_for_the_end(reader)


async def half_heads(target: Target, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A head that never ends."""
    writer.write(target.head("POST", "/customer/get", 2)[:-2])
    await _wait_for_the_end(reader)


async def late_bodies(target: Target, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Without a key: a body that drips on after its 401."""
    writer.write(target.head("POST", "/customer/get", 1_000_000, key=False))
    dripping = asyncio.create_task(_wait_for_the_end(reader))
    while not dripping.done():
        writer.write(b" ")
        await asyncio.sleep(1)


async def wrong_keys(target: Target, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A secret of the right form that nobody has, another one each time."""
    while True:
        wrong = Target(target.port, target.orgcode, f"g3nk_{target.orgcode}_{os.urandom(24).hex()}")
        writer.write(wrong.head("POST", "/customer/get", 2) + b"{}")
        if not await reader.read(1 << 16):
            return


async def readings(target: Target, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """With a key: the same reading as fast as it is answered."""
    while True:
        writer.write(target.head("POST", "/customer/list", 2) + b"{}")
        if not await reader.read(1 << 16):
            return


FLOODS: Final[dict[str, Send]] = {
    one.__name__: one
    for one in (unread_answers, slow_bodies, large_bodies, silence, half_heads, late_bodies, wrong_keys, readings)
}


async def attack(name: str, target: Target, seconds: float) -> None:
    """Keep `_AT_ONCE` connections at it."""
    open_now, until = set[asyncio.Task[None]](), time.monotonic() + seconds

    async def one() -> None:
        with contextlib.suppress(OSError, asyncio.TimeoutError):
            reader, writer = await asyncio.open_connection(_HOST, target.port)
            try:
                await FLOODS[name](target, reader, writer)
            finally:
                writer.transport.abort()

    while time.monotonic() < until:
        for _ in range(min(_AT_ONCE - len(open_now), _PER_S // 20)):
            task = asyncio.create_task(one())
            open_now.add(task)
            task.add_done_callback(open_now.discard)
        await asyncio.sleep(0.05)
    for task in open_now:
        task.cancel()
    await asyncio.gather(*open_now, return_exceptions=True)


@contextlib.asynccontextmanager
async def flooded(name: str | None, target: Target, seconds: float) -> AsyncIterator[None]:
    """As long as the context is open, at most for `seconds`, a program floods the API; None: nobody does."""
    if name is None:
        yield
        return
    arguments = ("attack", name, str(target.port), target.orgcode, target.secret, str(seconds))
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", __spec__.name, *arguments)
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


@dataclass
class Noticed:
    """The answers to another tenant: how often each status came (0: no answer), and the seconds of each answer."""

    statuses: Counter[int]
    seconds: list[float]

    def quantile(self, part: float) -> float:
        """Seconds within which this part of the answers came."""
        ordered = sorted(self.seconds)
        return ordered[min(int(len(ordered) * part), len(ordered) - 1)]


async def notice(target: Target, requests: int, pause_s: float = 0.02) -> Noticed:
    """Ask one thing after the other: on a connection that is kept, and every second time on a new one."""
    noticed = Noticed(Counter(), [])
    kept: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
    for number in range(requests):
        began = time.perf_counter()
        fresh = number % 2 == 1
        try:
            async with asyncio.timeout(15):
                if fresh or kept is None:
                    streams = await asyncio.open_connection(_HOST, target.port)
                    kept = kept if fresh else streams
                else:
                    streams = kept
                streams[1].write(target.head("POST", "/customer/create", 2) + b"{}")
                head = await streams[0].readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
                await streams[0].readexactly(length)
            status = int(head.split()[1])
        except (OSError, EOFError, TimeoutError):
            status, kept = 0, None if not fresh else kept
        noticed.statuses[status] += 1
        noticed.seconds.append(time.perf_counter() - began)
        if fresh:
            streams[1].transport.abort()
        await asyncio.sleep(pause_s)
    if kept is not None:
        kept[1].transport.abort()
    return noticed


async def _table(seconds: float) -> None:
    """Start Postgres and an API, flood it in each way, and print what the other tenant noticed."""
    import devstack  # noqa: PLC0415  the flooding program needs none of it
    from tests.security.running import running_api  # noqa: PLC0415
    from worker.ledger.setup import set_up  # noqa: PLC0415

    with devstack.start() as stack:
        await set_up(stack.dsn)
        async with running_api(stack.dsn) as (port, keys):
            flooding, other = (Target(port, code, keys[code]) for code in ("acme", "globex"))
            print("flood            answered  other  p50 ms  p99 ms")  # noqa: T201
            for name in (None, *FLOODS):
                async with flooded(name, flooding, seconds + 30):
                    await asyncio.sleep(2 if name else 0)
                    noticed = await notice(other, int(seconds / 0.03))
                rest = {status: count for status, count in noticed.statuses.items() if status != 200}
                p50, p99 = (noticed.quantile(part) * 1000 for part in (0.5, 0.99))
                print(f"{name or 'none':16} {noticed.statuses[200]:8}  {rest or '-'!s:5} {p50:7.1f} {p99:7.1f}")  # noqa: T201


if __name__ == "__main__":
    if sys.argv[1:2] == ["attack"]:
        flood, port_, orgcode_, secret_, seconds_ = sys.argv[2:]
        asyncio.run(attack(flood, Target(int(port_), orgcode_, secret_), float(seconds_)))
    else:
        asyncio.run(_table(float(sys.argv[1]) if len(sys.argv) > 1 else 20))
