"""Every command of the operator's handbook, run on one live stack as the page has it."""

import os
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

import asyncpg

from examples.playbooks.page import BOX, PLAIN_BOX, commands
from examples.playbooks.shell import Shell
from tests.ops.commands import ROOT
from tests.ops.night import Night
from worker.kafka.topics import Topics

DOCS: Final = ROOT / "docs"
# In this order. A rebuild decides the dead letters that would be accepted now, so it comes before there are any.
PAGES: Final = (
    "operations/documents", "operations/rebuild", "operations", "operations/api-keys", "operations/monitoring",
    "operations/replay", "operations/dead-letters", "operations/operations-and-journal", "operations/topics",
    "runbooks", "operations/archive", "operations/audit", "operations/growth", "operations/card-keys",
    "operations/deploy", "operations/scale", "operations/settings", "operations/upgrade",
)  # fmt: skip
# Its boxes show what commands print: tests/kafka/test_backup_page.py runs them, on a Postgres that it may destroy.
SHOWN: Final = "operations/backup"
# Commands that can't run here, by how they begin.
NOT_HERE: Final = {"docker compose ": "needs a Docker engine; tests/compose/smoke.sh starts these services"}
STATUSES: Final = {"g3n worker status": {0, 1, 2}}  # the verdict
MINE: Final = {"G3N_DEVELOPMENT": "true", "G3N_ON_FAILURE": "dead_letter", "COLUMNS": "120", "TZ": "UTC"}


def test_every_page_is_run() -> None:
    pages = [DOCS / "operations.md", DOCS / "runbooks.md", *(DOCS / "operations").glob("*.md")]
    assert {*PAGES, SHOWN} == {str(page.relative_to(DOCS).with_suffix("")) for page in pages}
    for page in pages:
        boxes = {line for line in page.read_text().splitlines() if line.startswith("```")} - {PLAIN_BOX}
        assert boxes <= ({BOX} if page == DOCS / f"{SHOWN}.md" else set()), f"{page.name}: nobody would run {boxes}"


async def test_every_command_works(
    environment: dict[str, str], topics: Topics, connection: asyncpg.Connection, empty_database: str, tmp_path: Path
) -> None:
    settings = {**environment, **MINE, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    unused = set(NOT_HERE)
    async with AsyncExitStack() as stack:
        shell = stack.enter_context(Shell(settings, tmp_path))
        night = Night(topics, settings, connection, empty_database, shell, tmp_path, stack)
        for page in PAGES:
            for step in commands(DOCS / f"{page}.md"):
                if why := [begins for begins in NOT_HERE if step.command.startswith(begins)]:
                    unused -= {*why}
                    continue
                status, printed = await night.run(step)
                right = next((STATUSES[begins] for begins in STATUSES if step.command.startswith(begins)), {0})
                assert status in right, f"{step.page}:{step.line} exits with status {status}\n$ {printed}"
    assert not unused, f"no page has {unused}"
