"""Publish one document and print its outcome: `python -m examples.playbooks.publish TYPE`, with the data on stdin.

The settings are those of `g3n worker`, and G3N_ORGCODE. If the data has no `occurred_at`, it is now.
"""

import asyncio
import json
import logging
import os
import sys
import uuid
from datetime import UTC, datetime
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

KAFKA: Final = os.environ.get("G3N_KAFKA_BOOTSTRAP_SERVERS", "localhost:9092")
PREFIX: Final = os.environ.get("G3N_TOPIC_PREFIX", "")
ORGCODE: Final = os.environ.get("G3N_ORGCODE", "acme")
PATIENCE_S: Final = 30
# The client asks a broker that has just made a topic again. Its log must not be part of the output.
logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
TOPICS: Final = {"sale": "scm.sales", "return": "scm.returns", "tender": "scm.tenders"}


async def publish(type_: str, data: dict[str, Any]) -> int:
    """Return 0 after printing an outcome; 2 if none came (see the dead letters)."""
    source, name, _ = type_.split(".", 2)
    subject = data[f"{name}_id" if source == "scm" else "command_id"]
    answered = f"crm.outcome.{type_.removeprefix('scm.').removeprefix('crm.')}"
    outcomes = AIOKafkaConsumer(
        *(PREFIX + topic for topic in ("crm.outcomes", "crm.tender-outcomes")), bootstrap_servers=KAFKA
    )
    await outcomes.start()
    try:
        await outcomes.seek_to_end()
        await _send(type_, TOPICS.get(name, "crm.commands"), subject, data)
        async with asyncio.timeout(PATIENCE_S):
            async for record in outcomes:
                outcome = json.loads(record.value)
                if (outcome["orgcode"], outcome["type"], outcome["subject"]) == (ORGCODE, answered, subject):
                    print(json.dumps(outcome["data"]))
                    return 0
    except TimeoutError:
        pass
    finally:
        await outcomes.stop()
    print(f"no outcome of {type_} {subject} within {PATIENCE_S} s", file=sys.stderr)
    return 2


async def _send(type_: str, topic: str, subject: str, data: dict[str, Any]) -> None:
    envelope = {
        "specversion": "1.0",
        "id": str(uuid.uuid4()),
        "source": "/playbook",
        "type": type_,
        "subject": subject,
        "orgcode": ORGCODE,
        "data": {"occurred_at": datetime.now(UTC).isoformat(), **data},
    }
    async with AIOKafkaProducer(bootstrap_servers=KAFKA, acks="all", enable_idempotence=True) as producer:
        await producer.send_and_wait(PREFIX + topic, json.dumps(envelope).encode(), key=subject.encode())


if __name__ == "__main__":
    sys.exit(asyncio.run(publish(sys.argv[1], json.load(sys.stdin))))
