"""Show an import's progress on stderr: a bar at a terminal, else a line now and then."""

import sys
from typing import Final, Self

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

_STEPS: Final = 10  # lines of a whole import


class Shown:
    """Counts rows out of `total`. Rows of earlier runs count from the start."""

    def __init__(self, total: int, already: int) -> None:
        self._total = total
        self._finished = already
        self._failed = 0
        self._shown = already * _STEPS // total
        self._bar: Progress | None = None
        self._task: TaskID | None = None
        if sys.stderr.isatty():
            self._bar = Progress(
                TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
                console=Console(stderr=True),
            )  # fmt: skip
            self._task = self._bar.add_task("importing", total=total, completed=already)

    def __enter__(self) -> Self:
        if self._bar:
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar:
            self._bar.stop()

    def finished(self, *, failed: bool) -> None:
        """Count one more answered row."""
        self._finished += 1
        self._failed += failed
        refused = f", {self._failed:,} refused" if self._failed else ""
        if self._bar and self._task is not None:
            self._bar.update(self._task, advance=1, description=f"importing{refused}")
            return
        step = self._finished * _STEPS // self._total
        if step > self._shown:
            self._shown = step
            typer.echo(f"g3n: {self._finished:,} of {self._total:,} rows{refused}", err=True)

    def stopping(self) -> None:
        """Say that Ctrl-C was pressed."""
        if self._bar and self._task is not None:
            self._bar.update(self._task, description="stopping")
