"""The demo from top to bottom: prepare, serve, publish, let the real worker work, play the tills, check, report."""

import asyncio
import secrets
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from rich.console import Console

from examples.online_retail import ledger_proof, look, operators, summary, worker_process
from examples.online_retail.arithmetic import expected
from examples.online_retail.documents import COMMANDS, ORGCODE, RETURNS, SALES, TENDERS, Converter, Document
from examples.online_retail.invoices import InvoiceFileError, read_file
from examples.online_retail.outcomes import OUTCOMES, TENDER_OUTCOMES, Outcomes
from examples.online_retail.own_space import own_space
from examples.online_retail.progress import gauge
from examples.online_retail.publisher import Publisher, Record, record_of
from examples.online_retail.selection import Selection
from examples.online_retail.servers import Servers, serve
from examples.online_retail.tills import Scene, Step, Tills


@dataclass(slots=True, frozen=True)
class Options:
    """The options: a file of invoices, `devstack` or `docker`, and whether servers and data stay afterwards."""

    invoices: Path
    stack: str
    keep: bool


@dataclass(slots=True)
class Prepared:
    """The documents of a file: those published in bulk, and the stories at the tills."""

    converter: Converter
    tills: Tills
    records: list[Record] = field(default_factory=list)


@dataclass(slots=True)
class Stage:
    """Everything that runs during the demo."""

    console: Console
    run: summary.Run
    outcomes: Outcomes
    publisher: Publisher


def prepare(path: Path) -> Prepared:
    """Convert the whole file. Raises InvoiceFileError before anything is started."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    prepared, selection = Prepared(Converter(), Tills(now)), Selection()
    for document in prepared.converter.convert(read_file(path)):
        selection.watch(document)
        prepared.records.append(record_of(document))
    if not prepared.records:
        raise InvoiceFileError(f"{path}: no sale and no return in it")
    sales = selection.choose()
    prepared.tills.tell(sales, selection.points_before(sales[0]) if sales else 0, selection.voucher)
    live = {(sale.type, sale.subject) for sale in sales}
    prepared.records = [record for record in prepared.records if (record.type, record.subject) not in live]
    return prepared


def play(options: Options, console: Console) -> bool:
    """Play the whole demo. Return whether every check passed.

    Raises InvoiceFileError, ServersError, WorkerFailed, Silence.
    """
    began = time.monotonic()
    prepared = prepare(options.invoices)
    _tell_prepared(console, options.invoices, prepared, time.monotonic() - began)
    with ExitStack() as stack:
        log = stack.enter_context(_log_file(keep=options.keep))
        console.print("[bold]Servers[/]: starting Kafka and Postgres …", highlight=False)
        began = time.monotonic()
        servers = stack.enter_context(serve(options.stack, console.print, keep=options.keep))
        console.print(f"  {servers.what}, ready in {time.monotonic() - began:.1f} s", highlight=False)
        return asyncio.run(_play(options, console, prepared, servers, log))


@contextmanager
def _log_file(*, keep: bool) -> Iterator[Path]:
    """Yield the worker's log file. It is removed at the end, unless it is to be kept or a worker failed."""
    directory = Path(tempfile.mkdtemp(prefix="g3n-demo-"))
    try:
        yield directory / "worker.log"
    except worker_process.WorkerFailed:
        keep = True
        raise
    finally:
        if not keep:
            shutil.rmtree(directory, ignore_errors=True)


async def _play(options: Options, console: Console, prepared: Prepared, servers: Servers, log: Path) -> bool:
    # SIGTERM, for instance from a container, ends the demo in the same order as Ctrl-C.
    signal.signal(signal.SIGTERM, signal.getsignal(signal.SIGINT))
    name = f"demo-{datetime.now(UTC):%Y%m%d-%H%M%S}"
    settings = {
        "G3N_KAFKA_BOOTSTRAP_SERVERS": servers.bootstrap_servers,
        "G3N_POSTGRES_DSN": urlunsplit(urlsplit(servers.dsn)._replace(path=f"/{name}")),
        "G3N_TOPIC_PREFIX": f"{name}.",
        "G3N_CONSUMER_GROUP": name,
        "G3N_ORGCODES": ORGCODE,
        "G3N_CARD_KEY": secrets.token_hex(32),
        "G3N_DEVELOPMENT": "true",
        "G3N_HTTP_PORT": "0",
    }
    run = summary.Run(prepared.converter)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(own_space(servers, name, keep=options.keep))
        await worker_process.run_to_the_end("setup", settings, log)
        console.print(f"  g3n worker setup: database {name}, topics {name}.*", highlight=False)
        prefix = settings["G3N_TOPIC_PREFIX"]
        outcomes = await stack.enter_async_context(Outcomes(servers.bootstrap_servers, prefix))
        publisher = await stack.enter_async_context(Publisher(servers.bootstrap_servers, prefix))
        stage = Stage(console, run, outcomes, publisher)
        async with worker_process.running(settings, log):
            await _issue_cards(stage, prepared.tills)
            await _publish_all(stage, prepared.records)
            for scene in prepared.tills.scenes:
                await _act(stage, scene)
            while outcomes.missing:
                await outcomes.more()
        await worker_process.run_to_the_end("drain", settings, log)
        proof = await ledger_proof.prove(settings["G3N_POSTGRES_DSN"])
        _find_cards(run, outcomes, prepared.tills)
        ought = await asyncio.to_thread(expected, options.invoices, prepared.tills.tilled)
        verdicts = summary.checks(run, outcomes, proof, ought)
        summary.show(console, run, outcomes, proof, verdicts)
        as_it_should_be = await operators.ask(console, settings, log)
    _tell_further(console, options, servers, settings, log)
    return as_it_should_be and all(holds for _, holds in verdicts)


