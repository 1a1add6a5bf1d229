"""Publish as shops do to the composed stack, through the broker's port on this machine, and check the outcomes.

python tests/compose/exchange.py HOST:PORT first | many | again
"""

import asyncio
import json
import sys
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord

type_and_subject = tuple[str, str]
Document = tuple[str, str, dict[str, Any]]  # topic, type, data
Published = dict[type_and_subject, list[ConsumerRecord]]

ANSWER_WITHIN_S = 60
CUSTOMER, CARD = "c-smoke", "6006490000000017"
CUSTOMERS, SALES_EACH, SALE_MINOR, SALE_POINTS = 20, 15, 1050, 10
SUBJECT_FIELDS = ("tender_id", "command_id", "sale_id")


def document(topic: str, kind: str, /, **data: object) -> Document:
    return topic, kind, {"occurred_at": datetime.now(UTC).isoformat(), **data}


def subject(data: dict[str, Any]) -> str:
    return str(next(data[field] for field in SUBJECT_FIELDS if field in data))


def customer(customer_id: str) -> Document:
    return document("crm.commands", "crm.customer.create", command_id=f"create-{customer_id}", customer_id=customer_id)


def sale(sale_id: str, customer_id: str, lines_minor: list[int], tenders: list[dict[str, object]]) -> Document:
    lines = [{"line_id": n, "sku": f"sku-{n}", "net_minor": minor} for n, minor in enumerate(lines_minor, start=1)]
    return document(
        "scm.sales", "scm.sale.completed", sale_id=sale_id, store_id="store-1", currency="GBP", customer_id=customer_id,
        lines=lines, tenders=tenders,
    )  # fmt: skip


def sale_with_a_gift_card() -> Document:
    tenders: list[dict[str, object]] = [
        {"tender_id": "t-smoke", "kind": "gift_card", "amount_minor": 1000},
        {"tender_id": "cash", "kind": "cash", "amount_minor": 748},
    ]
    return sale("s-smoke", CUSTOMER, [1099, 250, 399], tenders)


def answered(kind: str, subject: str) -> type_and_subject:
    return "crm.outcome." + kind.removeprefix("scm.").removeprefix("crm."), subject


class Stack:
    """The composed stack as a client sees it: documents go in, outcomes and dead letters come out."""

    def __init__(self, bootstrap_servers: str) -> None:
        self._producer = AIOKafkaProducer(bootstrap_servers=bootstrap_servers, acks="all")
        self._consumer = AIOKafkaConsumer(
            "crm.outcomes", "crm.tender-outcomes", "scm.sales-dlt",
            bootstrap_servers=bootstrap_servers, auto_offset_reset="earliest", enable_auto_commit=False,
        )  # fmt: skip
        self.outcomes: Published = defaultdict(list)
        self.dead_letters: list[ConsumerRecord] = []

    async def start(self) -> None:
        await self._producer.start()
        await self._consumer.start()

    async def stop(self) -> None:
        await self._consumer.stop()
        await self._producer.stop()

    async def publish(self, documents: Iterable[Document]) -> None:
        sent = []
        for topic, kind, data in documents:
            envelope = {
                "specversion": "1.0", "id": f"{subject(data)}-{data['occurred_at']}", "source": "/till/smoke",
                "type": kind, "subject": subject(data), "orgcode": "smoke", "data": data,
            }  # fmt: skip
            key = str(data.get("customer_id") or subject(data)).encode()
            sent.append(await self._producer.send(topic, json.dumps(envelope).encode(), key))
        await asyncio.gather(*sent)

    async def publish_raw(self, topic: str, value: bytes) -> None:
        await self._producer.send_and_wait(topic, value)

    async def read_one(self) -> None:
        record = await self._consumer.getone()
        if record.topic.endswith("-dlt"):
            self.dead_letters.append(record)
        else:
            envelope = json.loads(record.value)
            self.outcomes[envelope["type"], envelope["subject"]].append(record)

    async def ask(self, documents: list[Document]) -> list[dict[str, Any]]:
        """Publish and wait; the data of the latest outcome of each, in their order."""
        await self.publish(documents)
        wanted = [answered(kind, subject(data)) for _, kind, data in documents]
        while any(key not in self.outcomes for key in wanted):
            await self.read_one()
        return [json.loads(self.outcomes[key][-1].value)["data"] for key in wanted]


def expect(expected: object, actual: object, what: str) -> None:
    if expected != actual:
        raise SystemExit(f"{what}: expected {expected!r}, came {actual!r}")


