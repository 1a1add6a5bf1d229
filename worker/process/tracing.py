"""OpenTelemetry: a span for each batch, with links to the spans of its documents' publishers. Off unless `start` runs.

A span has counts and nothing of a document: no key, no id, no amount, no text of an error.
"""

import contextlib
import re
from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from typing import Any, Final

_PARENT: Final = re.compile(rb"[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})", re.ASCII)
_SAMPLED: Final = 0x01
_LINKS: Final = 128  # of a span, as OpenTelemetry limits them
_SCOPE: Final = "g3n"

_tracer: Any = None  # OpenTelemetry is optional, so its types are not here


class Missing(Exception):
    """The packages of the extra `otel` are not installed."""


def start(service: str, exporter: Any = None) -> Callable[[], None]:  # noqa: ANN401  a SpanExporter
    """Send spans from now on; return the function that sends the last ones and stops.

    `exporter`: gets each span at its end; default: OTLP over HTTP, in batches, set by the variables OTEL_….
    """
    global _tracer  # noqa: PLW0603  a process has one tracer
    try:
        trace, export = import_module("opentelemetry.sdk.trace"), import_module("opentelemetry.sdk.trace.export")
        resource = import_module("opentelemetry.sdk.resources").Resource.create({"service.name": service})
        if exporter is None:
            otlp = import_module("opentelemetry.exporter.otlp.proto.http.trace_exporter")
            processor = export.BatchSpanProcessor(otlp.OTLPSpanExporter())
        else:
            processor = export.SimpleSpanProcessor(exporter)
    except ImportError as error:
        raise Missing(str(error)) from error
    provider = trace.TracerProvider(resource=resource)
    provider.add_span_processor(processor)
    _tracer = provider.get_tracer(_SCOPE)

    def stop() -> None:
        global _tracer  # noqa: PLW0603  as above
        _tracer = None
        provider.shutdown()

    return stop


@contextlib.contextmanager
def batch(traceparents: Iterable[bytes | None], counts: dict[str, int]) -> Iterator[None]:
    """Record a span around a batch. `traceparents`: of its documents; those that are sampled become links."""
    if _tracer is None:
        yield
        return
    api = import_module("opentelemetry.trace")
    links = [api.Link(context) for context in _contexts(api, traceparents)]
    span = _tracer.start_span("batch", kind=api.SpanKind.CONSUMER, links=links, attributes=counts)
    try:
        yield
    except BaseException as error:
        span.set_status(api.StatusCode.ERROR, type(error).__name__)
        raise
    finally:
        span.end()


def _contexts(api: Any, traceparents: Iterable[bytes | None]) -> list[Any]:  # noqa: ANN401  as above
    """Return the contexts of sampled parents, each once."""
    parents = dict.fromkeys(one for one in traceparents if one is not None)
    found: list[Any] = []
    for parent in parents:
        read = _PARENT.match(parent)
        if read is None or not int(read[3], 16) & _SAMPLED or len(found) == _LINKS:
            continue
        flags = api.TraceFlags(int(read[3], 16))
        context = api.SpanContext(int(read[1], 16), int(read[2], 16), is_remote=True, trace_flags=flags)
        if context.is_valid:
            found.append(context)
    return found
