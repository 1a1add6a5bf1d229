"""Inputs that once stopped a worker, leaked a secret or ended in an error: each comes out as its `right` says."""

import json
from pathlib import Path

import pytest

from tests.faults.play import INPUTS, play
from tests.faults.verdict import Rules
from tests.stack import Servers


def test_every_input_comes_out_right(stack: Servers, tmp_path: Path) -> None:
    verdicts = play(INPUTS, stack, tmp_path)
    assert [str(one) for one in verdicts if one.problems] == []
    names = [json.loads(line)["name"] for line in (INPUTS / "records.jsonl").read_text().splitlines()]
    names += [one["name"] for one in json.loads((INPUTS / "requests.json").read_text())]
    names += [line for line in (INPUTS / "commands.txt").read_text().splitlines() if not line.startswith(" ")]
    assert set(names) <= {one.name for one in verdicts}


def test_a_right_that_nobody_knows_how_to_check_is_a_problem() -> None:
    rules: Rules[int] = Rules({r"is (\d+)": lambda seen, said: None if seen == int(said[1]) else "no"})
    assert rules.problems("is 7", 7) == []
    assert rules.problems("is 8", 7) == ["no"]
    assert rules.problems("is lovely", 7) == ["nobody knows how to check 'is lovely'"]


@pytest.mark.parametrize("wrong", ["records", "requests", "commands"])
def test_a_wrong_result_is_reported(stack: Servers, tmp_path: Path, wrong: str) -> None:
    """An input that says the opposite of what is right."""
    folder = tmp_path / "inputs"
    folder.mkdir()
    if wrong == "records":
        (folder / "records.jsonl").write_text(
            json.dumps({"name": "no JSON", "topic": "scm.sales", "value": "e25v", "right": "applied"}) + "\n"
        )
    elif wrong == "requests":
        given = {"name": "a probe", "request": "OPTIONS /readyz", "right": "200"}
        (folder / "requests.json").write_text(json.dumps([given]))
    else:
        (folder / "commands.txt").write_text("g3n --version\n    -> exit 2\n")
    problems = [str(one) for one in play(folder, stack, tmp_path) if one.problems]
    assert len(problems) == 1
    assert problems[0].startswith("WRONG ")
