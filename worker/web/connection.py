"""One connection within limits: uvicorn's protocol, with the limits that it lacks.

uvicorn limits neither the size of a head nor the time for it. It limits neither how long an answer may stay unread, nor
a body that goes on after its answer. It answers a parse error ahead of the requests that came before. `Connection` adds
these.
"""

import asyncio
from typing import Any, Final

import httptools
from uvicorn import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.protocols.utils import is_ssl
from uvicorn.server import ServerState

from schemas.problems import ApiReason
from worker.process import metrics
from worker.web import refused, strict
from worker.web.connections import Connections
from worker.web.transport import Transport

_NEVER: Final = float("inf")
_WRITE_BUFFER_BYTES: Final = 32_768  # bytes of answers; beyond it, the next answer waits until the client has read


class BoundedConfig(Config):
    """uvicorn's configuration, and the connections of its server."""

    held: Connections


class Connection(HttpToolsProtocol):
    """Reads requests and writes answers. Every state in which the server waits for the client has a deadline."""

    config: BoundedConfig

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.held = self.config.held
        self.accepted = False  # a key was accepted on this connection
        self.held_back = False  # its answer waits on purpose
        self._bounds = self.held.bounds
        self._wire: asyncio.Transport
        self._deadline = _NEVER
        self._late_until = 0.0  # until when a body may go on after its answer
        self._in_message = False  # a request's first byte has arrived, its last byte has not
        self._in_head = False
        self._head_bytes = 0
        self._deaf = False  # input is discarded
        self._ended = False  # by the client: it sends nothing more
        self._ending = False
        self._refusal = b""  # to write once the requests before it are answered
        self._written = 0
        self._read_mark: tuple[float, int] | None = None  # (when, how many bytes the client had taken by then)

    # --- what `Connections` asks -------------------------------------------------------------------------------------

    @property
    def waits(self) -> bool:
        """Return whether the server waits for the client (for a head, a body, or until an answer is read), or makes it
        wait.
        """
        return self.held_back or not self._owes or self._wire.get_write_buffer_size() > 0

    @property
    def worth(self) -> int:
        """Return the rank for making room, lowest first: connections that end anyway, then those without an accepted
        key.
        """
        return 0 if self._late_until else 1 + self.accepted

    @property
    def _owes(self) -> bool:
        """Return whether the latest request is complete and unanswered."""
        cycle = self._latest
        return cycle is not None and not cycle.response_complete and not cycle.more_body

    @property
    def _latest(self) -> RequestResponseCycle | None:
        """Return the latest request whose head is complete. uvicorn says that there always is one."""
        return self.cycle

    def check(self, now: float) -> None:
        """Close the connection if its deadline has passed."""
        unread = self._wire.get_write_buffer_size()
        taken = self._written - unread
        if not unread:
            self._read_mark = None
        elif self._read_mark is None or taken - self._read_mark[1] >= self._bounds.unread_bytes:
            self._read_mark = (now, taken)
        elif now - self._read_mark[0] > self._bounds.unread_s:
            self.abort("unread")
            return
        if now <= self._deadline:
            return
        if self._late_until:
            self.abort("late_body")
        elif self._in_head:
            self._refuse(ApiReason.HEAD_TOO_SLOW)
        else:
            self.abort("late_body" if self._in_message else "silent")

    def abort(self, why: str) -> None:
        """Close at once, and drop what is unsent."""
        metrics.HTTP_CLOSED.labels(why).inc()
        self._wire.abort()

    # --- what the transport says -------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # uvicorn's signature
        """Accept the connection, if there is room."""
        self._wire = transport
        super().connection_made(transport)
        transport.set_write_buffer_limits(_WRITE_BUFFER_BYTES)
        self.transport = Transport(self.write, self.end, self.is_closing)
        self._wait(self._bounds.head_s)
        if not self.held.admit(self, self.client[0] if self.client else ""):
            self.abort("full")

    def connection_lost(self, exc: Exception | None) -> None:
        """Give the connection's place back."""
        self.held.gone(self)
        self._deaf = self._ending = True
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse, unless the rest of the input is ignored."""
        if self._late_until:
            self._deadline = min(self.loop.time() + self._bounds.late_gap_s, self._late_until)
        if self._deaf or self._ending:
            return
        self._unset_keepalive_if_required()
        try:
            self.parser.feed_data(data)
            if self._in_head:
                self._count(len(data))
        except httptools.HttpParserUpgrade as upgrade:
            self._read_without_upgrade(data[upgrade.args[0] :])
        except strict.Fault as fault:
            self._refuse(ApiReason.MALFORMED_REQUEST, str(fault))
        except httptools.HttpParserError as error:
            ours = isinstance(error.__context__, strict.Fault)
            self._refuse(ApiReason.MALFORMED_REQUEST, str(error.__context__) if ours else None)

    def _read_without_upgrade(self, rest: bytes) -> None:
        """Parse the request again without its upgrade headers.

        We speak no other protocol, and a server may ignore the offer (RFC 9110 §7.8). The parser would expect another
        protocol after the head. Java's HttpClient offers HTTP/2 with every request, and then sends its body.
        """
        method, version = self.parser.get_method(), self.parser.get_http_version().encode()
        if method == b"CONNECT":  # asks for a tunnel, whatever its headers say
            self._refuse(ApiReason.MALFORMED_REQUEST, None)
            return
        head = [method, b" ", self.url, b" HTTP/", version, b"\r\n"]
        for name, value in self.headers:
            if name == b"connection":
                value = b"close" if b"close" in value.lower() else b"keep-alive"  # noqa: PLW2901  the same header
            if name not in (b"upgrade", b"http2-settings"):
                head += [name, b": ", value, b"\r\n"]
        self.parser = httptools.HttpRequestParser(self)
        self.data_received(b"".join([*head, b"\r\n", rest]))

    def eof_received(self) -> bool:  # type: ignore[override]  # uvicorn never keeps it open
        """Keep our side open while an answer is owed: a client may close its side and still read (RFC 9112 §9.6)."""
        self._ended = True
        if self._ending or not self._owes or is_ssl(self._wire):
            return False
        self.cycle.keep_alive = False
        return True

    # --- what the parser says ----------------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self._in_message = self._in_head = True
        self._head_bytes = 0
        self._wait(self._bounds.head_s)

    def on_url(self, url: bytes) -> None:
        """A part of the target has arrived."""
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header or a trailer has arrived. Trailers are dropped: the request was admitted without checking them."""
        if not self._in_head:
            return
        self._count(len(name) + len(value))
        if len(self.headers) >= self._bounds.headers:
            raise strict.Fault(f"the head has more than {self._bounds.headers} headers")
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Admit the request, unless it can be read in two ways."""
        strict.check(self.url, self.parser.get_http_version(), self.headers)
        if len(self.pipeline) >= self._bounds.pipelined:
            raise strict.Fault(f"more than {self._bounds.pipelined} requests ahead of their answers")
        self._in_head = False
        if self.parser.should_upgrade():  # `data_received` reads it again
            return
        self._wait(self._bounds.body_s)
        self.scope["state"]["connection"] = self
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """A request is complete."""
        if self.parser.should_upgrade():
            return
        self._in_message = False
        self._deadline = _NEVER  # the application limits the time for a decision, uvicorn that of an idle connection
        super().on_message_complete()
        if self._late_until:
            self._late_until = 0.0
            self._wait(self._bounds.idle_s)

    def on_response_complete(self) -> None:
        """An answer is written. Go on with the next request, or end."""
        super().on_response_complete()
        if self._ending or not self.cycle.response_complete:
            return
        if self._refusal:
            self.end()
        elif self._in_message and not self._in_head:
            self._late()
            if self.expect_100_continue:  # the body may still arrive
                self.end()

    def _count(self, size: int) -> None:
        self._head_bytes += size
        if self._head_bytes > self._bounds.head_bytes:
            raise strict.Fault(f"the head has more than {self._bounds.head_bytes} bytes")

    # --- the end -----------------------------------------------------------------------------------------------------

    def _refuse(self, reason: ApiReason, detail: str | None = None) -> None:
        """Ignore further input. Send the error once earlier requests are answered, and close."""
        metrics.HTTP_CLOSED.labels(reason.value).inc()
        self._deaf = True
        self._refusal = refused.answer(reason, detail)
        self._late()
        cycle = self._latest
        if cycle is not None and self._in_message and not self._in_head and not cycle.response_complete:
            cycle.disconnected = True  # the fault is in its body, so this is its only answer
            cycle.message_event.set()
            if cycle.response_started:
                self._refusal = b""
            self.end()
        elif cycle is None or cycle.response_complete:
            self.end()

    def end(self) -> None:
        """Close so that the client can read the answer. Closing while input arrives would reset the connection."""
        if self._ending:
            return
        self._ending = True
        self._unset_keepalive_if_required()
        if self._refusal:
            self.write(self._refusal)
        if self._ended or not (self._in_message or self._deaf) or not self._wire.can_write_eof():
            self._wire.close()
            return
        self._wire.write_eof()
        self._late()
        self.flow.resume_reading()

    def is_closing(self) -> bool:
        """Return whether no further answer can be sent."""
        return self._ending or self._wire.is_closing()

    def _late(self) -> None:
        """Discard for a while the rest of a request that is answered."""
        now = self.loop.time()
        self._late_until = self._late_until or now + self._bounds.late_body_s
        self._deadline = now + self._bounds.late_gap_s

    def _wait(self, seconds: float) -> None:
        self._deadline = self.loop.time() + seconds

    def write(self, data: bytes) -> None:
        """Send a part of an answer, unless the connection was aborted."""
        if not self._wire.is_closing():  # aborted a moment ago, which uvicorn does not know yet
            self._written += len(data)
            self._wire.write(data)
