"""A live stack on which each command of the handbook makes sense: worker, dead letters, operations, files."""

import asyncio
import json
import re
import secrets
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import asyncpg
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from examples.playbooks.page import Step
from examples.playbooks.shell import Shell
from tests.kafka import processes
from tests.kafka_io import ORGCODE, Record, document, publish
from tests.ops.commands import ROOT, g3n
from worker.kafka.topics import Topics

CREATED: Final = "crm.customer.create"
NOT_SERVED: Final = "globex"  # by the worker; the operator's shell has no such limit
SALE: Final = {
    "sale_id": "S-1001", "store_id": "london-1", "customer_id": "C-1", "currency": "GBP",
    "lines": [{"line_id": 1, "sku": "a", "net_minor": 500}],
}  # fmt: skip
RETURN: Final = {
    "return_id": "R-77", "sale_id": "S-1001", "customer_id": "C-1", "currency": "GBP",
    "lines": [{"line_id": 1, "sale_line_id": 1, "net_minor": 200}],
}  # fmt: skip
OPEN_LETTERS: Final = "SELECT count(*) FROM dead_letter WHERE state = 'open'"
# What names of the handbook are here.
Names = dict[str, str]


@dataclass
class Night:
    """`shell` is the operator's, in `desk`. `connection`: to the ledger, as its owner. `empty`: an empty database."""

    topics: Topics
    environment: dict[str, str]
    connection: asyncpg.Connection
    empty: str
    shell: Shell
    desk: Path
    stack: AsyncExitStack
    worker: processes.Process | None = None
    sent: int = 0
    at: str = ""  # a dead letter
    names: Names = field(default_factory=dict)

    async def run(self, step: Step) -> tuple[int, str]:
        """Prepare what the command is about, and run it. Return its exit status, and what it printed."""
        for kind, prepare in PREPARED.items():
            if step.command.startswith(kind):
                self.names |= await prepare(self)
        command = step.command
        for name in sorted(self.names, key=len, reverse=True):
            command = re.sub(rf"(?<![\w.:-]){re.escape(name)}(?![\w-])", self.names[name], command)
        if not command.split()[0].isupper():
            printed, status = await asyncio.to_thread(self.shell.run, command)
            return status, "\n".join((command, *printed))
        return 0, str(await self.connection.fetch(command))  # SQL: an error raises

    # --- what commands are about

    async def works(self) -> Names:
        """A worker that serves one tenant."""
        if self.worker is None:
            start = await self.stack.enter_async_context(processes.starting(self.environment))
            self.worker = await start("run", G3N_ORGCODES=ORGCODE, G3N_ON_FAILURE="dead_letter")
            await processes.said(self.worker, "ready")
        return {}

    async def rests(self) -> Names:
        """No worker."""
        if self.worker is not None:
            self.worker.terminate()
            assert (await processes.ended(self.worker))[0] == 0
            self.worker = None
        return {}

    async def files(self) -> Names:
        """Documents that a person publishes, or asks about."""
        await self.works()
        now = {"occurred_at": datetime.now(UTC).isoformat()}
        customer = {"command_id": "K-1", "customer_id": "C-1"}
        events = [
            json.loads(document("", type_, subject, {**data, **now}).value or b"")
            for type_, subject, data in (
                (CREATED, "K-1", customer), ("scm.sale.completed", "S-1001", SALE),
                ("scm.return.completed", "R-77", RETURN),
            )
        ]  # fmt: skip
        self._write("documents.jsonl", *events)
        self._write("sale.json", {**SALE, **now, "sale_id": "S-1002"})
        self._write("document.json", {**events[1], "subject": "S-1003", "data": {**SALE, **now, "sale_id": "S-1003"}})
        return {}

    def _write(self, name: str, *documents: object) -> None:
        (self.desk / name).write_text("".join(json.dumps(one) + "\n" for one in documents))

    async def key(self) -> Names:
        return {"k-1f2e3d4c5b6a": await self.connection.fetchval("SELECT id FROM api_key ORDER BY created_at LIMIT 1")}

    async def letters(self) -> Names:
        """Dead letters of a tenant that was not served, in a group."""
        if not await self.connection.fetchval(OPEN_LETTERS):
            await self.works()
            await publish(self.environment["G3N_KAFKA_BOOTSTRAP_SERVERS"], [self._customer(NOT_SERVED) for _ in "1234"])
            await self._until(f"SELECT ({OPEN_LETTERS}) = 4")
        row = await self.connection.fetchrow("SELECT * FROM dead_letter WHERE state = 'open' ORDER BY \"offset\"")
        assert row is not None
        self.at = f"{row['topic']}-{row['partition']}@{row['offset']}"
        return {"3": str(row["group_id"]), "scm.sales-3@1234": self.at}

    async def discarded(self) -> Names:
        return {"scm.sales-3@1234": self.at}

    def _customer(self, orgcode: str) -> Record:
        self.sent += 1
        id_ = f"K{self.sent}"
        data = {"command_id": id_, "customer_id": f"C{self.sent}", "occurred_at": datetime.now(UTC).isoformat()}
        return document(self.topics.inputs[3], CREATED, id_, data, orgcode=orgcode, partition=0)

    async def operation(self) -> Names:
        """An operation that can run: the latest, or a redrive."""
        open_ = "SELECT max(id) FROM operation WHERE state IN ('planned', 'paused')"
        if (id_ := await self.connection.fetchval(open_)) is None:
            group = (await self.letters())["3"]
            planned = await g3n(self.environment, "worker", "dlq", "redrive", group, "--reason", "the tenant is served")
            assert planned.code == 0, planned.out + planned.err
            id_ = await self.connection.fetchval(open_)
        return dict.fromkeys(("7", "12"), str(id_))

    async def running(self) -> Names:
        """An operation that another process runs: it has done its canary, and waits for its rate."""
        names = await self.operation()
        start = await self.stack.enter_async_context(processes.starting(self.environment))
        await start("operations", "resume", names["7"], "--rate", "0.1")
        await self._until(f"SELECT done = 1 FROM operation WHERE id = {names['7']}")
        return names

    async def skipped(self) -> Names:
        """Documents that no worker has read, and the hour in which they came."""
        await self.rests()
        await publish(self.environment["G3N_KAFKA_BOOTSTRAP_SERVERS"], [self._customer(ORGCODE)])
        now = datetime.now(UTC)
        hours = {"08": now - timedelta(hours=1), "09": now + timedelta(hours=1)}
        return {f"2026-11-27T{hour}:00:00Z": f"{at:%Y-%m-%dT%H:%M:%SZ}" for hour, at in hours.items()}

    async def plan(self) -> Names:
        return {"replay-20261127T080000Z.plan": next(self.desk.glob("replay-*.plan")).name}

    async def requester(self) -> Names:
        """A topic that a consumer has asked for."""
        topic = f"{self.environment['G3N_TOPIC_PREFIX']}crm.outcomes.loyalty-app"
        if "crm.outcomes.loyalty-app" not in self.names:
            admin = AIOKafkaAdminClient(bootstrap_servers=self.environment["G3N_KAFKA_BOOTSTRAP_SERVERS"])
            await admin.start()
            await admin.create_topics([NewTopic(topic, 1, 1)])
            await admin.close()
        return {"crm.outcomes.loyalty-app": topic}

    async def halted(self) -> Names:
        """A partition that halts again after `resume`."""
        await self.works()
        topic = self.topics.inputs[3]
        if "scm.sales:3" not in self.names:
            bootstrap = self.environment["G3N_KAFKA_BOOTSTRAP_SERVERS"]
            producer = AIOKafkaProducer(bootstrap_servers=bootstrap, transactional_id=topic)
            async with producer, producer.transaction():  # so that they come in one batch
                for _ in range(300):
                    await producer.send(topic, self._customer(NOT_SERVED).value, partition=1)
        await self._until("SELECT count(*) = 1 FROM halted WHERE decision IS NULL")
        return {"scm.sales:3": f"{topic}:1"}

    async def database(self) -> Names:
        return {"postgresql://crm_owner@db/rebuilt": self.empty}

    async def archive(self) -> Names:
        """A directory, and a partition of transfers that is over for years."""
        (self.desk / "archive").mkdir()
        await self.works()
        await self._until("SELECT NOT EXISTS (SELECT FROM batch WHERE published_at IS NULL)")
        end = await self.connection.fetchval("SELECT min(end_batch) FROM transfer_partition")
        await self.connection.execute("SELECT setval('batch_no', $1)", end)
        await self.connection.execute("SELECT add_transfer_partition()")
        await self.connection.execute("UPDATE batch SET decided_at = '2024-03-01' WHERE no < $1", end)
        await publish(self.environment["G3N_KAFKA_BOOTSTRAP_SERVERS"], [self._customer(ORGCODE)])
        await self._until(f"SELECT max(no) >= {end} FROM batch")
        return {"/archive": str(self.desk / "archive")}

    async def lost_key(self) -> Names:
        """A card key that the ledger knows and the settings lack; the program that refuses to start names it."""
        other = {"G3N_CARD_KEY": secrets.token_hex(32), "G3N_CARD_KEYS_OLD": self.environment["G3N_CARD_KEY"]}
        assert (await g3n({**self.environment, **other}, "worker", "setup")).code == 0
        refused = await g3n(self.environment, "worker", "drain")
        assert refused.code == 2
        named = re.search(r"\b[0-9a-f]{16,}\b", refused.err)
        assert named is not None, refused.err
        return {"FINGERPRINT": named[0]}

    async def template(self) -> Names:
        (self.desk / ".env.example").write_bytes((ROOT / ".env.example").read_bytes())
        return {}

    async def _until(self, query: str) -> None:
        async with asyncio.timeout(60):
            while not await self.connection.fetchval(query):  # noqa: ASYNC110  only the ledger tells
                await asyncio.sleep(0)


# Before commands that begin so. Others need nothing.
PREPARED: Final[dict[str, Callable[[Night], Awaitable[Names]]]] = {
    "cp .env": Night.template,
    "g3n worker adopt card-key": Night.lost_key,
    "g3n worker adopt settings": Night.rests,
    "g3n worker archive": Night.archive,
    "g3n worker dlq list": Night.letters,
    "g3n worker dlq redrive": Night.letters,
    "g3n worker dlq discard": Night.letters,
    "g3n worker dlq restore": Night.discarded,
    "g3n worker dlq show": Night.letters,
    "g3n worker keys rotate": Night.key,
    "g3n worker operations cancel": Night.operation,
    "g3n worker operations pause": Night.running,
    "g3n worker operations resume": Night.operation,
    "g3n worker operations show": Night.operation,
    "g3n worker outcomes republish": Night.requester,
    "g3n worker partition resume": Night.halted,
    "g3n worker partition skip": Night.halted,
    "g3n worker publish documents": Night.files,
    "g3n worker rebuild": Night.database,
    "g3n worker replay --since": Night.skipped,
    "g3n worker replay --execute": Night.plan,
}
