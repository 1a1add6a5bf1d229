"""`python -m examples.playbooks [PAGE …]`: every line of a page must be true. `make playbooks` runs it."""

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

from examples.online_retail.servers import Servers, ServersError, serve
from examples.online_retail.worker_process import WorkerFailed
from examples.playbooks.page import Step, steps
from examples.playbooks.shell import Shell
from examples.playbooks.stage import stage

PAGES = Path(__file__).parents[2] / "docs" / "playbooks"
_FAILED, _INTERRUPTED = 1, 130


def main(arguments: Sequence[str]) -> int:
    """Return the exit status: 1 if a line is not true, or if nothing could be tried."""
    pages = [Path(name) for name in arguments] or sorted(
        page for page in PAGES.glob("*.md") if page.name != "README.md"
    )
    try:
        with serve("devstack", print, keep=False) as servers:
            print(servers.what, flush=True)
            true = [asyncio.run(_is_true(page, servers)) for page in pages]
            print(verdict(pages, true), flush=True)
            return 0 if all(true) else _FAILED
    except (ServersError, WorkerFailed) as error:
        print(error, file=sys.stderr)
        return _FAILED
    except KeyboardInterrupt:
        return _INTERRUPTED


def verdict(pages: Sequence[Path], true: Sequence[bool]) -> str:
    """Return the last line: every page is true, or the pages that are not."""
    if all(true):
        return f"playbooks: every line of {len(pages)} pages is true"
    wrong = [page.name for page, is_true in zip(pages, true, strict=True) if not is_true]
    return f"playbooks: NOT TRUE: {', '.join(wrong)}; see above"


async def _is_true(page: Path, servers: Servers) -> bool:
    todo = list(steps(page))
    print(f"{page.name}: {len(todo)} steps", flush=True)
    async with stage(servers) as shell:
        return bool(todo) and await asyncio.to_thread(_all_true, shell, todo)


def _all_true(shell: Shell, todo: Sequence[Step]) -> bool:
    """Run the steps. Stop at the first one that is not true, because later steps depend on it."""
    for step in todo:
        printed, code = shell.run(step.command)
        if code != step.exit_code or not step.matches(printed):
            _tell(step, printed, code)
            return False
        print(f"  {step.page}:{step.line}  {step.command.splitlines()[0]}", flush=True)
    return True


def _tell(step: Step, printed: list[str], code: int) -> None:
    print(f"\n{step.page}:{step.line} is not true:\n$ {step.command}", file=sys.stderr)
    for what, lines, ended in (("expected", step.expected, step.exit_code), ("got", printed, code)):
        print(f"--- {what}, exit {ended}", *lines, sep="\n", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
