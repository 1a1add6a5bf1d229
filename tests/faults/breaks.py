"""Ways to break the worker on purpose, each in one place. The campaign must notice every one of them.

`python -m tests.faults.breaks NAME worker run` is `g3n worker run` with that break.
"""

from __future__ import annotations

import gc
import inspect
import os
import sys
import textwrap
from dataclasses import dataclass
from functools import reduce
from importlib import import_module
from pathlib import Path
from typing import Any

MARK = "G3N_BREAKS_MARK"


@dataclass(frozen=True)
class Break:
    """`old` becomes `new` in the source of a function; lines after the first get its indent. `seen_as`: part of a
    violation that a round must then report.
    """

    function: str
    old: str
    new: str
    seen_as: str

    def apply(self) -> None:
        """Break this process. Raises AssertionError if the source has no such text any more."""
        module_name, _, path = self.function.partition(":")
        *owners, name = path.split(".")
        module = import_module(module_name)
        owner: Any = reduce(getattr, owners, module)
        source = textwrap.dedent(inspect.getsource(getattr(owner, name)))
        before, found, after = source.partition(self.old)
        assert found, f"{self.function} has no {self.old!r}"
        indent = " " * (len(before) - before.rindex("\n") - 1)
        broken = before + self.new.replace("\n", "\n" + indent) + after
        made: dict[str, Any] = {}
        helpers = {"the_only": the_only, "die_once": die_once}
        exec(compile(broken, name, "exec"), {**vars(module), **helpers}, made)  # noqa: S102
        setattr(owner, name, made[name])


BREAKS = {
    "offsets and positions are committed before the transaction": Break(
        "worker.engine.stream:Stream._step",
        old="with metrics.BATCH_SECONDS",
        new="""await self._pipeline._journal.note(fetched.moved, fetched.positions)
for member in self._reader._members:
    member.done(fetched)
    await member.commit()
if fetched.records:
    die_once()
with metrics.BATCH_SECONDS""",
        seen_as="lost: crm.giftcard.issue",
    ),
    "offsets are committed before the transaction": Break(
        "worker.engine.stream:Stream._step",
        old="with metrics.BATCH_SECONDS",
        new="""for member in self._reader._members:
    member.done(fetched)
    await member.commit()
if fetched.records:
    die_once()
with metrics.BATCH_SECONDS""",
        seen_as="nothing explains: ledger_behind",  # the ledger's position brings the documents back, and says so
    ),
    "outcomes are published before the commit": Break(
        "worker.engine.transaction:Transaction._decide",
        old='faults.point("after_write")',
        new="""await the_only("worker.kafka.publisher", "Publisher").publish(encoded.messages)
die_once()""",
        seen_as="doubled: crm.outcome.",
    ),
    "a record is skipped": Break(
        "worker.kafka.fetched:Fetched.add",
        old="self.records += records",
        new="self.records += [one for one in records if one.offset % 20 != 7]",
        seen_as="lost: ",
    ),
    "duplicates are decided again": Break(
        "worker.engine.duplicates:sort_out",
        old="known.get(place, (None, None))",
        new="None, None",
        seen_as="dead letters, failed",  # the ledger refuses a second decision: the duplicates are dead letters
    ),
    "a duplicate is answered with other bytes": Break(
        "worker.engine.messages:BatchMessages._of_duplicate",
        old="work.subject, outcomes, headers)",
        new="work.subject, [(v, one._replace(time_us=one.time_us + 1000)) for v, one in outcomes], headers)",
        seen_as="doubled: crm.outcome.",
    ),
    "outcomes are not published": Break(
        "worker.engine.outgoing:Outgoing._publish",
        old="partial(self._publisher.publish, applied.messages)",
        new="partial(self._publisher.publish, applied.messages[3:] or applied.messages)",
        seen_as="lost: ",
    ),
    "a dead letter is lost": Break(
        "worker.engine.dead_letters:DeadLetters.told",
        old="for letter in letters]",
        new="for letter in letters][1:]",
        seen_as="dead letters, ",
    ),
    "a balance is not written": Break(
        "worker.ledger.write:accounts",
        old="not account.new]",
        new="not account.new][1:]",
        seen_as="its transfers say",
    ),
}


def the_only(module: str, name: str) -> Any:  # noqa: ANN401  whatever it is
    """Return this process's only object of this class."""
    gc.unfreeze()  # a worker freezes its first objects, and frozen ones are not listed
    (found,) = [one for one in gc.get_objects() if type(one) is getattr(import_module(module), name)]
    return found


def die_once() -> None:
    """Die as by kill -9. The process that is started next lives on."""
    mark = Path(os.environ[MARK])
    if not mark.exists():
        mark.touch()
        os._exit(137)


if __name__ == "__main__":
    BREAKS[sys.argv.pop(1)].apply()
    import_module("worker.cli").module()
