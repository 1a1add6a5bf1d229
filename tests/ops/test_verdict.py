"""The verdict of `g3n worker status`, situation by situation: what is shown, and how it is judged."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from worker.ops.status.snapshot import OperationNow, PartitionNow, Snapshot
from worker.ops.status.verdict import Level, verdict

TENDERS = "scm.tenders"
WELL = Snapshot(
    datetime(2026, 1, 1, tzinfo=UTC), TENDERS, workers=2, rate_per_s=120.0, published_s=(0.004, 0.02), unpublished=0,
    parked=40, ready=0, overdue=0, dead_letters={"invalid": 0, "failed": 0},
    partitions=(PartitionNow(TENDERS, 0, 0, 0.0), PartitionNow("scm.sales", 0, 12, 0.4)),
)  # fmt: skip


def sales(lag: int | None, age_s: float | None, **more: Any) -> dict[str, Any]:  # noqa: ANN401  any member
    return {"partitions": (WELL.partitions[0], PartitionNow("scm.sales", 0, lag, age_s, **more))}


def tenders(age_s: float) -> dict[str, Any]:
    return {"partitions": (PartitionNow(TENDERS, 0, 3, age_s), WELL.partitions[1])}


SITUATIONS = [
    ("a busy night", {}, Level.WELL, ""),
    ("an idle night: nothing was decided, and nothing waits", {"rate_per_s": 0.0, **sales(0, 0.0)}, Level.WELL, ""),
    ("every worker is dead", {"workers": 0, "group": "Empty", **sales(7, 900.0)}, Level.ACT, "and 7 records wait"),
    ("every worker is dead, one record", {"workers": 0, **sales(1, 900.0)}, Level.ACT, "and 1 record waits"),
    ("one batch is not published", {"unpublished": 1}, Level.ACT, "the outcomes of 1 batch are not published"),
    ("every worker is dead and the topics are empty", {"workers": 0, **sales(0, 0.0)}, Level.ACT, "no worker runs"),
    ("Kafka is away", {"kafka": "no broker", "workers": None, "partitions": ()}, Level.ACT, "Kafka: no broker"),
    ("Postgres is away", {"postgres": "refused", "unpublished": None, "parked": None}, Level.ACT, "Postgres: refused"),
    ("tills wait", tenders(4.0), Level.ACT, "a tender has waited for 4 s"),
    ("a backlog is worked off", sales(90_000, 1_200.0), Level.LOOK, "has waited for 20 min"),
    ("workers hang, and records wait", {"rate_per_s": 0.0, **sales(5, 90.0)}, Level.ACT, "nothing was"),
    ("retention was faster", sales(10, 5.0, lost=40, halted="documents are gone"), Level.ACT, "40 records were"),
    ("the topic is another one", sales(None, None, halted="another cluster"), Level.ACT, "another cluster"),
    ("how far a partition has been read is not known", sales(None, None), Level.LOOK, "is not known"),
    ("outcomes do not get out", {"unpublished": 3}, Level.ACT, "outcomes of 3 batches"),
    ("a publisher sends rubbish", {"dead_letters": {"invalid": 1204}}, Level.LOOK, "dead letters: 1,204 invalid"),
    ("the program fails on a document", {"dead_letters": {"failed": 1}}, Level.ACT, "dead letters: 1 failed"),
    ("an original will be deleted", {"dead_letters": {"invalid": 1}, "kept_s": 7200.0}, Level.LOOK, "for 2 h more"),
    ("a deadline fails", {"overdue": 1}, Level.LOOK, "1 deadline or parked document was put off"),
    ("a laptop closed", {"operations": (OperationNow(7, "redrive", "interrupted", 5, 9),)}, Level.LOOK, "7 (redrive)"),
    ("a replay is under way", {"operations": (OperationNow(7, "replay", "running", 5, 9),)}, Level.WELL, ""),
    ("a topic is missing", {"missing": ("scm.sales",)}, Level.ACT, "topics are missing: scm.sales"),
    ("a worker has just started", {"group": "PreparingRebalance"}, Level.LOOK, "divides the partitions anew"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "level", "said"), [row[1:] for row in SITUATIONS], ids=[row[0] for row in SITUATIONS]
)
def test_situation(changed: dict[str, Any], level: Level, said: str) -> None:
    judged = verdict(replace(WELL, **changed))
    assert judged.level is level
    assert said in "; ".join(one.what for one in judged.findings)
    assert bool(judged.findings) is (level is not Level.WELL)
    assert all(one.do for one in judged.findings), "each finding says what to do"


def test_the_worst_comes_first() -> None:
    judged = verdict(replace(WELL, dead_letters={"invalid": 1}, unpublished=1))
    assert [one.level for one in judged.findings] == [Level.ACT, Level.LOOK]


def test_unknown_is_not_zero() -> None:
    assert replace(WELL, **sales(None, None)).lag is None
    assert replace(WELL, partitions=()).lag is None
    assert WELL.lag == 12
    assert replace(WELL, **sales(None, None)).age_s(TENDERS) == 0.0
