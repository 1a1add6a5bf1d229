"""A till: ask whether a gift card may pay, wait for the answer, then publish the sale, which captures the hold.

pip install aiokafka==0.14.0
KAFKA=localhost:9092 ORGCODE=acme python till.py CARD_NUMBER AMOUNT_MINOR
"""

import asyncio
import json
import os
import sys
import time
import uuid
from datetime import UTC, datetime
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord
from aiokafka.structs import RecordMetadata

KAFKA = os.environ.get("KAFKA", "localhost:9092")
ORGCODE = os.environ.get("ORGCODE", "acme")
PREFIX = os.environ.get("TOPIC_PREFIX", "")
PATIENCE_S = float(os.environ.get("PATIENCE_S", "10"))
MAY_PAY = {"authorized", "captured"}
DEAD_LETTERS = "-dlt"


class DeadLettered(Exception):
    """The worker can't read the request: no answer will come, and nothing is held. The message says why."""


def event(type_: str, subject: str, data: dict[str, Any]) -> bytes:
    """Return a CloudEvent in structured mode. Its identity is (orgcode, type, subject): sent twice, it counts once."""
    return json.dumps(
        {
            "specversion": "1.0",
            "id": str(uuid.uuid4()),
            "source": "/till/london-1/3",
            "type": type_,
            "subject": subject,
            "orgcode": ORGCODE,
            "datacontenttype": "application/json",
            "data": {**data, "occurred_at": datetime.now(UTC).isoformat()},
        }
    ).encode()


async def at_the_end(*topics: str) -> AIOKafkaConsumer:
    """Read from now on. Without a group, every till sees every answer, and picks its own."""
    consumer = AIOKafkaConsumer(*topics, bootstrap_servers=KAFKA, group_id=None)
    await consumer.start()
    await consumer.seek_to_end()
    return consumer


def check_dead_letter(letter: ConsumerRecord, asked: RecordMetadata) -> None:
    """Raise DeadLettered if this is the dead letter of the request. Its headers name the original record."""
    headers = {name: (value or b"").decode() for name, value in letter.headers}
    origin = (headers["kafka_dlt-original-topic"], headers["kafka_dlt-original-partition"])
    if (*origin, headers["kafka_dlt-original-offset"]) == (asked.topic, str(asked.partition), str(asked.offset)):
        raise DeadLettered(f"{headers['crm-reason']} {headers.get('crm-detail', '')}".strip())


async def answer(consumer: AIOKafkaConsumer, type_: str, subject: str, asked: RecordMetadata) -> dict[str, Any] | None:
    """Return the outcome's data, with the tender's present state; None if none came in time. Raises DeadLettered."""
    until = time.monotonic() + PATIENCE_S
    while (left := until - time.monotonic()) > 0:
        for records in (await consumer.getmany(timeout_ms=int(left * 1000) + 1)).values():
            for record in records:
                if record.topic.endswith(DEAD_LETTERS):
                    check_dead_letter(record, asked)
                    continue
                outcome = json.loads(record.value)
                if (outcome["orgcode"], outcome["type"], outcome["subject"]) == (ORGCODE, type_, subject):
                    data: dict[str, Any] = outcome["data"]
                    # A repeated approval has a header with the tender's present state.
                    state = dict(record.headers).get("crm-tender-state")
                    return {**data, "state": state.decode() if state else data["tender"]["state"]}
    return None


async def pay(card_number: str, amount_minor: int) -> int:
    """Return 0 if the card may pay and the sale is published, 1 if it may not, 2 without an answer, 3 if it is
    dead-lettered.
    """
    sale_id = f"london-1-3-{datetime.now(UTC):%Y%m%d}-{uuid.uuid4().hex[:8]}"  # unique for ever, not a running number
    tender_id = f"{sale_id}-T1"
    sale = {"sale_id": sale_id, "store_id": "london-1", "currency": "GBP"}
    # Begin to read before asking, or the answer may be missed.
    answers = await at_the_end(f"{PREFIX}crm.tender-outcomes", f"{PREFIX}scm.tenders{DEAD_LETTERS}")
    producer = AIOKafkaProducer(bootstrap_servers=KAFKA, acks="all", enable_idempotence=True)
    await producer.start()

    async def publish(topic: str, type_: str, subject: str, data: dict[str, Any]) -> RecordMetadata:
        return await producer.send_and_wait(PREFIX + topic, event(type_, subject, data), key=sale_id.encode())

    try:
        request = {**sale, "tender_id": tender_id, "kind": "gift_card", "amount_minor": amount_minor}
        request["gift_card"] = {"number": card_number}
        asked = await publish("scm.tenders", "scm.tender.requested", tender_id, request)
        try:
            told = await answer(answers, "crm.outcome.tender.requested", tender_id, asked)
        except DeadLettered as why:
            print("the request can't be read, tell whoever runs the till:", why)
            return 3
        if told is None:
            # Nobody knows whether it was held: undo it. A request that is decided later is declined.
            void = {"tender_id": tender_id, "reason": "timeout"}
            await publish("scm.tenders", "scm.tender.voided", tender_id, void)
            print("no answer: take another means of payment")
            return 2
        print(told["status"], told.get("reason", ""), "approved:", told["tender"]["approved_minor"])
        if told["status"] != "approved" or told["state"] not in MAY_PAY:
            return 1
        lines = [{"line_id": 1, "sku": "85123A", "net_minor": amount_minor}]
        tenders = [{"tender_id": tender_id, "kind": "gift_card", "amount_minor": amount_minor}]
        await publish("scm.sales", "scm.sale.completed", sale_id, {**sale, "lines": lines, "tenders": tenders})
        print("sale", sale_id, "published: the card pays", amount_minor)
        return 0
    finally:
        await producer.stop()
        await answers.stop()


if __name__ == "__main__":
    if not sys.argv[2:]:
        sys.exit(__doc__)
    sys.exit(asyncio.run(pay(sys.argv[1], int(sys.argv[2]))))
