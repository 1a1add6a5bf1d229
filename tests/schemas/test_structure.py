"""House rules of CONTRIBUTING that no linter checks."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
MOST_LINES = 300


def test_files_are_small() -> None:
    """A file that grows beyond this tells two stories; find the seam between them."""
    files = [path for part in ("schemas", "worker", "devstack", "bench") for path in (ROOT / part).rglob("*.py")]
    lines = {path.relative_to(ROOT).as_posix(): len(path.read_text().splitlines()) for path in files}
    assert {path: count for path, count in lines.items() if count > MOST_LINES} == {}
