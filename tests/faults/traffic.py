"""Traffic of one round: documents whose end is known, with duplicates, conflicts and poison among them."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterable, Mapping
from contextlib import suppress

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from tests.e2e import trade
from tests.e2e.place import Place
from tests.e2e.trade import NOW, Sent
from tests.kafka_io import Published, Record

POISON = b"\xff not JSON"
KEPT_POINTS = 10
KEPT_MINOR = trade.LOAD_MINOR - 400


class Traffic:
    """Groups of a request, a sale, a return and a customer, in a random order: each ends in a known state."""

    groups = 60

    def __init__(self, name: str, chance: random.Random) -> None:
        self.name = name
        self.chance = chance
        self.numbers = [f"{name}-{n}" for n in range(self.groups)]
        self.sent: list[Sent] = []
        self.conflicts: list[Sent] = []
        self.make()

    def make(self) -> None:
        """Fill `sent` and `conflicts`."""
        for number in self.numbers:
            self.sent += [trade.return_(number, 0, 500, 300), trade.request(number, 0, 700), trade.sale(number, 0, 700)]
            self.sent += [trade.customer(number, 0)]
        self.chance.shuffle(self.sent)
        self.conflicts = [trade.return_(number, 0, 501, 300) for number in self.numbers[::10]]

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
        for _ in range(self.dead_letters["not_json"]):
            poison = Record(place.inputs[0], POISON, partition=1, headers=[("round", self.name.encode())])
            records.insert(self.chance.randrange(len(records)), poison)
        return records + [one.record(place) for one in self.conflicts]

    @property
    def dead_letters(self) -> Mapping[str, int]:
        """The number of dead letters, by reason, that the round must leave at least."""
        return {"not_json": len(self.numbers) // 10, "conflict": len(self.conflicts)}

    def probes(self) -> list[Sent]:
        """Documents whose outcomes show every account of the round."""
        numbers = self.numbers
        return [trade.points_probe(n, 0) for n in numbers] + [trade.card_probe(n, 0) for n in numbers]

    def wrong(self, seen: list[Published]) -> list[str]:
        """The accounts that have not exactly what their documents leave, or hold something."""
        points, cards = trade.probed_points(seen), trade.probed_cards(seen)
        return [
            *(f"points of {n}: {points.get(n)}" for n in self.numbers if points.get(n) != KEPT_POINTS),
            *(f"card of {n}: {cards.get(n)}" for n in self.numbers if cards.get(n) != (KEPT_MINOR, 0)),
        ]


class Storm(Traffic):
    """Transfers between ten customers and between their ten cards, on every partition of every topic."""

    groups = 10
    transfers = 200
    points = 1000

    def make(self) -> None:
        for number in range(self.transfers):
            of, to = self.chance.sample(self.numbers, 2)
            at = {"topic": number % 4, "partition": number // 4 % 2}
            cards = {"from_card": {"number": trade.card_number(of)}, "to_card": {"number": trade.card_number(to)}}
            customers = {"from_customer_id": f"C{of}", "to_customer_id": f"C{to}"}
            self.sent += [
                _command("crm.loyalty.transfer", f"points-{self.name}-{number}", {**customers, "points": 1}, **at),
                _command("crm.giftcard.transfer", f"cards-{self.name}-{number}", {**cards, "amount_minor": 1}, **at),
            ]

    def before(self) -> list[Sent]:
        customers = [trade.customer(number, 0) for number in self.numbers]
        earned = [
            _command("crm.loyalty.earn", f"earn-{n}", {"customer_id": f"C{n}", "points": self.points})
            for n in self.numbers
        ]
        return super().before() + customers + earned

    def wrong(self, seen: list[Published]) -> list[str]:
        """Transfers between customers and cards: the sum stays the same."""
        points, cards = trade.probed_points(seen), [minor for minor, _ in trade.probed_cards(seen).values()]
        found = {"points": sum(points.values()), "minor units": sum(cards)}
        wanted = {"points": self.groups * self.points, "minor units": self.groups * trade.LOAD_MINOR}
        return [
            f"{found[what]} {what} in all instead of {sum_}" for what, sum_ in wanted.items() if found[what] != sum_
        ]


def _command(kind: str, id_: str, data: Mapping[str, object], topic: int = 3, partition: int = 0) -> Sent:
    return Sent(kind, id_, {"command_id": id_, "occurred_at": NOW, **data}, topic, partition)


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
