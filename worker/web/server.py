"""The server: uvicorn on a listening socket, within limits."""

import asyncio
import contextlib
import resource
import socket
from collections.abc import Iterator
from typing import Any, Final

import structlog
import uvicorn

from worker.web.bounds import Bounds
from worker.web.connection import BoundedConfig, Connection
from worker.web.connections import Connections

_SWEEP_S: Final = 0.5
_ACCEPTED_AT_ONCE: Final = 64
_log: Final = structlog.get_logger(__name__)


class Server(uvicorn.Server):
    """Answers until `should_exit`. It handles no signals: its caller decides when it stops."""

    def __init__(self, app: Any, bounds: Bounds | None = None, **options: Any) -> None:  # noqa: ANN401  as uvicorn's
        """`app` is an ASGI application; `options` are uvicorn's, such as those of TLS."""
        bounds = bounds or Bounds()
        config = BoundedConfig(
            app,
            http=Connection,
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=bool(bounds.proxies),
            forwarded_allow_ips=[str(network) for network in bounds.proxies],
            timeout_keep_alive=bounds.idle_s,
            **options,
        )
        config.held = self.connections = Connections(bounds)
        super().__init__(config)
        self._connecting: set[asyncio.Task[None]] = set()

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        """Answer on these sockets."""
        sweeping = asyncio.create_task(self._sweep())
        try:
            await super().serve(sockets)
        finally:
            sweeping.cancel()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen. We accept connections ourselves: uvloop accepts one for each turn of its loop. Under a flood of
        requests, a new client would wait for as many turns as there are connections before it.
        """
        await super().startup(sockets=[])
        for one in sockets or []:
            one.settimeout(0)
            asyncio.get_running_loop().add_reader(one, self._accept, one)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept no more, and finish the requests in progress."""
        for one in sockets or []:
            asyncio.get_running_loop().remove_reader(one)
        await super().shutdown(sockets)

    def _accept(self, listener: socket.socket) -> None:
        for _ in range(_ACCEPTED_AT_ONCE):
            try:
                accepted, _ = listener.accept()
            except (BlockingIOError, ConnectionAbortedError):
                return
            except OSError as error:  # no file descriptor is left: the sweep makes room
                _log.warning("not_accepted", error=error.strerror)
                return
            accepted.settimeout(0)
            task = asyncio.create_task(self._connect(accepted))
            self._connecting.add(task)
            task.add_done_callback(self._connecting.discard)

    async def _connect(self, accepted: socket.socket) -> None:
        def protocol() -> Connection:
            return Connection(self.config, self.server_state, self.lifespan.state)

        try:
            await asyncio.get_running_loop().connect_accepted_socket(protocol, accepted, ssl=self.config.ssl)
        except OSError:  # gone already, or no TLS
            accepted.close()

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(_SWEEP_S)
            self.connections.sweep(asyncio.get_running_loop().time())

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


def raise_file_limit(files: int) -> None:
    """Let this process open this many files, if the operating system allows it. Each connection is one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < files:
        most = files if hard == resource.RLIM_INFINITY else min(files, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
