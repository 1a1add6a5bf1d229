"""A real HTTP server that answers as a test says: for how the client sends, not for what the API decides."""

import contextlib
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from schemas.problems import MEDIA_TYPE, Code, details


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as it was received."""

    route: str
    headers: Mapping[str, str]
    body: Any

    @property
    def key(self) -> str | None:
        return self.headers.get("idempotency-key")


@dataclass(frozen=True, slots=True)
class Reply:
    """The response. `dropped`: the connection is closed instead. `after`: sent once the event is set."""

    status: int = 200
    body: bytes = b"{}"
    headers: Mapping[str, str] = field(default_factory=dict)
    dropped: bool = False
    after: threading.Event | None = None


def ok(data: Mapping[str, Any], **headers: str) -> Reply:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(200, json.dumps(data).encode(), {"Content-Type": "application/json", **named})


def problem(code: Code, reason: str, detail: str = "", outcome: object = None, **headers: str) -> Reply:
    said = details(code, reason, detail, "r-1", outcome=outcome)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(said["status"], json.dumps(said).encode(), {"Content-Type": MEDIA_TYPE, **named})


@dataclass
class Api:
    """`answer` answers every request, one at a time; `asked` has them all."""

    url: str
    answer: Callable[[Asked], Reply]
    asked: list[Asked] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)


def in_turn(*replies: Reply) -> Callable[[Asked], Reply]:
    """Return one reply for each request; the last one answers all further requests."""
    left = list(replies)
    return lambda _: left.pop(0) if len(left) > 1 else left[0]


@contextmanager
def serving(answer: Callable[[Asked], Reply]) -> Iterator[Api]:
    """Yield the server, on a port of its own."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # else a body waits 40 ms for the client to acknowledge the head

        def do_POST(self) -> None:  # the name is the base class's
            raw = self.rfile.read(int(self.headers["Content-Length"]))
            asked = Asked(self.path, {name.lower(): value for name, value in self.headers.items()}, json.loads(raw))
            with api.lock:
                api.asked.append(asked)
                reply = api.answer(asked)
            if reply.after is not None:
                reply.after.wait()
            if reply.dropped:
                self.close_connection = True
                return
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(reply.body)))
            with contextlib.suppress(ConnectionError):  # the client may have given up
                self.end_headers()
                self.wfile.write(reply.body)

        def log_message(self, *_: object) -> None:  # silent
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    api = Api(f"http://127.0.0.1:{server.server_port}", answer)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield api
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
