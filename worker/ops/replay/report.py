"""A plan and its result as text, for a terminal of 80 columns."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final

from worker.ops.replay.plan import Outcomes
from worker.ops.replay.tally import AccountChange
from worker.ops.table import table

MOST_ACCOUNTS: Final = 20
_VERDICTS: Final = (
    ("known", "in the ledger already: nothing happens"),
    ("new", "would be decided"),
    ("conflict", "same id, other content: dead letter"),
    ("parked", "of the new: would wait for a sale or a tender"),
    ("not_selected", "not selected"),
)


def plan_text(head: dict[str, Any], accounts: Iterable[AccountChange]) -> Iterator[str]:
    """Return the lines of a plan."""
    tally = head["tally"]
    yield f"Replay plan of {head['made_at']}: nothing has been changed yet."
    yield ""
    yield from _ranges(head)
    yield ""
    yield "Records"
    yield from table(((f"  {n:,}", what) for n, what in _verdicts(tally)), (1,))
    yield from _section("New documents", tally["decided"], ("type", "status", "reason", "documents"), (0, 1, 2))
    yield from _section(
        "Documents that wait and would go on", tally["settled"], ("type", "status", "reason", "documents"), (0, 1, 2)
    )
    yield from _accounts(accounts, tally["accounts"])
    booked = [{**row, "way": "to accounts" if row["way"] == "in" else "from accounts"} for row in tally["booked"]]
    yield from _section(
        "Money (minor units) and points", booked, ("orgcode", "contra", "unit", "way", "amount"), (0, 1, 2, 3)
    )
    yield from _section("Holds that would open", tally["holds"], ("orgcode", "kind", "holds", "amount_minor"), (0, 1))
    yield ""
    yield from _messages(head)
    yield ""
    yield verdict(head)


def _verdicts(tally: dict[str, Any]) -> Iterator[tuple[int, str]]:
    yield from ((tally[name], what) for name, what in _VERDICTS if tally[name] or name in ("known", "new"))
    yield from (
        (count, f"dead letter: {reason}") for reason, count in tally["dead_letters"].items() if reason != "conflict"
    )


def _ranges(head: dict[str, Any]) -> Iterator[str]:
    if not head["ranges"]:
        yield "No record is in this range."
        return
    yield f"Reads {head['tally']['records']:,} records"
    yield from table(
        (
            (f"  {topic}-{partition}", f"offsets {start:,} to {end - 1:,}")
            for topic, partition, start, end in head["ranges"]
        ),
        (0, 1),
    )
    chosen = [
        f"{name} {head['selection'][member]}"
        for name, member in (
            ("tenant", "orgcode"),
            ("customer", "customer_id"),
            ("subject", "subject"),
            ("type", "type"),
        )
        if head["selection"][member]
    ]
    if chosen:
        yield f"  of these only: {', '.join(chosen)}"


def _section(title: str, rows: Sequence[dict[str, Any]], names: Sequence[str], words: tuple[int, ...]) -> Iterator[str]:
    if not rows:
        return
    yield ""
    yield title
    lines = [[_cell(row[name]) for name in names] for row in rows]
    heads = [name.replace("_", " ").replace("orgcode", "tenant") for name in names]
    yield from (f"  {line}" for line in table([heads, *lines], words))


def _cell(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value or "-")


def _accounts(accounts: Iterable[AccountChange], total: int) -> Iterator[str]:
    if not total:
        return
    yield ""
    yield f"Accounts that would change: {total:,}"
    rows = [["tenant", "account", "unit", "balance", "", "held", ""]]
    for one in islice(accounts, MOST_ACCOUNTS):
        before = one.before or (0, 0, 0)
        held = [f"{before[1]:,}", f"→ {one.after[1]:,}"] if before[1] != one.after[1] else ["", ""]
        rows.append([one.orgcode, f"{one.kind} {one.id}", one.unit, f"{before[0]:,}", f"→ {one.after[0]:,}", *held])
    yield from (f"  {line}" for line in table(rows, (0, 1, 2, 4, 6)))
    if total > MOST_ACCOUNTS:
        yield f"  … and {total - MOST_ACCOUNTS:,} more: they are in the saved plan, and in --json"


def published(head: dict[str, Any]) -> dict[str, int]:
    """Return the number of messages that a replay publishes, by topic."""
    outcomes = Outcomes(head["outcomes"])
    found: dict[str, int] = {}
    for row in head["tally"]["messages"]:
        count = (row["new"] if outcomes is not Outcomes.NONE else 0) + (row["again"] if outcomes is Outcomes.ALL else 0)
        if count:
            topic = head["to"] or row["topic"]
            found[topic] = found.get(topic, 0) + count
    return found


def _messages(head: dict[str, Any]) -> Iterator[str]:
    would = published(head)
    yield f"Messages with --outcomes {head['outcomes']}" + ("" if would else ": none")
    yield from (f"  {line}" for line in table(((topic, f"{count:,}") for topic, count in would.items()), (0,)))


def does_nothing(head: dict[str, Any]) -> bool:
    """Return whether a replay would neither change the ledger nor publish anything."""
    return not (head["tally"]["new"] or head["tally"]["settled"] or published(head))


def verdict(head: dict[str, Any]) -> str:
    """Return the result in a sentence."""
    tally = head["tally"]
    changes = bool(tally["new"] or tally["settled"])
    publishes = sum(published(head).values())
    if does_nothing(head):
        return "This replay changes nothing and publishes nothing."
    does = f"changes {tally['accounts']:,} accounts" if changes else "changes nothing"
    return f"This replay {does} and publishes {f'{publishes:,} messages' if publishes else 'nothing'}."


def done_text(planned: Mapping[str, Any], done: Mapping[str, Any]) -> Iterator[str]:
    """Return a comparison of the plan and the result."""
    rows = [["", "planned", "done", ""]]
    counts = [(name.replace("_", " "), planned[name], done[name]) for name in _COUNTED]
    for name, key, amount in _COMPARED:
        before, after = (
            {tuple(row[part] for part in key): row[amount] for row in tally[name]} for tally in (planned, done)
        )
        counts += [
            ("  " + " ".join(filter(None, what)), before.get(what, 0), after.get(what, 0))
            for what in sorted({*before, *after})
        ]
    rows += [[what, f"{then:,}", f"{now:,}", "" if then == now else "differs"] for what, then, now in counts]
    yield from table(rows, (0, 3))


_COUNTED: Final = ("records", "not_selected", "known", "new", "conflict", "parked", "accounts")
_COMPARED: Final = (
    ("decided", ("type", "status", "reason"), "documents"),
    ("settled", ("type", "status", "reason"), "documents"),
    ("booked", ("orgcode", "contra", "unit", "way"), "amount"),
    ("holds", ("orgcode", "kind"), "amount_minor"),
)
