"""Facts that end in the same totals whatever their order (contract §2.2 "What waits"): every order is played.

    given | when | then
    issue I1 G 500; request T1 card G 200 | replace K1 G H; capture T1 150 | H=350

The documents of `when` come in every order. `then` is each account that has something: cards by their name,
customers by their id; of `H=350/200` 200 are held. Documents and `let` are those of tests/language.
"""

from itertools import permutations

import pytest

from tests.domain.stage import Stage
from tests.language.documents import card_name
from tests.language.table import FOLDER, Row, rows
from worker.domain.state.accounts import AccountType

ROWS = [row for path in sorted((FOLDER / "orders").glob("*.txt")) for row in rows(path)]


def totals(stage: Stage) -> dict[str, str]:
    """Return the numbers of each account."""
    found = {}
    for (type_, key), account in stage.room.accounts.items():
        name = card_name(account.card.last4) if type_ is AccountType.CARD and account.card else key
        if account.balance or account.held:
            found[name] = f"{account.balance}/{account.held}" if account.held else f"{account.balance}"
    return found


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_every_order_ends_alike(row: Row) -> None:
    expected = dict(word.split("=") for part in row.then for word in part.split())
    for order in permutations(row.when):
        stage = Stage()
        for step in (*row.given, *order):
            stage.play(step)
        assert expected == totals(stage), "; ".join(order)
        assert not stage.room.parked, "; ".join(order)
