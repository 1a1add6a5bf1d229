"""The night drill: a fault, the metric of its alert, the commands of its runbook, and it is over."""

import asyncio
import re
from dataclasses import dataclass

import yaml
from aiokafka import AIOKafkaProducer
from prometheus_client.parser import text_string_to_metric_families

from devstack.supervisor import free_ports
from tests.kafka.processes import get, said, starting
from tests.kafka_io import document, publish
from tests.ops.commands import ROOT
from tests.ops.conftest import Terminal
from worker.kafka.topics import Topics

WELL, ACT = 0, 2  # exit statuses of `status`


@dataclass
class Night:
    """A worker's port, and the operator's terminal."""

    port: int
    terminal: Terminal

    async def moves(self, alert: str, value: float) -> None:
        """Wait until the metric that the alert's rule names has this value."""
        rules = [
            r for g in yaml.safe_load((ROOT / "deploy/prometheus/alerts.yml").read_text())["groups"] for r in g["rules"]
        ]
        (expression,) = [rule["expr"] for rule in rules if rule.get("alert") == alert]
        metric = re.findall(r"g3n_\w+", expression)[0]
        while await self.metric(metric) != value:
            pass

    async def metric(self, name: str) -> float:
        _, shown = await asyncio.to_thread(get, self.port, "/metrics")
        families = text_string_to_metric_families(shown)
        return sum(one.value for family in families for one in family.samples if one.name == name)

    async def runs(self, command: str, status: int = WELL) -> str:
        code, printed = await self.terminal(command)
        assert code == status, printed
        return printed

    async def is_told(self, alert: str) -> None:
        """Wait until `status` names the alert's runbook, which the page has: the metric may move a moment before."""
        while f"runbook {alert}" not in (told := await self.terminal("g3n worker status --json"))[1]:
            pass
        assert told[0] == ACT
        assert f"## {alert}\n" in (ROOT / "docs" / "runbooks.md").read_text()

    async def is_over(self) -> None:
        while (await self.terminal("g3n worker status"))[0] != WELL:
            pass


async def test_a_night_with_a_reused_id_and_a_wrong_setting(
    environment: dict[str, str], topics: Topics, terminal: Terminal
) -> None:
    commands, bootstrap = topics.inputs[3], environment["G3N_KAFKA_BOOTSTRAP_SERVERS"]
    [port] = free_ports(1)
    async with starting(environment) as start:
        worker = await start("run", G3N_HTTP_PORT=str(port), G3N_ON_FAILURE="dead_letter", G3N_ORGCODES="acme")
        await said(worker, "ready")
        night = Night(port, terminal)
        await night.is_over()

        again = {"command_id": "C1", "occurred_at": "2026-03-01T10:00:00Z", "customer_id": "C2"}
        reused = document(commands, "crm.customer.create", "C1", again, partition=0)
        first = document(commands, "crm.customer.create", "C1", {**again, "customer_id": "C1"}, partition=0)
        await publish(bootstrap, [first, reused])
        await night.moves("Conflict", 1)
        await night.moves("DeadLetters", 1)
        await night.is_told("Conflict")
        group, letter = (await night.runs("g3n worker dlq list")).splitlines()[1].split()[0], f"{commands}-0@"
        listed = await night.runs(f"g3n worker dlq list --group {group}")
        position = next(word for word in listed.split() if word.startswith(letter))
        assert "conflict" in await night.runs(f"g3n worker dlq show {position}")
        await night.runs(f"g3n worker dlq discard {group} --reason 'sent again as C2'")
        await night.is_over()

        value = document(commands, "crm.customer.create", "X", {**again, "command_id": "X"}, orgcode="globex").value
        producer = AIOKafkaProducer(bootstrap_servers=bootstrap, transactional_id=commands)
        async with producer, producer.transaction():  # so that they come in one batch
            for _ in range(300):
                await producer.send(commands, value, partition=1)
        await night.moves("PartitionHalted", 1)
        await night.is_told("PartitionHalted")
        assert "documents would become dead letters" in await night.runs("g3n worker partition list")
        await night.runs(f"g3n worker partition skip {commands}:1 --reason 'a tenant that left'")
        await night.moves("PartitionHalted", 0)
        await night.moves("DeadLetters", 301)
        group = (await night.runs("g3n worker dlq list")).splitlines()[1].split()[0]
        assert (
            await night.runs(f"g3n worker dlq discard {group} --reason 'a tenant that left'")
            == "300 letters: discarded\n"
        )
        await night.is_over()
        await night.runs(f"g3n worker partition resume {commands}:1", status=1)
        await night.runs("g3n worker audit --coverage")
        actions = [line.split("  ")[2] for line in (await night.runs("g3n worker journal")).splitlines()]
        assert actions == ["dlq discard", "partition skip", "dlq discard"]
