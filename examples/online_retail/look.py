"""Print a topic, one JSON document a line: `python -m examples.online_retail.look SERVER TOPIC`."""

import asyncio
import sys

from aiokafka import AIOKafkaConsumer

_ARGUMENTS = 2
_QUIET_MS = 1000


async def look(bootstrap_servers: str, topic: str) -> None:
    """Print every record's value from the beginning, until no more arrive for a second."""
    async with AIOKafkaConsumer(topic, bootstrap_servers=bootstrap_servers, auto_offset_reset="earliest") as consumer:
        while fetched := await consumer.getmany(timeout_ms=_QUIET_MS):
            for records in fetched.values():
                for record in records:
                    print((record.value or b"").decode(errors="replace"))


def main(arguments: list[str]) -> int:
    """Return the exit status: 2 for wrong arguments."""
    if len(arguments) != _ARGUMENTS:
        print("usage: python -m examples.online_retail.look SERVER TOPIC", file=sys.stderr)
        return 2
    try:
        asyncio.run(look(*arguments))
    except (BrokenPipeError, KeyboardInterrupt):
        sys.stderr.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
