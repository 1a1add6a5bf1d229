"""The server: uvicorn on a listening socket, in bounds."""

import asyncio
import contextlib
import resource
import socket
from collections.abc import Iterator
from typing import Any, Final

import uvicorn

from worker.web.bounds import Bounds
from worker.web.connection import BoundedConfig, Connection
from worker.web.connections import Connections

_SWEEP_S: Final = 0.5


class Server(uvicorn.Server):
    """Answers until `should_exit`. It leaves signals alone: whoever started it decides when it stops."""

    def __init__(self, app: Any, bounds: Bounds | None = None, **options: Any) -> None:  # noqa: ANN401  as uvicorn's
        """`app` is an ASGI application; `options` are uvicorn's, for instance of TLS."""
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

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        """Answer on these sockets."""
        sweeping = asyncio.create_task(self._sweep())
        try:
            await super().serve(sockets)
        finally:
            sweeping.cancel()

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(_SWEEP_S)
            self.connections.sweep(asyncio.get_running_loop().time())

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


def raise_file_limit(files: int) -> None:
    """Let this process open so many files, if the operating system allows it: each connection is one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < files:
        most = files if hard == resource.RLIM_INFINITY else min(files, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
