"""The end of the demo: the result in words and numbers."""

import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from rich import box
from rich.console import Console
from rich.table import Table

from examples.online_retail.arithmetic import Expected
from examples.online_retail.documents import Converter
from examples.online_retail.ledger_proof import CARD, POINTS, Proof
from examples.online_retail.outcomes import Outcomes
from examples.online_retail.tills import Card

_DEAD_LETTERS_SHOWN = 10


@dataclass(slots=True)
class Run:
    """A run: everything that the summary reports."""

    converter: Converter
    documents: int = 0
    seconds: float = 0.0
    till_answers_s: list[float] = field(default_factory=list)
    dead_letters_provoked: int = 0
    surprises: list[str] = field(default_factory=list)
    cards: list[tuple[Card, str]] = field(default_factory=list)
    """Gift cards of the stories with their card ids."""


def pounds(amount_minor: int) -> str:
    """Return money for people: £1,234.50."""
    sign, amount_minor = ("−" if amount_minor < 0 else ""), abs(amount_minor)
    return f"{sign}£{amount_minor // 100:,}.{amount_minor % 100:02}"


def _points(points: int) -> str:
    return f"{points:,}".replace("-", "−")


def checks(run: Run, outcomes: Outcomes, proof: Proof, expected: Expected) -> list[tuple[str, bool]]:
    """Return the checks, each as a sentence and whether it is true."""
    balances = {key: balance for (kind, key), balance in proof.balances.items() if kind == POINTS}
    ours = expected.balances
    equal = sum(balances.get(customer) == balance for customer, balance in ours.items())
    cards = sum(proof.balances.get((CARD, card_id)) == card.balance_minor for card, card_id in run.cards)
    earned, reversed_ = proof.credited(POINTS, "earned"), proof.debited(POINTS, "earned")
    redeemed, left = proof.debited(POINTS, "redeemed"), proof.outstanding(POINTS)
    provoked = run.dead_letters_provoked
    return [
        (
            f"each of {outcomes.expected:,} documents has one final outcome; dead letters: the {provoked} provoked",
            outcomes.final == len(outcomes.data) == outcomes.expected and len(outcomes.dead_letters) == provoked,
        ),
        (f"each of {proof.points_accounts + proof.cards:,} accounts is the sum of its entries", proof.imbalances == 0),
        (f"the entries of {proof.transfers:,} transfers sum to zero", proof.entries_sum == 0),
        (
            f"points: {earned:,} earned − {reversed_:,} reversed − {redeemed:,} spent = {left:,} outstanding",
            proof.balances_itself and earned - reversed_ - redeemed == left,
        ),
        (f"worked out again from the file: {expected.issued:,} points earned", earned == expected.issued),
        (f"worked out again from the file: {expected.reversed:,} points reversed", reversed_ == expected.reversed),
        (f"worked out again from the file: {expected.redeemed:,} points spent", redeemed == expected.redeemed),
        (
            f"worked out again from the file: {equal:,} of {len(ours):,} customers' balances, to the point",
            equal == len(ours) == len(balances),
        ),
        (
            f"sales {pounds(expected.sold_minor)} and returns of the file are in the documents, to the penny",
            (run.converter.sold_minor, run.converter.linked_minor + run.converter.unlinked_minor)
            == (expected.sold_minor, expected.returned_minor),
        ),
        (f"{cards} of {len(run.cards)} gift cards of the tills hold what they should", cards == len(run.cards)),
        (
            "nothing is held, nothing is parked, `g3n worker drain` finds no more to do",
            not (proof.held or proof.parked),
        ),
        (f"every step at the tills was answered as it should: {'; '.join(run.surprises) or 'yes'}", not run.surprises),
    ]


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        left = column.startswith("<")
        table.add_column(column.removeprefix("<"), justify="left" if left else "right", no_wrap=not left)
    return table


def show(console: Console, run: Run, outcomes: Outcomes, proof: Proof, verdicts: Iterable[tuple[str, bool]]) -> None:
    """Print the summary."""
    console.print()
    console.print(_by_kind(outcomes))
    _show_waiting(console, outcomes)
    console.print(_book(proof))
    console.print(_top(proof))
    if run.cards:
        console.print(_cards(run, proof))
    _show_dead_letters(console, outcomes)
    _show_speed(console, run)
    console.print("\n[bold]Proof[/]")
    for sentence, holds in verdicts:
        console.print(
            f"  [{'green' if holds else 'bold red'}]{'✓' if holds else '✗ NOT TRUE:'}[/] {sentence}", highlight=False
        )


