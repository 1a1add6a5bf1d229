"""Tokens for SASL's OAUTHBEARER."""

import time
from typing import Final

import httpx
from aiokafka.abc import AbstractTokenProvider

from worker.process.errors import OperatorError, Unavailable
from worker.process.settings import Settings

_SPARE_S: Final = 30.0  # a token is renewed this many seconds before it expires
_TIMEOUT_S: Final = 10.0


class Tokens(AbstractTokenProvider):  # type: ignore[misc]  # aiokafka has no types
    """Tokens by the client credentials grant (RFC 6749 §4.4). Each is used until shortly before it expires."""

    def __init__(self, settings: Settings) -> None:
        self._url = settings.kafka_token_url
        self._client = settings.kafka_username, settings.kafka_password.get_secret_value()
        self._token = ""
        self._good_until = 0.0

    async def token(self) -> str:
        """Return a valid token. Raises Unavailable, or OperatorError if the client is refused."""
        if time.monotonic() >= self._good_until:
            await self._fetch()
        return self._token

    async def _fetch(self) -> None:
        asked = time.monotonic()
        try:
            async with httpx.AsyncClient(timeout=_TIMEOUT_S) as http:
                answer = await http.post(self._url, data={"grant_type": "client_credentials"}, auth=self._client)
        except httpx.HTTPError as error:
            raise Unavailable(f"no token from G3N_KAFKA_TOKEN_URL: {type(error).__name__}") from None
        if answer.is_server_error:
            raise Unavailable(f"no token from G3N_KAFKA_TOKEN_URL: it answers {answer.status_code}")
        if not answer.is_success:
            raise OperatorError(f"no token from G3N_KAFKA_TOKEN_URL: it answers {answer.status_code}")
        try:
            said = answer.json()
            self._token, good_s = str(said["access_token"]), float(said.get("expires_in", 0))
        except (ValueError, KeyError, TypeError, AttributeError):
            raise OperatorError("no token from G3N_KAFKA_TOKEN_URL: it is no token response (RFC 6749 §5.1)") from None
        self._good_until = asked + good_s - _SPARE_S
