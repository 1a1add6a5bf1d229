"""The CPU time of one sale, in µs, in each stage of the worker that needs neither Kafka nor Postgres."""

import gc
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from bench import workload
from bench.profiling import Read
from bench.shop import ORGCODE, customer
from schemas.registry import DOCUMENTS
from schemas.tuples import made
from worker.codec import Decoder, Document, DocumentOutcome, Outlet, events
from worker.codec.encode import ENCODER_VERSION, REPLAYED
from worker.domain.decide import DECISIONS, Circumstances, decide
from worker.domain.decisions import needs
from worker.domain.state.accounts import NEVER, Standing
from worker.domain.state.books import Books
from worker.domain.state.outcome import Outcome
from worker.domain.state.policy import PolicyBook
from worker.engine.messages import stored_messages
from worker.engine.work import Work
from worker.ledger.chain import Chain
from worker.stored.event import facts_of
from worker.stored.rows import AccountRow, columns
from worker.stored.sale import pack_sale

_ORG: Final = 1
_BATCH_NO: Final = 1
_MOST_BYTES: Final = 1 << 20
_SALE: Final = DOCUMENTS["scm.sale.completed"]
STAGES: Final = {
    "decode": ("event", "digest"),
    "needs": (),
    "decide": (),
    "store": ("outcome", "facts", "sale", "account", "transfer"),
    "encode": (),
}
"""Each stage and its parts. The parts of `decode` are measured apart; the rest of it is the identity."""


class Clock:
    """Adds up the CPU time of this process by stage, in seconds."""

    def __init__(self) -> None:
        self.spent_s: dict[str, float] = {}

    @contextmanager
    def of(self, stage: str) -> Iterator[None]:
        """Count the time of the block."""
        began = time.process_time()
        yield
        self.spent_s[stage] = self.spent_s.get(stage, 0.0) + time.process_time() - began


def stages(documents: int, customers: int, size: int, passes: int) -> None:
    """Print the least that each stage took in several passes over the same sales, in batches of `size`."""
    now_ms = time.time_ns() // 1_000_000
    sales = workload.sales("", documents, customers)
    records = [Read(m.topic, 0, offset, now_ms, m.key, m.value) for offset, m in enumerate(sales)]
    batches = [records[at : at + size] for at in range(0, documents, size)]
    decoder = Decoder((b"k" * 32,), frozenset(), _MOST_BYTES)
    outlet = Outlet("crm.outcomes", "crm.tender-outcomes", "bench")
    gc.collect()
    gc.freeze()
    gc.disable()
    least_s = _least([_pass(batches, customers, decoder, outlet) for _ in range(passes)])
    gc.enable()
    for stage, parts in STAGES.items():
        least_s.setdefault(stage, sum(least_s[part] for part in parts))
        print(f"{stage:<12} {least_s[stage] / documents * 1e6:7.2f}")
        for part in parts:
            print(f"  {part:<12} {least_s[part] / documents * 1e6:7.2f}")
    print(f"{'sum':<12} {sum(least_s[stage] for stage in STAGES) / documents * 1e6:7.2f}")
    print(f"{'duplicate':<12} {least_s['duplicate'] / documents * 1e6:7.2f}")  # instead of all but decode


def _least(clocks: Sequence[Clock]) -> dict[str, float]:
    return {stage: min(clock.spent_s[stage] for clock in clocks) for stage in clocks[0].spent_s}


def _pass(batches: Sequence[Sequence[Read]], customers: int, decoder: Decoder, outlet: Outlet) -> Clock:
    clock = Clock()
    for records in batches:
        _decode_parts(records, decoder, clock)
        now_us = time.time_ns() // 1000
        with clock.of("decode"):
            documents = [decoder.decode(record, now_us) for record in records]
        works = [_work(document, place, now_us) for place, document in enumerate(documents)]
        books = _books(customers)
        _decide(works, books, clock)
        _store(works, books, now_us, clock)
        with clock.of("encode"):
            for work in works:
                assert work.stored_outcome is not None  # noqa: S101  it is decided
                members = (
                    work.orgcode, work.type, work.subject, work.step, work.stored_outcome, (), ENCODER_VERSION,
                )  # fmt: skip
                outlet.messages(made(DocumentOutcome, members))  # as worker/engine/messages.py does
        _repeat(works, outlet, clock)
    return clock


def _decode_parts(records: Sequence[Read], decoder: Decoder, clock: Clock) -> None:
    keyring = decoder.keyring(ORGCODE)
    values = [record.value or b"" for record in records]
    with clock.of("event"):
        found = [events.read(value) for value in values]
    models: list[Any] = [event.data for event in found if event is not None]
    with clock.of("digest"):
        for model in models:
            keyring.digest(_SALE, model)


def _work(document: object, place: int, now_us: int) -> Work:
    assert isinstance(document, Document)  # noqa: S101  every document of the workload is valid
    work = Work.of(document, now_us, _ORG)
    work.place = place
    return work


def _books(customers: int) -> Books:
    """Books with every customer, each with some points, as they are after loading."""
    books = Books(_ORG, ORGCODE, PolicyBook([]))
    for number in range(customers):
        account = books.open_points(customer(number), Standing.ACTIVE)
        account.id, account.new = number + 1, False
        account.lot(0, NEVER).amount = 1000
    books.changed.clear()
    return books


def _repeat(works: Sequence[Work], outlet: Outlet, clock: Clock) -> None:
    """Answer the same sales once more, from their stored outcomes."""
    stored = [(work, work.digest or b"", work.facts_row(ENCODER_VERSION, _BATCH_NO) or b"") for work in works]
    with clock.of("duplicate"):
        for work, digest, packed in stored:
            facts = facts_of(packed)
            assert work.document is not None  # noqa: S101  made of documents
            assert work.document.matches(digest, facts.digest_version)  # noqa: S101  it is the same
            stored_messages(outlet, work.orgcode, work.type, work.subject, facts.outcomes, (REPLAYED,))


def _decide(works: Sequence[Work], books: Books, clock: Clock) -> None:
    wanted = needs.Needs()
    with clock.of("needs"):
        for work in works:
            DECISIONS[work.type].needs(work.model, wanted)
    with clock.of("decide"):
        for work in works:
            books.begin(work.place, work.received_us)
            outcome = decide(work.type, work.model, books, Circumstances(work.record_us))
            assert isinstance(outcome, Outcome)  # noqa: S101  a sale never waits
            work.outcome = outcome


def _store(works: Sequence[Work], books: Books, now_us: int, clock: Clock) -> None:
    with clock.of("outcome"):
        for work in works:
            work.store(now_us)
    with clock.of("facts"):
        for work in works:
            work.facts_row(ENCODER_VERSION, _BATCH_NO)
    with clock.of("sale"):
        for sale in books.sales.values():
            pack_sale(sale)
    with clock.of("transfer"):
        Chain().rows(_BATCH_NO, [books])
    with clock.of("account"):
        columns([AccountRow.of(books.org, account) for account in books.changed], len(AccountRow._fields))
