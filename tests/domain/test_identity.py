"""What is derived from an identity is the same in every version: a retry after an upgrade must find what it made."""

from worker.domain.identity import derived_id, pin_digest


def test_ids_stay_what_they_were() -> None:
    assert derived_id("acme", "crm.customer.create", "K1") == "0d4b3cd7-5af6-806e-bba4-5ef561bd1a09"
    assert derived_id("acme", "scm.sale.completed", "S1", "2") == "0670e79b-d7db-8d05-a1ff-b79735024586"


def test_the_digest_of_a_pin_stays_what_it_was_and_is_bound_to_its_card() -> None:
    assert pin_digest(b"token", "card").hex() == "997fbc06f8e3355c38576b053b8f41a4"
    assert pin_digest(b"token", "other").hex() == "c3400c24218b2a68c396421d0f3be248"
    assert pin_digest(b"token", "c" * 70).hex() == "b398ddcfafd0b6461e15986e1bd26d93"
