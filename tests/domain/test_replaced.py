"""A card that was replaced again and again is found in one step (contract CMD23)."""

from tests.domain.stage import Stage
from worker.domain.state.accounts import AccountType


def test_each_replaced_card_leads_directly_to_the_last() -> None:
    stage = Stage()
    for step in ("issue I1 G 500", "replace K1 G H", "replace K2 H K", "replace K3 K L"):
        stage.play(step)
    cards = [account for (type_, _), account in stage.room.accounts.items() if type_ is AccountType.CARD]
    (last,) = [card for card in cards if card.target is None]
    assert last.balance == 500
    assert [card.target for card in cards if card is not last] == [(AccountType.CARD, last.key)] * 3