async def first(stack: Stack) -> None:
    """A customer, a gift card, a tender paid with it, the sale that earns and captures it; one record is not JSON."""
    card = {"number": CARD}
    issue = document(
        "crm.commands", "crm.giftcard.issue",
        command_id="issue-smoke", gift_card=card, amount_minor=5000, currency="GBP", customer_id=CUSTOMER,
    )  # fmt: skip
    request = document(
        "scm.tenders", "scm.tender.requested",
        tender_id="t-smoke", sale_id="s-smoke", kind="gift_card", gift_card=card, amount_minor=1000, currency="GBP",
    )  # fmt: skip
    reload = document(
        "crm.commands", "crm.giftcard.reload",
        command_id="reload-smoke", gift_card=card, amount_minor=500, currency="GBP",
    )  # fmt: skip
    (created,) = await stack.ask([customer(CUSTOMER)])
    expect("applied", created["status"], "customer")
    (issued,) = await stack.ask([issue])
    expect(("applied", 5000), (issued["status"], issued["gift_cards"][0]["balance_minor"]), "gift card issued")
    (approved,) = await stack.ask([request])
    expect(("approved", 1000), (approved["status"], approved["tender"]["approved_minor"]), "tender requested")
    (sold,) = await stack.ask([sale_with_a_gift_card()])
    expect(("applied", 17, 17), (sold["status"], sold["points"]["change"], sold["points"]["balance"]), "sale's points")
    expect(("captured", 1000), (sold["tenders"][0]["state"], sold["tenders"][0]["captured_minor"]), "sale's tender")
    (reloaded,) = await stack.ask([reload])
    left = reloaded["gift_cards"][0]
    expect(("applied", 4500, 0), (reloaded["status"], left["balance_minor"], left["held_minor"]), "gift card after all")

    await stack.publish_raw("scm.sales", b"{no json")
    while not stack.dead_letters:
        await stack.read_one()
    letter = stack.dead_letters[0]
    headers = dict(letter.headers)
    expect((b"{no json", b"not_json"), (letter.value, headers["crm-reason"]), "dead letter")
    expect(b"scm.sales", headers["kafka_dlt-original-topic"], "dead letter's origin")


async def many(stack: Stack) -> None:
    """Sales of many customers, before and after those are known: each sale answered once, no point lost or doubled."""
    names = [f"c-many-{n}" for n in range(CUSTOMERS)]
    sales = [
        sale(f"s-{name}-{n}", name, [SALE_MINOR], [{"tender_id": "1", "kind": "cash", "amount_minor": SALE_MINOR}])
        for n in range(SALES_EACH)
        for name in names
    ]
    half = len(sales) // 2
    documents = [*sales[:half], *map(customer, names), *sales[half:]]
    answers = await stack.ask(documents)
    expect({"applied"}, {answer["status"] for answer in answers}, "statuses")
    balances: dict[str, tuple[int, int]] = dict.fromkeys(names, (0, 0))
    for answer in answers:
        points = answer["points"]
        latest = points.get("version", 0), points.get("balance", 0)
        balances[answer["customer_id"]] = max(balances[answer["customer_id"]], latest)
    expect({SALES_EACH * SALE_POINTS}, {balance for _, balance in balances.values()}, "balances at the last version")
    for records in stack.outcomes.values():
        expect(1, len({record.value for record in records}), f"different outcomes of {records[0].key!r}")


async def again(stack: Stack) -> None:
    """The first sale once more: the outcome that it had, byte for byte, marked as a replay."""
    kind_and_subject = answered("scm.sale.completed", "s-smoke")
    await stack.publish([sale_with_a_gift_card()])
    while len(stack.outcomes[kind_and_subject]) < 2:
        await stack.read_one()
    original, replay = stack.outcomes[kind_and_subject]
    expect((original.value, b"true"), (replay.value, dict(replay.headers).get("crm-replayed")), "replay")


async def main(bootstrap_servers: str, scenario: str) -> None:
    stack = Stack(bootstrap_servers)
    await stack.start()
    try:
        async with asyncio.timeout(ANSWER_WITHIN_S):
            await {"first": first, "many": many, "again": again}[scenario](stack)
    except TimeoutError:
        raise SystemExit(f"{scenario}: no answer within {ANSWER_WITHIN_S} s; so far {sorted(stack.outcomes)}") from None
    finally:
        await stack.stop()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