async def _issue_cards(stage: Stage, tills: Tills) -> None:
    """Issue the cards and wait for them: a request for an unknown card is declined for good."""
    records = [record_of(document) for document in tills.issues]
    stage.outcomes.expect([(record.type, record.subject) for record in records])
    await stage.publisher.publish(records, lambda _: None)
    while stage.outcomes.missing:
        await stage.outcomes.more()
    stage.console.print(f"  the worker runs; gift cards issued for the tills: {len(records)}", highlight=False)


async def _publish_all(stage: Stage, records: Sequence[Record]) -> None:
    """Publish everything at once, on three topics without an order between them."""
    stage.console.print("\n[bold]Invoices[/]: Kafka → worker → Postgres → Kafka", highlight=False)
    stage.outcomes.expect([(record.type, record.subject) for record in records])
    with gauge(stage.console, len(records)) as meter:
        publishing = asyncio.create_task(stage.publisher.publish(records, meter.published))
        try:
            while stage.outcomes.missing:
                await stage.outcomes.more()
                meter.answered(len(records) - stage.outcomes.missing)
            await publishing
        finally:
            publishing.cancel()
        stage.run.documents, stage.run.seconds = len(records), meter.seconds


async def _act(stage: Stage, scene: Scene) -> None:
    stage.console.print(f"\n[bold]At the till[/]: {scene.title}", highlight=False)
    for step in scene.steps:
        began = time.monotonic()
        answer = await _ask(stage, step)
        took_s = time.monotonic() - began
        stage.run.dead_letters_provoked += answer == step.answer and answer.startswith("dead letter")
        if step.to[0] == "scm.tender.requested":
            stage.run.till_answers_s.append(took_s)
        as_told = answer == step.answer
        if not as_told:
            stage.run.surprises.append(f"{step.says}: {answer} instead of {step.answer}")
        mark = "[green]✓[/]" if as_told else "[bold red]✗[/]"
        stage.console.print(f"  {mark} {step.says:<56} {answer:<30} {1000 * took_s:4.0f} ms", highlight=False)


async def _ask(stage: Stage, step: Step) -> str:
    """Send the step's document. Return the next answer to it."""
    answered = stage.outcomes.answered(step.to)
    match step.sends:
        case Document() as document:
            record = record_of(document)
            stage.outcomes.expect([] if answered else [step.to])
            await stage.publisher.send(record.topic, record.key, record.value)
        case (topic, value):
            await stage.publisher.send(topic, None, value)
        case None:
            # The second answer may have come while the previous step was checked.
            answered = 1
    return await stage.outcomes.answer(step.to, answered)


def _find_cards(run: summary.Run, outcomes: Outcomes, tills: Tills) -> None:
    """Return the card ids of the stories' cards, from the outcomes that issued or used them."""
    issues = {document.data["gift_card"]["number"]: (document.type, document.subject) for document in tills.issues}
    for card in tills.cards:
        data = outcomes.data.get(issues.get(card.number, ("scm.tender.requested", "till-voucher")), {})
        for gift_card in data.get("gift_cards", ())[:1]:
            run.cards.append((card, gift_card["card_id"]))


def _tell_prepared(console: Console, path: Path, prepared: Prepared, took_s: float) -> None:
    converter = prepared.converter
    linked, unlinked = summary.pounds(converter.linked_minor), summary.pounds(converter.unlinked_minor)
    console.print(f"[bold]Invoices[/]: {path}", highlight=False)
    console.print(
        f"  {converter.rows:,} rows, {converter.invoices:,} invoices → "
        f"{len(prepared.records):,} documents in {took_s:.1f} s ({converter.rows_left_out:,} rows only moved stock)\n"
        f"  sales {summary.pounds(converter.sold_minor)}; returns {linked} linked to what was bought, "
        f"{unlinked} without a receipt",
        highlight=False,
    )
    if not prepared.tills.tilled.voided:
        console.print("  too few sales of customers to ring up live: one story at the tills", highlight=False)


def _tell_further(console: Console, options: Options, servers: Servers, settings: Mapping[str, str], log: Path) -> None:
    console.print("\n[bold]Look further[/]")
    if not options.keep:
        console.print(
            "  KEEP=1 make demo    leaves Kafka, Postgres and all of this in place, and says how to get at it"
        )
        return
    prefix, dsn = settings["G3N_TOPIC_PREFIX"], settings["G3N_POSTGRES_DSN"]
    inputs = f"{SALES}, {RETURNS}, {TENDERS}, {COMMANDS}; each has a …-dlt"
    lines = [
        f"the ledger   psql '{dsn}'",
        "               SELECT * FROM entry JOIN contra ON account_id = id ORDER BY no DESC LIMIT 20;",
        "               SELECT key, balance, version FROM account WHERE kind = 0 ORDER BY balance DESC LIMIT 20;",
        f"the topics   {prefix}* at {servers.bootstrap_servers}: {OUTCOMES}, {TENDER_OUTCOMES}; {inputs}",
        f"               .venv/bin/python -m {look.__name__} {servers.bootstrap_servers} {prefix}{OUTCOMES}",
        f"the log      {log}",
        f"stop it      {servers.stop}",
        "the worker   .venv/bin/g3n worker run, with",
        *(f"               export {name}={value}" for name, value in settings.items()),
    ]
    for line in lines:
        console.print("  " + line, highlight=False, markup=False, soft_wrap=True)
