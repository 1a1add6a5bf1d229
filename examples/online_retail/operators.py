"""An operator's checks at the end: a plan of a replay, and an audit. Each prints one line."""

import asyncio
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from rich.console import Console

from examples.online_retail.worker_process import environment_of

# The commands, and the last line of a good answer.
_QUESTIONS: Final = (
    (("replay",), "This replay changes nothing and publishes nothing."),
    (("audit", "--coverage"), "All is accounted for."),
)


async def ask(console: Console, settings: Mapping[str, str], log: Path) -> bool:
    """Plan a replay of all topics and audit the ledger. Print a line for each, and return whether both are as they
    should be.
    """
    console.print("\n[bold]For operators[/]", highlight=False)
    answers = await asyncio.gather(*(_last_line(words, settings, log) for words, _ in _QUESTIONS))
    for (words, good), answer in zip(_QUESTIONS, answers, strict=True):
        mark = "[green]✓[/]" if answer == good else "[bold red]✗[/]"
        console.print(f"  {mark} {' '.join(('g3n', 'worker', *words)):<28} {answer}", highlight=False)
    return all(answer == good for (_, good), answer in zip(_QUESTIONS, answers, strict=True))


async def _last_line(words: tuple[str, ...], settings: Mapping[str, str], log: Path) -> str:
    with log.open("ab") as errors:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "worker", *words, env=environment_of(settings), stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE, stderr=errors, start_new_session=True,
        )  # fmt: skip
    try:
        out, _ = await process.communicate()
    except BaseException:
        process.kill()
        await process.wait()
        raise
    lines = out.decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else f"it exited with status {process.returncode}: the log says why"
