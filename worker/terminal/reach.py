"""Reach the API from a command line: the profile's connection, and an exit status for each error."""

import asyncio
import sys
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Final, NoReturn, TypeVar

from schemas.problems import Code
from worker.client.client import Client
from worker.client.connection import Connection
from worker.client.failure import ApiError
from worker.terminal import profiles
from worker.terminal.exit_status import STATUS_OF_CODE, ExitStatus, advice_for, available, exit_with

ResultT = TypeVar("ResultT")
_PATIENCE_S: Final = 10.0  # a person waits
UNKNOWN: Final = "It is not known whether it was done. Repeat it with the same id: --idempotency-key {}"


@dataclass(frozen=True, slots=True)
class Manner:
    """The options of every command, whatever its operation."""

    profile: str | None = None
    as_json: bool = False
    data_file: str | None = None
    idempotency_key: str | None = None
    sure: bool = False
    all_pages: bool = False
    dry_run: bool = False


def asked(manner: Manner, work: Callable[[Client], Coroutine[Any, Any, ResultT]]) -> ResultT:
    """Return what `work` gets from the API of the profile. Exit with the error if it fails."""
    connection = connected(manner.profile)

    async def whole() -> ResultT:
        async with Client(connection, patience_s=_PATIENCE_S) as client:
            return await work(client)

    try:
        return asyncio.run(whole())
    except ApiError as error:
        refused(error, as_json=manner.as_json)


def connected(profile: str | None) -> Connection:
    """Return the connection of the profile. Exit if there is none."""
    try:
        return profiles.connection(profile)
    except profiles.NoProfile as error:
        exit_with(ExitStatus.USAGE, str(error))


def refused(error: ApiError, *, as_json: bool = False) -> NoReturn:
    """Exit with the API's error. With `--json`, the problem details go to stdout unchanged."""
    if as_json and error.data is not None:
        write_out(error.data)
    to_do = advice_for(error.code, error.reason)
    if error.is_undecided and error.document_id:
        to_do = UNKNOWN.format(error.document_id)
    elif error.retry_after_s:
        to_do = f"Try again in {error.retry_after_s:.0f} s."
    if error.code is Code.INTERNAL_ERROR:
        to_do = f"The request's id is {error.request_id}. {to_do or ''}".strip()
    instead = available(error.outcome) if error.code is Code.INSUFFICIENT_BALANCE else ""
    exit_with(STATUS_OF_CODE[error.code], f"{error}{instead}", to_do)


def write_out(raw: bytes) -> None:
    """Write one document to stdout, byte for byte, and a newline."""
    sys.stdout.flush()
    sys.stdout.buffer.write(raw if raw.endswith(b"\n") else raw + b"\n")
    sys.stdout.buffer.flush()
