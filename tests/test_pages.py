"""Links between the pages lead somewhere, to the heading that they name."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    [*ROOT.glob("*.md"), *(page for top in ("docs", "examples", "tests") for page in ROOT.glob(f"{top}/**/*.md"))]
)
CODE = re.compile(r"```.*?```", re.DOTALL)
LINK = re.compile(r"\]\((?!\w+:)([^)\s#]*)#?([^)\s]*)\)")


@cache
def headings(page: Path) -> frozenset[str]:
    """Return the anchors of a page's headings, as they are made on the web."""
    lines = CODE.sub("", page.read_text(encoding="utf-8")).splitlines()
    texts = [line.lstrip("#").strip().lower() for line in lines if line.startswith("#")]
    return frozenset(re.sub(r"[^\w\- ]", "", text).replace(" ", "-") for text in texts)


def broken() -> Iterator[str]:
    for page in PAGES:
        for name, anchor in LINK.findall(CODE.sub("", page.read_text(encoding="utf-8"))):
            target = page.parent / name if name else page
            if not target.exists():
                yield f"{page.relative_to(ROOT)}: no file {name}"
            elif anchor and target.suffix == ".md" and anchor not in headings(target.resolve()):
                yield f"{page.relative_to(ROOT)}: no heading {name}#{anchor}"


def test_every_link_leads_somewhere() -> None:
    assert len(PAGES) > 20
    assert list(broken()) == []
