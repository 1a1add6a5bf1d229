"""Errors of the environment, which are retried."""

import asyncio

import asyncpg
import pytest
from aiokafka import errors as kafka

from worker.process.errors import Halted, Unavailable, retriable

LOST = [
    asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation"),
    asyncpg.ConnectionFailureError(),
    asyncpg.AdminShutdownError("terminating connection due to administrator command"),
    asyncpg.CrashShutdownError(),
    asyncpg.CannotConnectNowError("the database system is starting up"),
    asyncpg.TooManyConnectionsError("sorry, too many clients already"),
    asyncpg.DiskFullError(),
    asyncpg.exceptions.PostgresIOError(),
    asyncpg.ReadOnlySQLTransactionError("cannot execute INSERT in a read-only transaction"),
    asyncpg.IdleInTransactionSessionTimeoutError(),
    asyncpg.LockNotAvailableError(),
    asyncpg.DeadlockDetectedError(),
    asyncpg.SerializationError(),
    asyncpg.InvalidCachedStatementError("cached plan must not change result type"),
    asyncpg.InternalClientError('cannot switch to "idle" state; protocol is in the "failed" state'),
    asyncpg.InternalClientError("cannot switch to state 12; another operation (2) is in progress"),
    asyncpg.InternalClientError("got result for unknown protocol state 3"),
    asyncpg.InterfaceError("connection is closed"),
    asyncpg.InterfaceError("pool is closing"),
    asyncpg.InterfaceError("cannot perform operation: another operation is in progress"),
    asyncpg.InterfaceError("cannot call Transaction.rollback(): the underlying connection is closed"),
    asyncpg.InterfaceError("cannot call Connection.fetch(): connection has been released back to the pool"),
    kafka.KafkaConnectionError("gone"),
    kafka.NoBrokersAvailable(),
    kafka.KafkaTimeoutError(),
    kafka.CommitFailedError(),
    kafka.IllegalGenerationError(),
    kafka.UnknownMemberIdError(),
    kafka.RebalanceInProgressError(),
    kafka.IllegalStateError("No current assignment for partition"),
    kafka.NotLeaderForPartitionError(),
    kafka.OutOfOrderSequenceNumber(),
    kafka.ProducerClosed(),
    kafka.ConsumerStoppedError(),
    ConnectionResetError(),
    TimeoutError(),
    asyncio.IncompleteReadError(b"", 4),
    Unavailable("later"),
]
OURS = [
    asyncpg.UndefinedTableError(),
    asyncpg.InsufficientPrivilegeError(),
    asyncpg.InterfaceError("the server expects 2 arguments for this query, 1 was passed"),
    asyncpg.UniqueViolationError(),
    kafka.TopicAuthorizationFailedError(),
    kafka.SaslAuthenticationFailed(),
    kafka.UnsupportedVersionError(),
    Halted("halted"),
    ValueError(),
]


@pytest.mark.parametrize("error", LOST, ids=repr)
def test_a_lost_connection_is_tried_again(error: Exception) -> None:
    assert retriable(error)


@pytest.mark.parametrize("error", OURS, ids=repr)
def test_permanent_errors_are_not_retriable(error: Exception) -> None:
    assert not retriable(error)
