"""Make the folder of a release: `python -m tests.upgrade.record v1.2.3`, on the code of that release.

Every scenario of tests/e2e is decided, and a few documents over HTTP, at instants that are set by hand; so the files
come out the same each time. The script stops where a scenario ends otherwise than it says.
"""

import asyncio
import json
import sys
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

import asyncpg

from schemas.operations import OPERATIONS
from tests.api.test_topics import STEPS
from tests.codec.records import envelope
from tests.e2e import wire
from tests.e2e.day import _learn_card_ids, _share_out, record
from tests.kafka_io import Published
from tests.language.corpus import read_all
from tests.language.documents import Clock
from tests.language.judge import judge
from tests.language.play import Played, play
from tests.stack import servers
from tests.upgrade import release
from tests.upgrade.release import Recorded, Said, encoded
from tests.upgrade.worker import Clocked
from worker.codec import Message
from worker.ledger.setup import set_up

NOON: Final = datetime(2026, 11, 20, 12, tzinfo=UTC)
PHASE_S: Final = 60  # longer than any hold that a scenario waits for
HTTP: Final = "over-http"
BY_HAND: Final = "by-hand"
_MONEY: Final = {"amount_minor": 5000, "currency": "GBP"}
_ADA: Final = {
    "name": "Ada Example",
    "email": "ada@example.com",
    "phone": "+441632960001",
    "external_ids": {"shop": "7"},
}
# What no scenario has: card numbers as tills print them, people with a profile, merged, in a chain, erased.
MORE: Final[tuple[tuple[str, str, dict[str, Any]], ...]] = (
    ("crm.giftcard.issue", "I1", {"gift_card": {"number": "6006-4900-0000-0017", "pin": "4711"}, **_MONEY}),
    ("crm.giftcard.issue", "I2", {"gift_card": {"number": "gift2026-abcd"}, **_MONEY}),
    ("crm.giftcard.reload", "L2", {"gift_card": {"number": "gift2026-abcd"}, **_MONEY}),
    ("scm.tender.requested", "T1", {"kind": "gift_card", "gift_card": {"number": "gift2026-abcd"}, **_MONEY}),
    *(("crm.customer.create", f"N{n}", {"customer_id": f"C{n}", **_ADA}) for n in range(1, 8)),
    *(("crm.consent.set", f"Y{n}", {"customer_id": f"C{n}", "purpose": "marketing", "granted": True}) for n in (1, 4)),
    *(("crm.loyalty.earn", f"E{n}", {"customer_id": f"C{n}", "points": 10 * n}) for n in range(1, 8)),
    *(
        ("crm.customer.merge", f"M{n}", {"from_customer_id": f"C{n}", "into_customer_id": f"C{n + 1}"})
        for n in (1, 2, 3, 5)
    ),
    ("crm.customer.update", "U1", {"customer_id": "C1", "phone": "+441632960099"}),
    ("crm.customer.erase", "X6", {"customer_id": "C6", "reason": "asked"}),
    ("crm.pool.join", "J4", {"customer_id": "C4", "pool_id": "P"}),
    ("crm.pool.join", "J7", {"customer_id": "C7", "pool_id": "P"}),
    ("crm.loyalty.redeem", "R7", {"customer_id": "C7", "points": 75}),
)
# What differs from run to run, and no answer depends on.
SETTLED: Final = (
    "UPDATE batch SET worker = 1 WHERE worker <> 0",
    "UPDATE batch SET published_at = decided_at WHERE published_at IS NOT NULL",
    "UPDATE migration SET applied_at = '2026-11-20T12:00:00Z'",
    "UPDATE customer SET erased_at = '2026-11-20T12:00:00Z' WHERE erased_at IS NOT NULL",
)

Key = tuple[str, str, str]


