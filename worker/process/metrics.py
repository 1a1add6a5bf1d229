"""The metrics of this process, which Prometheus reads at /metrics."""

import math
from collections.abc import Mapping

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)

from schemas.reasons import DeadLetterReason, Reason

disable_created_metrics()  # type: ignore[no-untyped-call]
REGISTRY = CollectorRegistry()
ProcessCollector(registry=REGISTRY)
PlatformCollector(registry=REGISTRY)

DOCUMENTS = Counter(
    "g3n_documents", "Documents decided, final and parked, by outcome", ["type", "status", "reason"], registry=REGISTRY
)
DUPLICATES = Counter("g3n_duplicates", "Documents that came again and got their stored outcomes", registry=REGISTRY)
CONFLICTS = Counter(
    "g3n_conflicts",
    "Documents with a known identity and other content: alert, a publisher reuses ids",
    registry=REGISTRY,
)
MISMATCHES = Counter(
    "g3n_mismatches",
    "Sales and returns whose amounts do not add up, whatever reason their outcome gives: alert for refunds_mismatch",
    ["reason"],
    registry=REGISTRY,
)
ORPHANS = Counter(
    "g3n_orphans",
    "Tenders that were requested for a sale which does not name them: holds are released, what was captured stays",
    ["state"],
    registry=REGISTRY,
)
MISSING = Counter(
    "g3n_missing",
    "What returns, voids and reversals took back that had been spent: points or minor units, as a deficit or let go",
    ["what"],
    registry=REGISTRY,
)
LATE_DAYS = Histogram(
    "g3n_late_days",
    "Days between a document's occurred_at and its record, of documents that are more than a day late",
    buckets=(2, 3, 7, 14, 30, 90, 365),
    registry=REGISTRY,
)
FAILURES = Counter(
    "g3n_failures",
    "Documents, parked documents and deadlines that the program itself could not decide: alert",
    ["what"],
    registry=REGISTRY,
)
DEAD_LETTERS = Counter("g3n_dead_letters", "Records that became dead letters", ["reason"], registry=REGISTRY)
DEAD_LETTERS_OPEN = Gauge(
    "g3n_dead_letters_open",
    "Dead letters that are neither repaired nor discarded, by reason",
    ["reason"],
    registry=REGISTRY,
)
DEAD_LETTERS_KEPT = Gauge(
    "g3n_dead_letters_kept_seconds",
    "Time until a topic may delete the original of an open dead letter; +Inf: it won't: alert",
    registry=REGISTRY,
)
MESSAGES = Counter("g3n_messages_published", "Messages acknowledged by Kafka", ["topic"], registry=REGISTRY)
BATCH_DOCUMENTS = Histogram(
    "g3n_batch_documents",
    "Documents in a batch",
    buckets=(1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 1500, 2000),
    registry=REGISTRY,
)
BATCH_SECONDS = Histogram(
    "g3n_batch_seconds",
    "Time that a batch takes in a stage: decode, apply, publish, commit",
    ["stage"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
    registry=REGISTRY,
)
LAG = Gauge(
    "g3n_lag_documents", "Records of an assigned partition not yet read", ["topic", "partition"], registry=REGISTRY
)
LAG_SECONDS = Gauge(
    "g3n_lag_seconds",
    "Age of the oldest unread record of an assigned partition; 0 if all are read",
    ["topic", "partition"],
    registry=REGISTRY,
)
TENDER_SECONDS = Histogram(
    "g3n_tender_seconds",
    "Time from a tender's record to its acknowledged outcome, or dead letter",
    buckets=(0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
    registry=REGISTRY,
)
PROBES = Counter(
    "g3n_probes", "Training tenders sent by `g3n worker probe`, by result: answered, unanswered", ["result"],
    registry=REGISTRY,
)  # fmt: skip
PROBE_SECONDS = Gauge(
    "g3n_probe_seconds", "Time from the latest probe to its outcome, through Kafka and back", registry=REGISTRY
)
HALTED = Gauge(
    "g3n_partition_halted",
    "1: the partition waits for an operator; g3n worker partition list says why: alert",
    ["topic", "partition"],
    registry=REGISTRY,
)
BEHIND = Counter(
    "g3n_ledger_behind",
    "Partitions whose group offset was ahead of the ledger, which lost documents: alert; they are read again",
    registry=REGISTRY,
)
ACCEPTED_BEHIND = Gauge(
    "g3n_accepted_behind_seconds",
    "Age of the oldest document that came in over HTTP and is not published yet, in the whole database",
    registry=REGISTRY,
)
RETRIES = Counter("g3n_retries", "Batches and publications tried again", ["stage"], registry=REGISTRY)
READY_WORK = Gauge("g3n_ready", "Parked documents that became ready and wait to be applied", registry=REGISTRY)
PARKED = Gauge("g3n_parked", "Documents that wait for another document", registry=REGISTRY)
UNPUBLISHED = Gauge(
    "g3n_batches_unpublished",
    "Batches committed over a minute ago whose outcomes are not known published",
    registry=REGISTRY,
)
# Prometheus does not see the first increase of a series that was not there: these are, from the start.
for _reason in DeadLetterReason:
    DEAD_LETTERS.labels(_reason.value)
    DEAD_LETTERS_OPEN.labels(_reason.value)
for _mismatch in (Reason.TENDERS_MISMATCH, Reason.REFUNDS_MISMATCH):
    MISMATCHES.labels(_mismatch.value)
for _state in ("released", "captured"):
    ORPHANS.labels(_state)
for _what in ("points_deficit", "card_deficit", "shortfall"):
    MISSING.labels(_what)
for _what in ("document", "parked", "deadline", "outcome", "housekeeping"):
    FAILURES.labels(_what)
for _result in ("answered", "unanswered"):
    PROBES.labels(_result)
for _stage in ("batch", "work", "publish"):
    RETRIES.labels(_stage)
HTTP_REQUESTS = Counter(
    "g3n_http_requests", "Requests to the API, by operation and status", ["operation", "status"], registry=REGISTRY
)
HTTP_SECONDS = Histogram(
    "g3n_http_seconds",
    "Time from a request's head to the end of its answer",
    ["operation"],
    buckets=(0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
    registry=REGISTRY,
)
GUESSES_REFUSED = Counter(
    "g3n_card_guesses_refused",
    "Requests refused because too many cards were not accepted, by the limit: key or tenant",
    ["of"],
    registry=REGISTRY,
)
HTTP_IN_HAND = Gauge("g3n_http_in_hand", "Requests to the API that are being decided or read", registry=REGISTRY)
HTTP_CONNECTIONS = Gauge("g3n_http_connections", "Open connections of HTTP clients", registry=REGISTRY)
HTTP_CLOSED = Counter(
    "g3n_http_connections_closed", "Connections closed because a client kept one waiting", ["why"], registry=REGISTRY
)
HTTP_REFUSED = Counter(
    "g3n_http_refused",
    "Requests refused by a limit; with the tenant if G3N_ORGCODES names it",
    ["limit", "orgcode"],
    registry=REGISTRY,
)
for _why in ("silent", "head_too_slow", "malformed_request", "unread", "late_body", "share", "full"):
    HTTP_CLOSED.labels(_why)
DEAD_LETTERS_KEPT.set(math.inf)
SERVING = Gauge("g3n_serving", "1 while /readyz says yes", registry=REGISTRY)


def count_documents(outcomes: Mapping[tuple[str, str, str], int]) -> None:
    """Add a batch's documents: (type, status, reason or "") → how many."""
    for labels, count in outcomes.items():
        DOCUMENTS.labels(*labels).inc(count)
