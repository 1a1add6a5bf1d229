"""Ids derived from an identity are the same in every version, so that a retry after an upgrade finds its rows."""

from tests.domain.stage import Stage
from worker.domain.state.identity import derived_id, pin_digest


def test_ids_stay_what_they_were() -> None:
    assert derived_id("acme", "crm.customer.create", "K1") == "0d4b3cd7-5af6-806e-bba4-5ef561bd1a09"
    assert derived_id("acme", "scm.sale.completed", "S1", "2") == "0670e79b-d7db-8d05-a1ff-b79735024586"


def test_the_digest_of_a_pin_stays_what_it_was_and_is_bound_to_its_card() -> None:
    assert pin_digest(b"token", "card").hex() == "997fbc06f8e3355c38576b053b8f41a4"
    assert pin_digest(b"token", "other").hex() == "c3400c24218b2a68c396421d0f3be248"
    assert pin_digest(b"token", "c" * 70).hex() == "b398ddcfafd0b6461e15986e1bd26d93"


def test_cards_made_of_documents_keep_their_ids() -> None:
    stage = Stage()
    told = [stage.play(text) for text in ("issue I1 G 100", "sale S1 - 7:100>H", "return R1 - - 1:100 card>K:100")]
    assert [said[0]["data"]["gift_cards"][0]["card_id"] for said in told] == [
        derived_id("acme", "crm.giftcard.issue", "I1"),
        derived_id("acme", "scm.sale.completed", "S1", "7"),
        derived_id("acme", "scm.return.completed", "R1", "R1-1"),
    ]
