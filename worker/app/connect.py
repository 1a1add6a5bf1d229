"""Reach Kafka and Postgres: wait for the other side to come up, and say what is wrong in words for a person."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import asyncpg
import structlog
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_delay, wait_exponential

from worker.ledger.migrate import MigrationError
from worker.ledger.roles import Missing
from worker.process import errors
from worker.process.settings import SettingsError

_log = structlog.get_logger(__name__)
_T = TypeVar("_T")

# The time that Kafka and Postgres have to answer at the start.
START_S = 30.0
POSTGRES: Final = "Postgres (G3N_POSTGRES_DSN)"
KAFKA: Final = "Kafka (G3N_KAFKA_BOOTSTRAP_SERVERS)"
# Authorization, a database or a role that does not exist: waiting helps none, and the message says which.
_REFUSED_CLASSES = ("28", "3D")
_REFUSED_STATES = ("22023", "42501")


async def reached(what: str, action: Callable[[], Awaitable[_T]], *, is_long: bool = False) -> _T:
    """Do it, and wait for the other side to come up, for `START_S` at most. `is_long`: once the other side is up, the
    action takes as long as it takes.

    Raises Unavailable, naming the side and what it said, or OperatorError if it answered that it won't.
    """

    def tell(state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        _log.warning("waiting", what=what, error=errors.describe(error) if error else "")

    retrying = AsyncRetrying(
        retry=retry_if_exception(errors.retriable),
        wait=wait_exponential(multiplier=0.25, max=3.0),
        stop=stop_after_delay(START_S),
        before_sleep=tell,
        reraise=True,
    )

    async def attempt() -> _T:  # tenacity awaits coroutine functions only, and an action may be a lambda
        return await action()

    try:
        async with asyncio.timeout(None if is_long else START_S + 5):
            return await retrying(attempt)
    except (MigrationError, Missing) as error:
        raise errors.OperatorError(str(error)) from error
    except asyncpg.ClientConfigurationError as error:
        raise SettingsError(f"G3N_POSTGRES_DSN is invalid: {error.args[0]}") from error
    except ssl.SSLCertVerificationError as error:
        raise errors.OperatorError(
            f"{what} shows a certificate that is not accepted: {error.verify_message}"
        ) from error
    except Exception as error:
        if isinstance(error, asyncpg.PostgresError) and _refuses(error.sqlstate or ""):
            raise errors.OperatorError(f"{what} refuses: {error.args[0]}{_hint(str(error.args[0]))}") from error
        if errors.retriable(error):
            raise errors.Unavailable(f"{what} can't be reached: {errors.describe(error)}") from error
        raise


def _refuses(state: str) -> bool:
    return state[:2] in _REFUSED_CLASSES or state in _REFUSED_STATES


def _hint(error: str) -> str:
    return "; run `g3n worker setup`, and log in as a member of that role" if 'role "crm_' in error else ""
