"""Publish stored outcomes again, byte for byte, without deciding anything."""

import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import orjson

from worker.codec import Message, Outlet
from worker.codec.decode import store_of
from worker.codec.encode import REPLAYED
from worker.engine.messages import TENDER_STATE, stored_messages, tender_states, trace_headers
from worker.kafka import topics
from worker.kafka.originals import Originals, originals
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
_AT_STORES: Final = ("scm.sale.completed", "scm.return.completed", "scm.tender.requested")


@dataclass(frozen=True, slots=True)
class Chosen:
    """A filter of documents; None: all. `since` and `until`: bounds of the time of the latest outcome.

    No outcome names a store: `store_id` is read from the records of sales, returns and tenders.
    """

    orgcode: str | None = None
    type_code: int | None = None
    subject: str | None = None
    customer_id: str | None = None
    store_id: str | None = None
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
    documents, counts, lost = 0, Counter[str](), Counter[str]()
    try:
        async for found, messages in _found(settings, outlet, chosen, lost):
            addressed = messages if to is None else [one._replace(topic=to) for one in messages]
            documents += found
            counts.update(message.topic for message in addressed)
            if publishes and addressed:
                await publisher.publish(addressed)
    finally:
        await publisher.stop()
    sums = ", ".join(f"{count:,} to {topic}" for topic, count in sorted(counts.items())) or "none"
    say(f"{documents:,} documents, messages {'published' if publishes else 'that would be published'}: {sums}")
    for topic, count in sorted(lost.items()):
        where = f"{topic} no longer has their records" if topic else "they came in over HTTP"
        say(f"left out: {count:,} documents whose store nobody can tell, because {where}")
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


async def _found(
    settings: Settings, outlet: Outlet, chosen: Chosen, lost: Counter[str]
) -> AsyncIterator[tuple[int, list[Message]]]:
    """Yield numbers of documents and their messages, some at a time, in the order of decision.

    `lost` counts documents whose store can't be read, by topic.
    """
    pool = await connect(settings.dsn, 1, Role.OPS, _SESSION, timeout_s=_STATEMENT_S)
    try:
        async with contextlib.AsyncExitStack() as stack:
            records = None
            if chosen.store_id is not None:
                servers = settings.kafka_bootstrap_servers
                records = await stack.enter_async_context(originals(servers, security=security(settings)))
            connection: Any = await stack.enter_async_context(pool.acquire())
            await stack.enter_async_context(connection.transaction(isolation="repeatable_read", readonly=True))

            async def told(part: list[Stored]) -> tuple[int, list[Message]]:
                of_store = part if records is None else await _of_store(records, part, chosen.store_id, lost)
                return await _messages(connection, outlet, of_store, chosen.customer_id)

            asked = chosen.orgcode, chosen.type_code, chosen.subject, chosen.since, chosen.until
            part: list[Stored] = []
            async for row in connection.cursor(SQL["audit_outcomes"], *asked, prefetch=_AT_ONCE):
                part.append(stored_of(row, maybe_published=True))
                if len(part) == _AT_ONCE:
                    yield await told(part)
                    part = []
            yield await told(part)
    finally:
        pool.terminate()


async def _of_store(kafka: Originals, part: list[Stored], store_id: str | None, lost: Counter[str]) -> list[Stored]:
    """Those of the documents whose records name the store."""
    able = [one for one in part if one.type in _AT_STORES]
    records = await kafka.read([one.source for one in able if one.source is not None])
    found = []
    for one in able:
        record = None if one.source is None else records[one.source]
        if record is None:
            lost["" if one.source is None else one.source.topic] += 1
        elif store_of(record) == store_id:
            found.append(one)
    return found


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
        headers = (
            REPLAYED,
            *(() if state is None else ((TENDER_STATE, state.encode()),)),
            *trace_headers(one.traceparent),
        )
        of_document = stored_messages(outlet, one.orgcode, one.type, one.subject, one.outcomes, headers)
        if customer_id is None or any(_customer(message) == customer_id for message in of_document):
            documents += 1
            messages += of_document
    return documents, messages


def _customer(message: Message) -> object:
    return orjson.loads(message.value or b"{}")["data"].get("customer_id")
