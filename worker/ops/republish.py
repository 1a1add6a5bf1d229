"""Publish stored outcomes again, byte for byte, without deciding anything."""

from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import orjson

from worker.codec import Message, Outlet
from worker.codec.encode import REPLAYED
from worker.engine.answers import TENDER_STATE, again, tender_states, trace
from worker.kafka import topics
from worker.kafka.publisher import Publisher
from worker.kafka.ranges import ranges
from worker.kafka.security import security
from worker.ledger.operators import Operator, note
from worker.ledger.pool import Pool, connect
from worker.ledger.queries import SQL
from worker.ledger.roles import Role
from worker.ledger.unpublished import Stored, stored_of
from worker.process.errors import OperatorError
from worker.process.settings import Settings

_AT_ONCE: Final = 500
_SESSION: Final = {"enable_seqscan": "on", "enable_hashjoin": "on", "idle_in_transaction_session_timeout": "0"}
_STATEMENT_S: Final = 600.0


@dataclass(frozen=True, slots=True)
class Chosen:
    """A filter of documents; None: all. `since` and `until`: bounds of the time of the latest outcome."""

    orgcode: str | None = None
    type_code: int | None = None
    subject: str | None = None
    customer_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None


async def republish(
    settings: Settings,
    chosen: Chosen,
    *,
    to: str | None,
    publishes: bool,
    operator: Operator,
    say: Callable[[str], None],
) -> None:
    """Count the chosen documents and their messages, and with `publishes` publish them, each with `crm-replayed`.

    `to`: the topic that gets them instead of their own. Raises OperatorError and Unavailable.
    """
    names = topics.from_settings(settings)
    if to is not None:
        if to in (*names.inputs, *names.dead_letters):
            raise OperatorError(f"{to} is an input or a dead-letter topic: --to names a topic of the requester")
        async with ranges(settings.kafka_bootstrap_servers, security=security(settings)) as kafka:
            await kafka.require([to], "create the requester's topic first")
    outlet = Outlet(names.outcomes, names.tender_outcomes, settings.consumer_group)
    publisher = Publisher(settings.kafka_bootstrap_servers, security=security(settings))
    documents, counts = 0, Counter[str]()
    try:
        async for found, messages in _found(settings.dsn, outlet, chosen):
            addressed = messages if to is None else [one._replace(topic=to) for one in messages]
            documents += found
            counts.update(message.topic for message in addressed)
            if publishes and addressed:
                await publisher.publish(addressed)
    finally:
        await publisher.stop()
    said = ", ".join(f"{count:,} to {topic}" for topic, count in sorted(counts.items())) or "none"
    say(f"{documents:,} documents, messages {'published' if publishes else 'that would be published'}: {said}")
    if publishes:
        await _note(settings, operator, chosen, documents, to)


async def _note(settings: Settings, operator: Operator, chosen: Chosen, documents: int, to: str | None) -> None:
    pool = await Pool.of_interface(settings.dsn, 1, Role.OPS)
    try:
        async with pool.transaction() as connection:
            target = to or "the outcome topics"
            asked = {name: str(value) for name in Chosen.__slots__ if (value := getattr(chosen, name)) is not None}
            await note(connection, operator, "outcomes republish", target, {"documents": documents, **asked})
    finally:
        await pool.close()


async def _found(dsn: str, outlet: Outlet, chosen: Chosen) -> AsyncIterator[tuple[int, list[Message]]]:
    """Yield numbers of documents and their messages, some at a time, in the order of decision."""
    pool = await connect(dsn, 1, Role.OPS, _SESSION, timeout_s=_STATEMENT_S)
    try:
        async with pool.acquire() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
            asked = chosen.orgcode, chosen.type_code, chosen.subject, chosen.since, chosen.until
            part: list[Stored] = []
            async for row in connection.cursor(SQL["audit_outcomes"], *asked, prefetch=_AT_ONCE):
                part.append(stored_of(row, said_before=True))
                if len(part) == _AT_ONCE:
                    yield await _messages(connection, outlet, part, chosen.customer_id)
                    part = []
            yield await _messages(connection, outlet, part, chosen.customer_id)
    finally:
        pool.terminate()


async def _messages(
    connection: Any,  # noqa: ANN401  an asyncpg connection
    outlet: Outlet,
    part: list[Stored],
    customer_id: str | None,
) -> tuple[int, list[Message]]:
    keys = sorted({(one.org, one.subject) for one in part if one.type.startswith("scm.tender.")})
    states = await tender_states(connection, keys) if keys else {}
    documents, messages = 0, []
    for one in part:
        state = states.get((one.org, one.subject)) if one.type.startswith("scm.tender.") else None
        headers = (REPLAYED, *(() if state is None else ((TENDER_STATE, state.encode()),)), *trace(one.traceparent))
        said = again(outlet, one.orgcode, one.type, one.subject, one.outcomes, headers)
        if customer_id is None or any(_customer(message) == customer_id for message in said):
            documents += 1
            messages += said
    return documents, messages


def _customer(message: Message) -> object:
    return orjson.loads(message.value or b"{}")["data"].get("customer_id")