def _by_kind(outcomes: Outcomes) -> Table:
    table = _table("Outcomes", "<document", "<status", "<reason", "how many")
    before = ""
    for (kind, status, reason), count in sorted(outcomes.by_kind.items()):
        table.add_row("" if kind == before else kind, status, reason, f"{count:,}")
        before = kind
    for kind, count in sorted(outcomes.notices.items()):
        table.add_row(kind, "notice", "", f"{count:,}")
    return table


def _show_waiting(console: Console, outcomes: Outcomes) -> None:
    claimed = sum(
        data.get("points", {}).get("change", 0)
        for (kind, _), data in outcomes.data.items()
        if kind == "crm.customer.create"
    )
    early = sum(data.get("points", {}).get("reason") == "customer_not_found" for data in outcomes.data.values())
    console.print(
        f"  came before what they refer to and waited for it: {outcomes.parked:,}\n"
        f"  came before their customer was created: {early:,} sales and returns, {claimed:,} points that waited\n",
        highlight=False,
    )


def _book(proof: Proof) -> Table:
    table = _table("The book", "<account", "<from / to", "in", "out", "net")
    unit: Mapping[int, object] = {POINTS: "points", CARD: "gift cards"}
    before = -1
    for flow in proof.flows:
        write = pounds if flow.kind == CARD else _points
        net = write(flow.credited - flow.debited)
        name = "" if flow.kind == before else str(unit.get(flow.kind, flow.kind))
        table.add_row(name, flow.name, write(flow.credited), write(flow.debited), net)
        before = flow.kind
    for kind in (POINTS, CARD):
        write = pounds if kind == CARD else _points
        table.add_row(str(unit[kind]), "[bold]outstanding[/]", "", "", f"[bold]{write(proof.outstanding(kind))}[/]")
    return table


def _top(proof: Proof) -> Table:
    table = _table("Top customers", "<customer", "points in", "out", "balance")
    for customer in proof.top:
        row = (f"{customer.credited:,}", f"{customer.debited:,}", f"{customer.balance:,}")
        table.add_row(customer.customer_id, *row)
    return table


def _cards(run: Run, proof: Proof) -> Table:
    table = _table("Gift cards of the tills", "<ends in", "<what for", "balance", "<as it should")
    for card, card_id in run.cards:
        balance_minor = proof.balances.get((CARD, card_id))
        says = "none" if balance_minor is None else pounds(balance_minor)
        verdict = "yes" if balance_minor == card.balance_minor else f"NO: {pounds(card.balance_minor)}"
        table.add_row(card.number[-4:], card.story, says, verdict)
    return table


def _show_dead_letters(console: Console, outcomes: Outcomes) -> None:
    letters = outcomes.dead_letters
    console.print(f"[bold]Dead letters[/]: {len(letters):,}", highlight=False)
    for letter in letters[:_DEAD_LETTERS_SHOWN]:
        where = f"{letter.topic} partition {letter.partition} offset {letter.offset}"
        console.print(f"  {letter.reason:<12} {where}  {letter.detail}", highlight=False, markup=False)
    if len(letters) > _DEAD_LETTERS_SHOWN:
        console.print(f"  and {len(letters) - _DEAD_LETTERS_SHOWN:,} more")


def _show_speed(console: Console, run: Run) -> None:
    rate = run.documents / run.seconds if run.seconds else 0
    console.print(
        f"\n[bold]Speed[/]: [bold]{rate:,.0f} documents a second[/], {run.documents:,} in {run.seconds:.2f} s\n"
        f"  from the first publication to the last outcome read back; {run.converter.rows:,} rows of invoices",
        highlight=False,
    )
    if run.till_answers_s:
        median_ms = 1000 * statistics.median(run.till_answers_s)
        console.print(
            f"  a till waits {median_ms:.0f} ms for its answer (median of {len(run.till_answers_s)}, "
            f"slowest {1000 * max(run.till_answers_s):.0f} ms), Kafka both ways",
            highlight=False,
        )
