"""Errors by whose fault they are.

A rejection (the customer's) is an outcome and an undecodable record (the publisher's) a dead letter: neither is an
exception here. What is left is the world's fault (`retriable`: try again, then leave without committing), the
operator's (`OperatorError`: say what to do) and ours (anything else: crash).
"""

import traceback

import asyncpg
from aiokafka.errors import CorruptRecordException, KafkaError, KafkaTimeoutError

# Connection, serialization and deadlock, resources, operator intervention: none says anything about a document.
_RETRIABLE_CLASSES = ("08", "40", "53", "57")
# Read-only (a failover is under way), idle in a transaction for too long, lock not available.
_RETRIABLE_STATES = ("25006", "25P03", "55P03")


class Unavailable(Exception):
    """Kafka or Postgres does not do its part just now; the same again may work."""


class OperatorError(Exception):
    """Something outside must be put right first; the message says what, and is all that a person needs to read."""


class Halted(OperatorError):
    """Partitions whose next record is gone from the topic: reading on would skip documents."""


class Unwritable(OperatorError):
    """A topic takes no message of ours: what leads to it stops, because skipping would lose an outcome."""


def retriable(error: BaseException) -> bool:
    """Whether it is the world's fault, so that trying again makes sense."""
    match error:
        case OperatorError():
            return False
        case asyncpg.PostgresError():
            state = error.sqlstate or ""
            return state[:2] in _RETRIABLE_CLASSES or state in _RETRIABLE_STATES
        case asyncpg.InterfaceError():
            return "clos" in str(error)  # "connection is closed", "pool is closing": the rest is misuse, ours
        case asyncpg.InternalClientError():
            return '"failed" state' in str(error)  # Postgres ended the connection, and asyncpg did not notice yet
        case KafkaError():
            return bool(error.retriable) or isinstance(error, KafkaTimeoutError | CorruptRecordException)
        case _:
            return isinstance(error, Unavailable | OSError | TimeoutError)


def describe(error: BaseException) -> str:
    """The error in a line without any value: Postgres and Python quote what they choke on, so most say only a name."""
    name = type(error).__name__
    match error:
        case asyncpg.PostgresError():
            named = (error.sqlstate, getattr(error, "table_name", None), getattr(error, "constraint_name", None))
            return " ".join([name, *(part for part in named if part)])
        case KafkaError() | OSError() | Unavailable() | OperatorError():
            said = str(error).removeprefix(f"{name}: ")  # aiokafka's begin with it
            return f"{name}: {said}" if said else name
        case BaseExceptionGroup():
            return f"{name}: {'; '.join(describe(part) for part in error.exceptions)}"
        case _:
            return name


def frames(error: BaseException) -> list[str]:
    """Where it happened and what caused it, innermost last: places and names, no values."""
    lines = []
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None:
        lines += [describe(cause), *frames(cause), f"led to {describe(error)}"]
    lines += [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(error.__traceback__)]
    if isinstance(error, BaseExceptionGroup):
        for part in error.exceptions:
            lines += [f"part {describe(part)}", *frames(part)]
    return lines
