"""Check whether a plan is stale: list the changes since it was made."""

from typing import Final

from schemas.registry import BY_CODE
from worker.domain.state.accounts import AccountType
from worker.kafka.ranges import Ranges
from worker.ledger.overlay import Overlay
from worker.ledger.overlay.since import Changed, changed
from worker.ops.replay.plan import ranges_of, versions
from worker.ops.replay.saved import Saved
from worker.process.settings import Settings

MOST: Final = 20  # rows that are named


async def stale(settings: Settings, kafka: Ranges, overlay: Overlay, saved: Saved) -> list[str]:
    """Return a line for each change, at most `MOST` of them for rows. None: the plan is valid."""
    head = saved.head
    now = await versions(settings, overlay)
    lines = []
    if head["code"] != now["code"]:
        lines.append(f"the program: planned with {head['code']}, this is {now['code']}")
    if head["keys"] != now["keys"]:
        lines.append(f"the card keys: planned with {_list(head['keys'])}, now {_list(now['keys'])}")
    for orgcode in sorted({*head["policies"], *now["policies"]}):
        before, after = head["policies"].get(orgcode, 0), now["policies"].get(orgcode, 0)
        if before != after:
            lines.append(f"the policy of {orgcode}: planned with version {before}, now {after}")
    ranges = ranges_of(head)
    begins = await kafka.begins(ranges) if ranges else {}
    lines += [
        f"the topic: {one.topic}-{one.partition} begins at {begins[one.at]:,}, the plan at {one.start:,}"
        for one in ranges
        if begins[one.at] > one.start
    ]
    rows = 0
    async for one in changed(overlay.snapshot, saved.reads(), overlay.columns):
        rows += 1
        if rows <= MOST:
            lines.append(_named(one, head["orgs"]))
    if rows > MOST:
        lines.append(f"and {rows - MOST:,} more rows")
    return lines


def _named(one: Changed, orgs: dict[str, str]) -> str:
    org, *key = one.key
    orgcode = orgs.get(str(org), f"tenant {org}")
    match one.table:
        case "account":
            return f"{AccountType(key[0]).name.lower()} account {key[1]} of {orgcode}"
        case "event" | "parked":
            return f"{BY_CODE[key[0]].name} {key[1]} of {orgcode}"
        case "card_number":
            return f"a gift card of {orgcode} whose number a document names"
        case table:
            return f"{table} {key[-1]} of {orgcode}"


def _list(keys: list[str]) -> str:
    return ", ".join(keys)
