"""A document counts only the spent amounts that it took back itself, although a batch shares the books."""

from tests.domain.stage import Stage


def test_only_the_document_that_took_it_back_tells_it() -> None:
    stage = Stage()
    for step in ("customer C", "sale S1 C 1:1000", "redeem K1 C 10", "return R1 S1 C 1:400", "return R2 S1 C 1:100"):
        stage.play(step)
    taken = {outcome.return_id: outcome.missing for outcome in stage.room.outcomes if outcome.return_id}
    assert taken == {"R1": {"points_deficit": 4}, "R2": {"points_deficit": 1}}
    assert [outcome.missing for outcome in stage.room.outcomes if not outcome.return_id] == [{}, {}, {}]
