"""Perform one operation from a command line: send it, show the answer, or exit with an error."""

import json
import sys
from collections.abc import AsyncIterator, Mapping
from typing import Any, Final

import typer

from schemas.operations import OPERATIONS, Access, Operation
from schemas.requests import MAX_PAGE
from schemas.views import Explained, HistoryPage, PolicyView
from worker.client.answer import Answer
from worker.client.client import Client, document_id
from worker.terminal import policy_put
from worker.terminal.body import BodyInvalid, Unreadable, from_options
from worker.terminal.confirm import confirm
from worker.terminal.exit_status import ExitStatus, exit_with
from worker.terminal.reach import UNKNOWN, Manner, asked, connected, write_out
from worker.terminal.screen import Screen
from worker.terminal.values import moment

_OF_ACCOUNT: Final = frozenset({"change", "balance"})


def perform(operation: Operation, given: Mapping[str, Any], manner: Manner) -> None:
    """Perform the operation, from the options to the exit status."""
    try:
        body = from_options(operation, given, manner.data_file)
    except BodyInvalid as error:
        if error.missing:
            exit_with(ExitStatus.USAGE, f"{', '.join(error.missing)}: missing", f"g3n crm {_words(operation)} --help")
        exit_with(ExitStatus.INVALID_REQUEST, f"invalid-request: {error}", "Nothing was sent.")
    except Unreadable as error:
        exit_with(ExitStatus.USAGE, str(error))
    if operation is policy_put.PUT:
        policy_put.review(body, manner)
    elif operation.access is Access.DANGEROUS and not manner.sure:
        confirm(operation, body, connected(manner.profile))
    if manner.all_pages:
        asked(manner, lambda client: _all_pages(client, operation, body, as_json=manner.as_json))
        return
    answer = _answer(operation, body, manner)
    if manner.as_json:
        write_out(answer.data)
    elif operation.answer is HistoryPage:
        screen = asked(manner, lambda client: _screen_of(client, operation, body))
        _show_page(screen, answer.json())
    else:
        show(operation, answer, body.get("currency"))
    if answer.replayed:
        state = f"; the tender is {answer.tender_state} now" if answer.tender_state else ""
        typer.echo(f"g3n: this is the stored answer of an earlier call{state}", err=True)


def _answer(operation: Operation, body: dict[str, Any], manner: Manner) -> Answer:
    """Return the API's answer. After Ctrl-C, say how to repeat the document."""
    key = None if operation.document is None else manner.idempotency_key or document_id(operation, body)
    try:
        return asked(manner, lambda client: client.call(operation, body, idempotency_key=key))
    except KeyboardInterrupt:
        exit_with(ExitStatus.INTERRUPTED, "interrupted", None if key is None else UNKNOWN.format(key))


def show(operation: Operation, answer: Answer, currency: str | None = None) -> None:
    """Show an answer to a person."""
    data = answer.json()
    screen = Screen(currency)
    if operation.answer is Explained:
        screen.text(data["text"])
    elif operation.answer is PolicyView:
        screen.answer({name: value for name, value in data.items() if name != "policy"})
        screen.text("\npolicy")
        screen.json(data["policy"])
    elif "items" in data:
        _show_page(screen, data)
    else:
        more = {"idempotency key": answer.document_id} if operation.id_field == "command_id" else {}
        screen.answer(data.pop("outcome", {}) | data, more)


def _show_page(screen: Screen, page: Mapping[str, Any]) -> None:
    cursor = page.get("next_cursor")
    if page["items"]:
        screen.table(page["items"])
    else:
        typer.echo("g3n: nothing found" + (" yet" if cursor else ""), err=True)
    if cursor:
        typer.echo(f"g3n: there is more: --all, or --cursor {cursor}", err=True)
    _say_what_is_archived(page)


def _say_what_is_archived(page: Mapping[str, Any]) -> None:
    if until := page.get("archived_until"):
        typer.echo(f"g3n: entries until {moment(until)} are archived", err=True)


async def _screen_of(client: Client, operation: Operation, body: Mapping[str, Any]) -> Screen:
    """Return the screen for an answer. The currency of a card's history has to be read from the card."""
    if operation.name != "giftcard.history":
        return Screen()
    card = await client.call(OPERATIONS["giftcard.get"], {"gift_card": body["gift_card"]})
    return Screen(card.json()["currency"], _OF_ACCOUNT)


async def _all_pages(client: Client, operation: Operation, body: dict[str, Any], *, as_json: bool) -> None:
    body.setdefault("limit", MAX_PAGE)
    pages = client.pages(operation, body)
    if as_json:
        await _stream_json(pages)
        return
    screen = await _screen_of(client, operation, body) if operation.answer is HistoryPage else Screen()
    rows, last = 0, {}
    async for page in pages:
        last = page.json()
        items = last["items"]
        if items:
            screen.table(items, header=rows == 0)
        rows += len(items)
    if rows == 0:
        typer.echo("g3n: nothing found", err=True)
    _say_what_is_archived(last)


async def _stream_json(pages: AsyncIterator[Answer]) -> None:
    """Write one document, `{"items": [...]}`, page by page, in UTF-8 whatever the terminal's encoding."""
    sys.stdout.flush()
    separator = '{"items":['
    async for page in pages:
        for item in page.json()["items"]:
            text = json.dumps(item, ensure_ascii=False, separators=(",", ":"))
            sys.stdout.buffer.write((separator + text).encode())
            separator = ","
    sys.stdout.buffer.write((("" if separator == "," else separator) + "]}\n").encode())
    sys.stdout.buffer.flush()


def _words(operation: Operation) -> str:
    return operation.name.replace(".", " ")
