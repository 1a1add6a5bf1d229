"""TLS and SASL, as options of aiokafka's clients."""

from collections.abc import Mapping
from typing import Any, Final

from aiokafka.helpers import create_ssl_context

from worker.process.settings import Settings

Security = Mapping[str, Any]
PLAINTEXT: Final[Security] = {}


def security(settings: Settings) -> Security:
    """Return the options that every client takes."""
    protocol, mechanism = settings.kafka_security_protocol, settings.kafka_sasl_mechanism
    options: dict[str, Any] = {"security_protocol": protocol}
    if protocol.endswith("SSL"):
        files = settings.kafka_ca_file, settings.kafka_cert_file, settings.kafka_key_file
        cafile, certfile, keyfile = (None if file is None else str(file) for file in files)
        options["ssl_context"] = create_ssl_context(cafile=cafile, certfile=certfile, keyfile=keyfile)
    if protocol.startswith("SASL"):
        options["sasl_mechanism"] = mechanism
        if mechanism == "OAUTHBEARER":
            from worker.kafka.tokens import Tokens  # noqa: PLC0415  a HTTP client, 40 ms of each start, is for it alone

            options["sasl_oauth_token_provider"] = Tokens(settings)
        else:
            options["sasl_plain_username"] = settings.kafka_username
            options["sasl_plain_password"] = settings.kafka_password.get_secret_value()
    return options
