"""Traffic of one round: documents whose end is known, with duplicates, conflicts and poison among them."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from tests.e2e import trade
from tests.e2e.place import Place
from tests.e2e.trade import Sent
from tests.kafka_io import Record

GROUPS = 60
POISON = b"\xff not JSON"


@dataclass
class Traffic:
    """Documents of one round: groups that end in a known state, with duplicates, conflicts and poison among them."""

    name: str
    chance: random.Random
    sent: list[Sent] = field(init=False)
    conflicts: list[Sent] = field(init=False)

    def __post_init__(self) -> None:
        self.sent = []
        for number in self.numbers:
            self.sent += [trade.return_(number, 0, 500, 300), trade.request(number, 0, 700), trade.sale(number, 0, 700)]
            self.sent += [trade.customer(number, 0)]
        self.chance.shuffle(self.sent)
        self.conflicts = [trade.return_(number, 0, 501, 300) for number in self.numbers[::10]]

    @property
    def numbers(self) -> list[str]:
        return [f"{self.name}-{n}" for n in range(GROUPS)]

    def before(self) -> list[Sent]:
        """Cards must be there first: a request for an unknown card is declined."""
        return [trade.card(number, 0) for number in self.numbers]

    def records(self, place: Place) -> list[Record]:
        """In a random order, a tenth twice; conflicts after what they contradict, poison anywhere."""
        records = []
        for one in self.sent:
            records.append(one.record(place))
            if self.chance.random() < 0.1:
                records.append(self.chance.choice(self.sent).record(place))
        for _ in self.conflicts:
            poison = Record(place.inputs[0], POISON, partition=1, headers=[("round", self.name.encode())])
            records.insert(self.chance.randrange(len(records)), poison)
        return records + [one.record(place) for one in self.conflicts]

    @property
    def dead_letters(self) -> dict[str, int]:
        """How many dead letters of which reason the round must leave, at least."""
        return {"not_json": len(self.conflicts), "conflict": len(self.conflicts)}

    def probes(self) -> list[Sent]:
        numbers = self.numbers
        return [trade.points_probe(n, 0) for n in numbers] + [trade.card_probe(n, 0) for n in numbers]


async def publish(place: Place, records: Iterable[Record], pause_s: float = 0.0) -> None:
    """Publish one after the other, each until the broker has it: a publisher that repeats what may not have arrived."""
    waiting = list(records)
    while waiting:
        producer = AIOKafkaProducer(bootstrap_servers=place.bootstrap, acks="all", request_timeout_ms=5000)
        try:
            await producer.start()
            while waiting:
                one = waiting[0]
                await producer.send_and_wait(
                    one.topic, one.value, key=one.key, headers=list(one.headers), partition=one.partition
                )
                del waiting[0]
                await asyncio.sleep(pause_s)
        except (KafkaError, OSError):
            await asyncio.sleep(0.2)
        finally:
            with suppress(KafkaError, OSError, TimeoutError):
                await asyncio.wait_for(producer.stop(), 5)
