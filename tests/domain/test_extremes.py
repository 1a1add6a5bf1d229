"""No document that its schema allows, however extreme its values, makes the core fail."""

from hypothesis import given
from hypothesis import strategies as st

from schemas.scalars import parse_instant
from tests.domain.documents import Said, command
from tests.domain.extremes import INSTANTS, documents
from tests.domain.invariants import check
from tests.domain.room import Room, document
from tests.domain.stage import BASE, microseconds

NOW_US = microseconds(BASE)
END_US = parse_instant(INSTANTS[-1])
# So that most of what follows finds a policy, customers and cards.
FIRST = st.tuples(
    documents(("crm.policy.put",), effective_from=INSTANTS[0]),
    st.just(command("customer.create", "C1", customer_id="C1")),
    documents(("crm.customer.create",)),
    documents(("crm.giftcard.issue", "scm.sale.completed")),
    documents(("crm.giftcard.issue", "crm.loyalty.earn", "crm.loyalty.adjust")),
)


@given(FIRST, st.lists(documents(), max_size=15))
def test_every_sequence_of_extreme_documents_is_decided(first: tuple[Said, ...], more: list[Said]) -> None:
    room = Room()
    for type_, data in (*first, *more):
        room.read(document(type_, data, NOW_US), NOW_US)
        list(room.work(NOW_US))
        check(room)
    list(room.work(END_US))
    check(room)


TIERS = {"earn": {"tiers": [{"name": "gold", "from_points_12m": 10, "factor": "2"}]}}


def test_tiers_of_the_first_year_count_what_was_earned_in_it() -> None:
    room = Room()
    sale = {"store_id": "s", "currency": "GBP", "customer_id": "C1", "occurred_at": INSTANTS[0],
            "lines": [{"line_id": 1, "sku": "x", "net_minor": 1000}]}  # fmt: skip
    changes = []
    for type_, data in (
        command("policy.put", "P", policy=TIERS, effective_from=INSTANTS[0]),
        command("customer.create", "C", customer_id="C1"),
        ("scm.sale.completed", {"sale_id": "S1", **sale}),
        ("scm.sale.completed", {"sale_id": "S2", **sale}),
    ):
        (told,) = room.read(document(type_, data, NOW_US), NOW_US)
        changes.append(told["data"].get("points", {}).get("change"))
    assert changes == [None, 0, 10, 20]
