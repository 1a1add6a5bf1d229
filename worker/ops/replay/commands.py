"""The command `g3n worker replay`: plan, print and save."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from worker.kafka import topics
from worker.kafka.ranges import ranges
from worker.kafka.security import security
from worker.ledger import operations
from worker.ledger.operators import Operator
from worker.ledger.overlay import Overlay
from worker.ledger.pool import Pool
from worker.ledger.roles import Role
from worker.ops.replay import report, saved
from worker.ops.replay.execute import KIND
from worker.ops.replay.plan import Outcomes, Plan, plan
from worker.ops.replay.selection import Selection
from worker.ops.replay.stale import stale
from worker.process.errors import OperatorError
from worker.process.settings import Settings


class Stale(OperatorError):
    """Something that the plan depends on has changed since it was made; `changes` has a line for each change."""

    def __init__(self, changes: list[str]) -> None:
        super().__init__("the plan is stale: " + "; ".join(changes))
        self.changes = changes


@dataclass(frozen=True, slots=True)
class Wanted:
    """The options of a plan. `to`: the topic that gets the outcomes instead of the outcome topics."""

    selection: Selection
    outcomes: Outcomes
    to: str | None


def chosen_topics(settings: Settings, names: tuple[str, ...]) -> tuple[str, ...]:
    """The input topics of these names, with the prefix or without it; all if there is no name.

    Raises OperatorError for another topic.
    """
    inputs = topics.from_settings(settings).inputs
    by_name = {name: topic for topic in inputs for name in (topic, topic.removeprefix(settings.topic_prefix))}
    if unknown := [name for name in names if name not in by_name]:
        raise OperatorError(f"{', '.join(unknown)}: no input topic; they are {', '.join(inputs)}")
    return tuple(dict.fromkeys(by_name[name] for name in names)) or inputs


async def make_plan(
    settings: Settings,
    wanted: Wanted,
    path: Path,
    *,
    as_json: bool,
    show: Callable[[str], None],
    progress: Callable[[int, int], None],
) -> None:
    """Plan a replay, print it, and save it in `path` unless it changes and publishes nothing.

    `show` gets the lines. Raises OperatorError and Unavailable.
    """
    if as_json:
        for line in saved.lines(await _planned(settings, wanted, progress)):
            show(line.decode())
        return
    with saved.saving(path) as save:
        made = await _planned(settings, wanted, progress)
        for text in report.plan_text(made.head, made.accounts()):
            show(text)
        if report.does_nothing(made.head):
            return
        save(made)
    show(f"Saved as {path}. To do exactly this: g3n worker replay --execute {path}")


async def _planned(settings: Settings, wanted: Wanted, progress: Callable[[int, int], None]) -> Plan:
    async with (
        ranges(settings.kafka_bootstrap_servers, security=security(settings)) as kafka,
        Overlay.opened(settings.dsn) as overlay,
    ):
        return await plan(settings, kafka, overlay, wanted.selection, wanted.outcomes, wanted.to, progress=progress)


async def start(settings: Settings, path: Path, operator: Operator, rate_per_s: float | None) -> int:
    """Make a saved plan an operation, and return its id. Raises Stale, OperatorError and Unavailable."""
    plan_ = saved.Saved(path)
    async with (
        ranges(settings.kafka_bootstrap_servers, security=security(settings)) as kafka,
        Overlay.opened(settings.dsn) as overlay,
    ):
        if changes := await stale(settings, kafka, overlay, plan_):
            raise Stale(changes)
    head = {**plan_.head, "summary": list(report.plan_text(plan_.head, ()))}
    pool = await Pool.of_interface(settings.dsn, 1, Role.OPS)
    try:
        async with pool.transaction() as connection:
            return await operations.create(connection, KIND, operator, head, head["tally"]["records"], rate_per_s)
    finally:
        await pool.close()