class Recorder:
    """Feeds a worker, and remembers the records and the outcomes."""

    def __init__(self, worker: Clocked) -> None:
        self._worker = worker
        self._seen: list[Published] = []
        self.came: dict[Key, Recorded] = {}
        self.said: dict[str, Said] = {}

    async def scenarios(self) -> None:
        """All phases of all scenarios, a tenant each."""
        played = [Played(scenario) for scenario in read_all()]
        clocks = {one.scenario.org: Clock(NOON) for one in played}
        for phase in range(max(len(one.scenario.phases) for one in played)):
            records = []
            for one in (one for one in played if phase < len(one.scenario.phases)):
                org = one.scenario.org
                records += [self._came(record("scm.sales", org, doc)) for _, doc in play(one, phase, clocks[org])]
            await self._feed(records)
            self._worker.now_us += PHASE_S * 1_000_000
            self._hear(await self._worker.rest())
            _learn_card_ids(self._seen, clocks)
        _share_out(self._seen, {one.scenario.org: one for one in played})
        problems = [text for one in played for text in judge(one)]
        if problems:
            sys.exit("\n".join(problems))

    async def envelopes(self) -> None:
        """One document written in two ways, and both content modes."""
        records = [record for pair in wire.pairs() for record in (pair.first, pair.second)]
        records += [(value, headers) for _, value, headers in wire.traced()]
        stamp = self._worker.now_us // 1000
        for value, headers in records:
            attributes = {name.removeprefix("ce_"): text.decode() for name, text in headers}
            if "subject" not in attributes:
                attributes = json.loads(value)
            one = Recorded(attributes["orgcode"], attributes["type"], attributes["subject"], "scm.sales", stamp,
                           value.decode(), encoded(headers))  # fmt: skip
            self._keep(one)
            await self._feed([one])

    async def more(self) -> None:
        """Return documents that no scenario has, one after the other."""
        for type_, subject, data in MORE:
            own = {"tender_id" if type_.startswith("scm.") else "command_id": subject, "occurred_at": NOON.isoformat()}
            value = json.dumps(envelope(type_, subject, {**own, **data}, orgcode=BY_HAND))
            one = Recorded(BY_HAND, type_, subject, "crm.commands", self._worker.now_us // 1000, value, ())
            self._keep(one)
            await self._feed([one])

    async def requests(self) -> None:
        """Return documents that the HTTP API makes of bodies, including an issue without a number."""
        generated = ("giftcard.issue", {"amount_minor": 1200, "currency": "GBP"}, "generated")
        for name, body, subject in (*STEPS, generated):
            operation = OPERATIONS[name]
            assert operation.document is not None
            assert operation.id_field is not None
            data = {**body, operation.id_field: subject}
            one = Recorded(HTTP, operation.document, subject, "", self._worker.now_us // 1000, json.dumps(data), ())
            self._keep(one)
            messages = await self._worker.ask(one)
            self._hear(messages)
        self._hear(await self._worker.sweep())

    async def answers(self) -> list[Recorded]:
        """The documents, with what each is answered when it comes again: only bytes that were published."""
        documents = []
        for one in self.came.values():
            messages = await (self._worker.read([one]) if one.topic else self._worker.ask(one))
            again = [Said.of(message) for message in messages]
            for said in again:
                assert self.said[said.id] == said, f"{one.org} {one.type} {one.subject} is answered otherwise"
            documents.append(replace(one, outcomes=[said.id for said in again]))
        return documents

    def _came(self, sent: Any) -> Recorded:  # noqa: ANN401  tests.kafka_io.Record
        read = json.loads(sent.value)
        one = Recorded(read["orgcode"], read["type"], read["subject"], sent.topic, sent.timestamp_ms,
                       sent.value.decode(), encoded(sent.headers))  # fmt: skip
        self._keep(one)
        return one

    def _keep(self, one: Recorded) -> None:
        self.came.setdefault((one.org, one.type, one.subject), one)

    async def _feed(self, records: list[Recorded]) -> None:
        self._hear(await self._worker.read(records))

    def _hear(self, messages: list[Message]) -> None:
        for message in messages:
            self._seen.append(_as_published(message))
            if message.topic.endswith("-dlt"):
                letter = json.loads(message.value or b"null")
                headers = dict(message.headers)
                if headers["crm-reason"] != b"conflict":  # it has no identity, so there is nothing to answer again
                    self.came.pop((letter["orgcode"], letter["type"], letter["subject"]), None)
                continue
            said = Said.of(message)
            assert self.said.setdefault(said.id, said) == said, f"{said.id} is published with other bytes"


def _as_published(message: Message) -> Published:
    class Seen:
        topic = message.topic
        headers = message.headers

    return Published(Seen(), json.loads(message.value or b"null"))


async def main(name: str, dsn: str) -> None:
    await set_up(dsn)
    worker = await Clocked.open(dsn, int(NOON.timestamp()) * 1_000_000)
    recorder = Recorder(worker)
    await recorder.scenarios()
    await recorder.envelopes()
    await recorder.more()
    await recorder.requests()
    documents = await recorder.answers()
    await worker.close()
    connection = await asyncpg.connect(dsn)
    for statement in SETTLED:
        await connection.execute(statement)
    release.write(name, documents, recorder.said, await release.dump(connection))
    await connection.close()
    print(f"{len(documents)} documents, {len(recorder.said)} messages")  # noqa: T201


if __name__ == "__main__":
    with servers() as started:
        asyncio.run(main(sys.argv[1], started.dsn))
