from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from schemas.reasons import CATEGORY, Category, Reason, first

# Contract §3, as it is written there.
PRECEDENCE = """
`training`, `already_voided`, `too_late`, `card_not_accepted`, `customer_not_found`, `customer_erased`, `customer_blocked`, `sale_not_found`,
`sale_line_not_found`, `tender_not_found`, `command_not_found`, `currency_mismatch`, `currency_not_in_policy`, `kind_mismatch`, `invalid_state`, `not_in_sale`, `customer_exists`,
`card_exists`, `policy_not_later`, `card_expired`, `card_frozen`, `hold_expired`, `parked_too_long`, `below_minimum`, `over_maximum`, `gift_card_buys_gift_card`, `over_returned`, `amount_over_captured`,
`amount_over_authorized`, `insufficient_balance`, `tenders_mismatch`, `refunds_mismatch`
"""  # noqa: E501  # a quotation
CATEGORIES = {
    "invalid-request": "`training`, `currency_mismatch`, `currency_not_in_policy`, `kind_mismatch`, `below_minimum`, "
    "`over_maximum`, "
    "`gift_card_buys_gift_card`, `tenders_mismatch`, `refunds_mismatch`",
    "not-found": "`card_not_accepted`, `customer_not_found`, `sale_not_found`, `sale_line_not_found`, "
    "`tender_not_found`, `command_not_found`",
    "invalid-state": "`already_voided`, `too_late`, `customer_erased`, `customer_blocked`, `invalid_state`, "
    "`not_in_sale`, `customer_exists`, `card_exists`, `policy_not_later`, `card_expired`, `card_frozen`, "
    "`hold_expired`, `parked_too_long`, `over_returned`, `amount_over_captured`, "
    "`amount_over_authorized`",
    "insufficient-balance": "`insufficient_balance`",
}


def _words(quotation: str) -> list[str]:
    return [word.strip(" `\n") for word in quotation.split(",")]


def test_precedence_is_the_contract_s() -> None:
    assert [reason.value for reason in Reason] == _words(PRECEDENCE)


def test_categories_are_the_contract_s() -> None:
    by_category: dict[str, list[str]] = {category.value: [] for category in Category}
    for reason in Reason:
        by_category[CATEGORY[reason]].append(reason.value)
    assert {name: sorted(reasons) for name, reasons in by_category.items()} == {
        name: sorted(_words(words)) for name, words in CATEGORIES.items()
    }


@given(st.permutations(list(Reason)), st.integers(0, len(Reason)))
def test_first_is_the_first_of_the_list(reasons: list[Reason], some: int) -> None:
    some_reasons = reasons[:some]
    expected = next((reason for reason in Reason if reason in some_reasons), None)
    assert first(iter(some_reasons)) is expected


def test_each_comes_before_the_next() -> None:
    assert [first([later, earlier]) for earlier, later in pairwise(Reason)] == list(Reason)[:-1]
