"""The checks at the end of the demo find what is wrong."""

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from examples.online_retail.arithmetic import Expected
from examples.online_retail.documents import Converter
from examples.online_retail.ledger_proof import CARD, POINTS, Flow, Proof
from examples.online_retail.outcomes import DeadLetter, Outcomes
from examples.online_retail.summary import Run, checks, pounds
from examples.online_retail.tills import Card

PROOF = Proof(
    points_accounts=2,
    cards=1,
    transfers=4,
    imbalances=0,
    entries_sum=0,
    parked=0,
    flows=(Flow(POINTS, "earned", 30, 5), Flow(POINTS, "redeemed", 0, 10), Flow(CARD, "issued", 900, 0)),
    balances={(POINTS, "7"): 10, (POINTS, "8"): 5, (CARD, "card"): 900},
    held=0,
    top=(),
)
EXPECTED = Expected(sold_minor=100, returned_minor=30, issued=30, reversed=5, redeemed=10, balances={"7": 10, "8": 5})


def run() -> Run:
    converter = Converter(sold_minor=100, linked_minor=20, unlinked_minor=10)
    return Run(converter, cards=[(Card("spent", "9999", 900), "card")])


def outcomes() -> Outcomes:
    seen = Outcomes("nowhere:0", "")
    seen.expect([("scm.sale.completed", "1")])
    seen.by_kind = Counter({("scm.sale.completed", "applied", ""): 1})
    seen.data = {("scm.sale.completed", "1"): {}}
    return seen


def wrong(proof: Proof, expected: Expected, seen: Outcomes, played: Run) -> list[int]:
    return [n for n, (_, holds) in enumerate(checks(played, seen, proof, expected)) if not holds]


def test_all_is_well() -> None:
    assert wrong(PROOF, EXPECTED, outcomes(), run()) == []


@pytest.mark.parametrize(
    ("proof", "failing"),
    [
        (replace(PROOF, imbalances=1), [1, 3]),
        (replace(PROOF, entries_sum=1), [2, 3]),
        (replace(PROOF, balances={**PROOF.balances, (POINTS, "7"): 9, (POINTS, "8"): 6}), [7]),
        (replace(PROOF, balances={**PROOF.balances, (POINTS, "9"): 0}), [7]),
        (replace(PROOF, balances={**PROOF.balances, (CARD, "card"): 899}), [3, 9]),
        (replace(PROOF, flows=(Flow(POINTS, "earned", 31, 6), *PROOF.flows[1:])), [4, 5]),
        (replace(PROOF, held=1), [10]),
        (replace(PROOF, parked=1), [10]),
    ],
)
def test_a_broken_ledger_is_found(proof: Proof, failing: list[int]) -> None:
    assert wrong(proof, EXPECTED, outcomes(), run()) == failing


@pytest.mark.parametrize(
    ("change", "failing"), [({"redeemed": 9}, [6]), ({"sold_minor": 101}, [8]), ({"returned_minor": 31}, [8])]
)
def test_another_result_than_the_files_is_found(change: dict[str, Any], failing: list[int]) -> None:
    assert wrong(PROOF, replace(EXPECTED, **change), outcomes(), run()) == failing


def test_an_outcome_too_many_too_few_and_a_dead_letter_are_found() -> None:
    twice, none, letter = outcomes(), outcomes(), outcomes()
    twice.by_kind["scm.sale.completed", "applied", ""] += 1
    none.by_kind.clear()
    none.data.clear()
    letter.dead_letters.append(DeadLetter("scm.sales", 0, 0, "invalid", ""))
    assert [wrong(PROOF, EXPECTED, seen, run()) for seen in (twice, none, letter)] == [[0], [0], [0]]


def test_a_surprise_at_a_till_is_found() -> None:
    played = run()
    played.surprises.append("hold £1.00: declined instead of approved")
    assert wrong(PROOF, EXPECTED, outcomes(), played) == [11]


def test_pounds() -> None:
    assert [pounds(0), pounds(-5), pounds(123456789)] == ["£0.00", "−£0.05", "£1,234,567.89"]
