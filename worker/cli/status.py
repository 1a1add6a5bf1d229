"""`g3n worker status`: how things stand, for a person at night and for programs."""

import asyncio
import json
import sys
import textwrap
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from worker.cli import running
from worker.cli.operations import Json
from worker.cli.tables import duration, fields, instant, table
from worker.process import settings

if TYPE_CHECKING:
    from worker.ops.status.snapshot import Snapshot
    from worker.ops.status.verdict import Verdict

_WIDE: Final = 80
_EVERY_S: Final = 2.0
_NAMED: Final = 3
_WORDS: Final = ("WELL", "LOOK", "ACT")
_COLOURS: Final = ("green", "yellow", "red")


def status(
    watch: Annotated[bool, typer.Option("--watch", help="a live screen, until Ctrl-C")] = False,
    as_json: Json = False,
) -> None:
    """Show the state of the workers. Exit status 0: all is well; 1: have a look; 2: act now.

    It asks Kafka and Postgres, not the workers.
    """

    async def action(chosen: settings.Settings) -> int:
        from worker.ops.status.gather import gather
        from worker.ops.status.verdict import verdict

        if watch and sys.stdout.isatty():
            return await _watch(chosen)
        now = await gather(chosen)
        judged = verdict(now)
        typer.echo(json.dumps(as_dict(now, judged), indent=2) if as_json else text(now, judged))
        return int(judged.level)

    running.run(action)


async def _watch(chosen: settings.Settings) -> int:
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    from worker.ops.status.gather import gather
    from worker.ops.status.verdict import verdict

    with Live(console=Console(), screen=True, auto_refresh=False) as live:
        while True:
            now = await gather(chosen)
            judged = verdict(now)
            shown = Text(text(now, judged))
            shown.highlight_words(list(_WORDS), style=f"bold {_COLOURS[judged.level]}")
            live.update(shown, refresh=True)
            await asyncio.sleep(_EVERY_S)


def text(now: "Snapshot", judged: "Verdict") -> str:
    """Return the screen, 80 columns wide where names allow it."""
    parts = [f"{_WORDS[judged.level]:<6}{instant(now.at)}"]
    if not judged.findings:
        parts.append("      all is well: nothing to do")
    for one in judged.findings:
        parts += textwrap.wrap(one.what, _WIDE, initial_indent=f"{_WORDS[one.level]:<6}", subsequent_indent=" " * 6)
        parts.append(f"      -> {one.do}")
    parts += ["", fields(_facts(now))]
    if now.partitions:
        parts += ["", _partitions(now)]
    if now.operations:
        rows = [
            (str(one.id), one.kind, one.state, f"{one.done:,}", f"{one.planned:,}",
             "" if one.eta_s is None else duration(one.eta_s))
            for one in now.operations
        ]  # fmt: skip
        parts += ["", table(("OPERATION", "KIND", "STATE", "DONE", "PLANNED", "ETA"), rows)]
    return "\n".join(parts)


def _facts(now: "Snapshot") -> list[tuple[str, str]]:
    letters = ", ".join(f"{count:,} {reason}" for reason, count in now.dead_letters.items() if count)
    took = "unknown" if now.published_s is None else " and ".join(map(duration, now.published_s))
    age_s = now.age_s()
    oldest = "" if not now.lag else f", the oldest {'unknown' if age_s is None else duration(age_s)}"
    return [
        ("workers", "unknown" if now.kafka else f"{_known(now.workers)}, group {now.group}"),
        ("lag", f"{_known(now.lag)} records{oldest}"),
        ("lost", f"{sum(one.lost for one in now.partitions):,} records" if now.partitions else "unknown"),
        ("decided", "unknown" if now.rate_per_s is None else f"{now.rate_per_s:,.1f} documents a second, last minute"),
        ("published within", f"{took} (median, 99 %)" if now.published_s else took),
        ("retried", _retried(now)),
        ("parked", f"{_known(now.parked)}, {_known(now.ready)} ready"),
        ("overdue", f"{_known(now.overdue)} deadlines"),
        ("unpublished", f"{_known(now.unpublished)} batches older than a minute"),
        ("dead letters", "unknown" if now.postgres else letters or "none open"),
        ("originals kept", "" if now.kept_s is None else f"{duration(now.kept_s)} more"),
        ("halted", f"{sum(bool(one.halted) for one in now.partitions)} partitions" if now.partitions else "unknown"),
    ]


def _retried(now: "Snapshot") -> str:
    if now.retried is None:
        return "unknown"
    retries, halves = sum(one.retries for one in now.retried), sum(one.halves for one in now.retried)
    text = f"{retries:,} times, {halves:,} batches halved, last hour"
    named = "; ".join(f"worker {one.worker}: {one.retries:,}, {one.halves:,}" for one in now.retried[:_NAMED])
    return f"{text} ({named}{'; …' if len(now.retried) > _NAMED else ''})" if named else text


def _partitions(now: "Snapshot") -> str:
    rows = []
    for topic in dict.fromkeys(one.topic for one in now.partitions):
        of_topic = [one for one in now.partitions if one.topic == topic]
        lags, age_s = [one.lag for one in of_topic], now.age_s(topic)
        lag = None if None in lags else sum(one for one in lags if one is not None)
        lost = sum(one.lost for one in of_topic)
        halted = sum(bool(one.halted) for one in of_topic)
        rows.append(
            (topic, str(len(of_topic)), _known(lag), "unknown" if age_s is None else duration(age_s), f"{lost:,}",
             str(halted))
        )  # fmt: skip
    return table(("TOPIC", "PARTITIONS", "LAG", "OLDEST", "LOST", "HALTED"), rows)


def _known(number: int | None) -> str:
    return "unknown" if number is None else f"{number:,}"


def as_dict(now: "Snapshot", judged: "Verdict") -> dict[str, Any]:
    """Return what `--json` prints. null: not known."""
    return {
        "verdict": judged.level.name.lower(),
        "findings": [{"level": one.level.name.lower(), "what": one.what, "do": one.do} for one in judged.findings],
        **asdict(now),
        "retried": None if now.retried is None else [one._asdict() for one in now.retried],
        "at": instant(now.at),
        "lag": now.lag,
        "oldest_s": now.age_s(),
    }


def probe(
    orgcode: Annotated[str, typer.Option(envvar="G3N_ORGCODE", help="the tenant whose training tenders it sends")],
    once: Annotated[bool, typer.Option("--once", help="ask once, and say how long the answer took")] = False,
    timeout: Annotated[
        float, typer.Option(min=1, max=3600, metavar="SECONDS", help="with --once: how long to wait")
    ] = 10,
) -> None:
    """Send a training tender a minute through Kafka and back, until SIGTERM; /metrics says how long each took.

    It is answered `ignored` and changes no account. With --once: exit status 0 if it was answered, else 1.
    """

    async def action(chosen: settings.Settings) -> int:
        from worker.app import operators
        from worker.ops import probe as probing

        if not once:
            return await operators.run_probe(chosen, orgcode)
        took_s = await probing.once(chosen, orgcode, lambda why: typer.echo(f"g3n: {why}", err=True), timeout)
        if took_s is None:
            return running.FAILED
        typer.echo(f"answered within {duration(took_s)}")
        return 0

    running.run(action)
