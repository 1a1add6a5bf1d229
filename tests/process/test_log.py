"""No line of the log carries a value."""

import json
import subprocess
import sys

import asyncpg
import pytest

from worker.process import errors

SECRET = "4111111111111111"


PROGRAM = f"""
import logging, structlog
from worker.process import log

log.configure("debug", "json")
for name in "aiokafka", "aiokafka.producer.producer", "asyncpg", "asyncio", "httpcore.http11", "mcp.server.runner":
    logging.getLogger(name).debug("Sending (value=%s)", "{SECRET}")
for _ in range(1000):
    logging.getLogger("aiokafka.client").error("Unable connect to node")
    logging.getLogger("aiokafka.cluster").warning("Topic %s not found", "{SECRET}")
structlog.get_logger("worker").debug("kept", topic="t", offset=5)
try:
    try:
        int("{SECRET}x")
    except ValueError as error:
        raise RuntimeError("{SECRET}") from error
except RuntimeError:
    structlog.get_logger("worker").exception("ours")
    logging.getLogger("aiokafka.consumer").exception("of %s", "a library")
"""


def test_lines_are_json_and_carry_no_value() -> None:
    ran = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    unable, kept, ours, library = map(json.loads, ran.stderr.splitlines())
    assert SECRET not in ran.stderr + ran.stdout
    assert unable["event"] == "Unable connect to node"
    assert (kept["event"], kept["level"], kept["topic"], kept["offset"]) == ("kept", "debug", "t", 5)
    assert (ours["event"], ours["error"], ours["logger"]) == ("ours", "RuntimeError", "worker")
    assert (library["event"], library["error"], library["logger"]) == (
        "of a library (1999 more lines of the client were left out)",
        "RuntimeError",
        "aiokafka.consumer",
    )
    for line in ours, library:
        assert line["frames"] == ["ValueError", "<string>:14 <module>", "led to RuntimeError", "<string>:16 <module>"]


@pytest.mark.parametrize(
    ("error", "retriable", "said"),
    [
        (asyncpg.DeadlockDetectedError(SECRET), True, "DeadlockDetectedError 40P01"),
        (asyncpg.AdminShutdownError(SECRET), True, "AdminShutdownError 57P01"),
        (asyncpg.ReadOnlySQLTransactionError(SECRET), True, "ReadOnlySQLTransactionError 25006"),
        (asyncpg.DiskFullError(SECRET), True, "DiskFullError 53100"),
        (asyncpg.UniqueViolationError(SECRET), False, "UniqueViolationError 23505"),
        (asyncpg.InterfaceError("connection is closed"), True, "InterfaceError"),
        (asyncpg.InterfaceError("wrong use"), False, "InterfaceError"),
        (
            asyncpg.InternalClientError('cannot switch to state 12; protocol is in the "failed" state'),
            True,
            "InternalClientError",
        ),
        (asyncpg.InternalClientError("unexpected message"), True, "InternalClientError"),
        (ConnectionRefusedError("refused"), True, "ConnectionRefusedError: refused"),
        (errors.Unavailable("gone"), True, "Unavailable: gone"),
        (errors.Unwritable("full"), False, "Unwritable: full"),
        (TimeoutError(), True, "TimeoutError"),
        (KeyError(SECRET), False, "KeyError"),
        (AssertionError(SECRET), False, "AssertionError"),
    ],
)
def test_errors_by_whose_fault(error: Exception, retriable: bool, said: str) -> None:  # noqa: FBT001
    assert errors.retriable(error) is retriable
    assert errors.describe(error) == said
