"""Playbooks are read, run and compared with their output: a line that is not true is found."""

import os
from pathlib import Path

import pytest

from examples.playbooks.__main__ import PAGES, verdict
from examples.playbooks.page import Step, commands, steps
from examples.playbooks.shell import Shell

PAGE = """\
# A page

    $ no step

```
$ nor is this
```

```console
$ echo one \\
>   two
one two
$ false
[exit 1]
```

and

```console
$ printf 'a\\n\\nb\\n'
a
…
```
"""


def test_steps_of_a_page(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(PAGE)
    assert list(steps(page)) == [
        Step("page.md", 10, "echo one \\\n  two", ["one two"]),
        Step("page.md", 13, "false", [], 1),
        Step("page.md", 20, "printf 'a\\n\\nb\\n'", ["a", "…"]),
    ]


def test_commands_of_a_page_that_does_not_show_what_they_print(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "Run `g3n a`, then `g3n b`.\n\n```\none \\\n  two  # three\n\nfour\n```\n\n```console\n$ five\n```\n"
    )
    assert list(commands(page)) == [
        Step("page.md", 1, "g3n a"),
        Step("page.md", 4, "one \\\n  two  # three"),
        Step("page.md", 7, "four"),
    ]


@pytest.mark.parametrize(
    ("expected", "printed", "true"),
    [
        ([], [], True),
        ([], ["more"], False),
        (["a"], [], False),
        (["a  b"], ["a       b   "], True),  # columns are as wide as what is in them
        (["a b"], ["ab"], False),
        (["a.c"], ["abc"], False),
        (["k-… is"], ["k-12 34 is"], True),
        (["k-… is"], ["k-1", "is"], False),
        (["a", "…", "z"], ["a", "z"], True),
        (["a", "…", "z"], ["a", "b", "c", "z"], True),
        (["a", "…"], ["b", "a"], False),
        (["a", "…", "z"], ["a", "b"], False),
        (["…  5"], ["x  5"], True),
        (["…  5"], ["x  6"], False),
    ],
)
def test_pages_that_are_true(expected: list[str], printed: list[str], true: bool) -> None:  # noqa: FBT001  a column
    assert Step("page.md", 1, "", expected).matches(printed) is true


def test_one_shell_for_a_page(tmp_path: Path) -> None:
    with Shell({"PATH": os.environ["PATH"]}, tmp_path) as shell:
        assert shell.run("export A=1") == ([], 0)
        assert shell.run('echo "$A"; echo wrong >&2') == (["1", "wrong"], 0)
        assert shell.run("cat > file <<'END'\n$A\nEND") == ([], 0)
        assert shell.run("cat file; printf 'no end'; (exit 7)") == (["$A", "no end"], 7)
        assert shell.run("cat") == ([], 0)  # nobody types
        with pytest.raises(EOFError):
            shell.run("exit 3")


def test_every_page_has_steps() -> None:
    pages = {page.name: list(steps(page)) for page in PAGES.glob("*.md") if page.name != "README.md"}
    assert {name for name, found in pages.items() if found} == {"customer.md", "night-shift.md", "stored-value.md"}
    assert all(f"({name})" in (PAGES / "README.md").read_text() for name in pages)


def test_the_last_line_is_the_verdict() -> None:
    pages = [Path("customer.md"), Path("stored-value.md")]
    assert verdict(pages, [True, True]) == "playbooks: every line of 2 pages is true"
    assert verdict(pages, [True, False]) == "playbooks: NOT TRUE: stored-value.md; see above"
