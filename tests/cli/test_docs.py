"""The commands that the documentation shows are commands, their options are options, and every link leads somewhere."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.core import TyperGroup
from typer.main import get_command

from worker.cli import app

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")])


def commands(page: Path) -> Iterator[str]:
    """Lines of boxes, and code within sentences, that call g3n, without what the shell does with them."""
    box = False
    for line in re.sub(r"\\\n> +", "", page.read_text(encoding="utf-8")).splitlines():
        box ^= line.startswith("```")
        if box and (found := re.match(r"(?:\$ )?(?:\.venv/bin/)?(g3n .*)", line)):
            yield re.split(r"\s#|[|<>&;]", found[1])[0]
        elif not box:
            yield from (code.partition("…")[0] for code in re.findall(r"`(g3n [^`|]*)`", line))


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub makes of the headings of a page."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_links_of_a_page(page: Path) -> None:
    for link in re.findall(r"\]\((?!https?:|mailto:)([^)\s]+)\)", page.read_text(encoding="utf-8")):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{link}: no such file"
        assert not anchor or anchor in anchors(target), f"{link}: no such heading"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_commands_of_a_page(page: Path) -> None:
    for line in commands(page):
        words = shlex.split(line)[1:]
        context: Any = typer.Context(get_command(app), info_name="g3n", resilient_parsing=True)
        while isinstance(context.command, TyperGroup) and words and not words[0].startswith("-"):
            name = words.pop(0)
            command = context.command.get_command(context, name)
            assert command is not None, f"{line}: no command {name}"
            context = command.make_context(name, [], parent=context, resilient_parsing=True)
        known = {option for one in context.command.params for option in (*one.opts, *one.secondary_opts)} | {"--help"}
        unknown = [word for word in words if word.startswith("--") and word.partition("=")[0] not in known]
        assert unknown == [], line
