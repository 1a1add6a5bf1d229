"""If half of a batch of 200 would become dead letters through our fault, the partitions halt."""

import pytest

from schemas.reasons import DeadLetterReason as Reason
from tests.codec.records import Record, structured
from tests.domain.room import KEY
from worker.codec import Decoder, Document, Undecodable
from worker.engine.poison import Guard, Poisoned

GOOD = structured("scm.sale.voided", "S1", {"sale_id": "S1", "occurred_at": "2026-03-01T10:00:00Z"})


def good() -> Document:
    document = Decoder((KEY,), frozenset(), 1 << 20).decode(GOOD, GOOD.timestamp * 1000)
    assert isinstance(document, Document)
    return document


def bad(reason: Reason, partition: int = 3) -> Undecodable:
    return Undecodable(Record(b"", topic="scm.sales", partition=partition), reason)


@pytest.mark.parametrize(
    ("fine", "spoilt", "reason", "halts"),
    [
        (100, 100, Reason.UNKNOWN_ORG, True),
        (101, 100, Reason.UNKNOWN_ORG, False),
        (99, 100, Reason.UNKNOWN_ORG, False),  # a batch of 199
        (0, 200, Reason.TOO_LARGE, True),
        (0, 200, Reason.CLOCK_AHEAD, True),
        (0, 200, Reason.INVALID, False),  # the publisher's
        (0, 2000, Reason.CONFLICT, False),
        (200, 100, Reason.TOO_LARGE, False),  # one third
    ],
)
def test_which_batches_halt(fine: int, spoilt: int, reason: Reason, *, halts: bool) -> None:
    guard = Guard([good()] * fine + [bad(reason)] * spoilt, lambda _: False)
    if not halts:
        guard.check()
        return
    with pytest.raises(Poisoned) as found:
        guard.check()
    ((at, halt),) = found.value.halts.items()
    assert at == ("scm.sales", 3)
    assert halt.why.endswith(f"most of them {reason}")


def test_refusals_of_the_database_count_and_only_their_partitions_halt() -> None:
    guard = Guard([good()] * 160 + [bad(Reason.TOO_LARGE)] * 40, lambda _: False)
    record = Record(b"", topic="scm.sales", partition=7)
    for _ in range(59):
        guard.refuse(record)
    with pytest.raises(Poisoned) as found:
        guard.refuse(record)
    assert sorted(found.value.halts) == [("scm.sales", 3), ("scm.sales", 7)]


def test_a_waived_record_does_not_count() -> None:
    guard = Guard([bad(Reason.UNKNOWN_ORG)] * 200, lambda record: record.partition == 3)
    guard.check()
    guard.refuse(Record(b"", topic="scm.sales", partition=3))
