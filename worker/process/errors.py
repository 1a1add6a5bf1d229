"""Errors by whose fault they are.

A rejection (the customer's fault) is an outcome, and an undecodable record (the publisher's) is a dead letter: neither
is an exception. What is left is the environment's fault (`retriable`: try again, then exit without committing), the
operator's (`OperatorError`: say what to do) or ours (anything else: crash).
"""

import ssl
import traceback

import asyncpg
from aiokafka import errors as kafka

# Connections, serialization and deadlocks, resources, operator intervention, the server's files: none of these
# depends on a document.
_RETRIABLE_CLASSES = ("08", "40", "53", "57", "58")
# Read-only (a failover is under way), idle in a transaction for too long, lock not available.
_RETRIABLE_STATES = ("25006", "25P03", "55P03")
# asyncpg has one class for misuse and for lost connections; only the messages differ.
_LOST = ("clos", "another operation", "released back to the pool")
# aiokafka does not mark these as retriable, but they pass: a member that the group dropped, a producer that has to be
# created again, a broker that restarts.
_KAFKA_PASSES = (
    kafka.BrokerNotAvailableError, kafka.CommitFailedError, kafka.CorruptRecordException, kafka.DuplicateSequenceNumber,
    kafka.FetchSessionIdNotFound, kafka.IllegalGenerationError, kafka.IllegalStateError, kafka.InvalidFetchSessionEpoch,
    kafka.InvalidProducerEpoch, kafka.InvalidProducerIdMapping, kafka.KafkaTimeoutError, kafka.KafkaUnavailableError,
    kafka.MemberIdRequired, kafka.OutOfOrderSequenceNumber, kafka.ProducerClosed, kafka.ReassignmentInProgress,
    kafka.RebalanceInProgressError, kafka.ReplicaNotAvailableError, kafka.StaleLeaderEpochCodeError,
    kafka.UnknownMemberIdError, kafka.UnknownProducerId,
)  # fmt: skip


class Unavailable(Exception):
    """Kafka or Postgres does not answer properly just now. The same call may work later."""


class SessionEnded(Unavailable):
    """Postgres ended the session in which positions were compared. It may be another server by now."""

    def __init__(self) -> None:
        super().__init__("Postgres ended this worker's session, so the positions are compared again")


class OperatorError(Exception):
    """An operator has to repair something first. The message says what, and is all that a person needs to read."""


class Halted(OperatorError):
    """The next record of these partitions is gone from the topic: reading on would skip documents."""


class Unwritable(OperatorError):
    """A topic does not accept our messages. Its partitions stop, because skipping would lose an outcome."""


def retriable(error: BaseException) -> bool:
    """Return whether the error is the environment's fault, so that trying again makes sense."""
    match error:
        case OperatorError():
            return False
        case asyncpg.InvalidCachedStatementError():  # the schema was migrated; asyncpg prepares the statement again
            return True
        case asyncpg.PostgresError():
            state = error.sqlstate or ""
            return state[:2] in _RETRIABLE_CLASSES or state in _RETRIABLE_STATES
        case asyncpg.ClientConfigurationError() | ssl.SSLCertVerificationError():
            return False
        case asyncpg.InterfaceError():
            return any(words in str(error) for words in _LOST)
        case asyncpg.InternalClientError():  # the protocol is out of step: Postgres closed the connection
            return True
        case kafka.KafkaError():
            return bool(error.retriable) or isinstance(error, _KAFKA_PASSES)
        case _:
            return isinstance(error, Unavailable | OSError | TimeoutError | EOFError | kafka.ConsumerStoppedError)


def describe(error: BaseException) -> str:
    """Return the error in one line without values. Postgres and Python quote values, so most errors are only named."""
    name = type(error).__name__
    match error:
        case asyncpg.PostgresError():
            named = (error.sqlstate, getattr(error, "table_name", None), getattr(error, "constraint_name", None))
            return " ".join([name, *(part for part in named if part)])
        case kafka.KafkaError() | OSError() | Unavailable() | OperatorError():
            text = str(error).removeprefix(f"{name}: ")  # aiokafka's begin with it
            return f"{name}: {text}" if text else name
        case BaseExceptionGroup():
            return f"{name}: {'; '.join(describe(part) for part in error.exceptions)}"
        case _:
            return name


def frames(error: BaseException) -> list[str]:
    """Return where the error happened and what caused it, innermost first: places and names, no values."""
    lines = []
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None:
        lines += [describe(cause), *frames(cause), f"led to {describe(error)}"]
    lines += [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(error.__traceback__)]
    if isinstance(error, BaseExceptionGroup):
        for part in error.exceptions:
            lines += [f"part {describe(part)}", *frames(part)]
    return lines
