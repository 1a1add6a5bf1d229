"""Creates the topics, as often as it is asked."""

import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from worker.errors import OperatorError, Unavailable, describe
from worker.kafka.topics import Topics, dead_letter

_MIB = 1 << 20
_SIZE = "max.message.bytes"
# Room for records far above any sensible document: they must come in to be dead-lettered as too_large.
_INPUT_BYTES = 16 * _MIB
# A dead letter is the record as it came, and its headers.
_DEAD_LETTER_EXTRA_BYTES = 64 << 10


async def create_topics(bootstrap_servers: str, topics: Topics, *, partitions: int, replication: int) -> list[str]:
    """Create what is missing: inputs, outputs, dead letters. Returns a line a topic, for a person.

    `replication`: copies, -1 for the broker's default. A topic that exists is left as it is.
    Raises Unavailable if no broker answers, OperatorError if a topic can't be made or can't hold what must go there.
    """
    async with _admin(bootstrap_servers) as admin:
        existing = set(await admin.list_topics())
        sizes = dict.fromkeys(topics.inputs, _INPUT_BYTES)
        sizes |= await _sizes(admin, [topic for topic in topics.inputs if topic in existing])
        wanted: dict[str, dict[str, str]] = {topic: {_SIZE: str(sizes[topic])} for topic in topics.inputs}
        wanted |= {topics.tender_outcomes: {}, topics.outcomes: {}}
        wanted |= {dead_letter(topic): {_SIZE: str(sizes[topic] + _DEAD_LETTER_EXTRA_BYTES)} for topic in topics.inputs}
        missing = {topic: config for topic, config in wanted.items() if topic not in existing}
        created = await _create(admin, missing, partitions, replication)
        existing = wanted.keys() - created
        found = await admin.describe_topics(sorted(existing)) if existing else []  # of none would be of all
        counts = {topic["topic"]: len(topic["partitions"]) for topic in found}
        await _check_dead_letters(admin, sorted(existing.intersection(topics.dead_letters)), wanted)
    return [
        f"topic {topic}: created, {partitions} partitions"
        if topic in created
        else f"topic {topic}: exists, {counts.get(topic, 0)} partitions"
        for topic in wanted
    ]


@contextlib.asynccontextmanager
async def _admin(bootstrap_servers: str) -> AsyncIterator[AIOKafkaAdminClient]:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap_servers, request_timeout_ms=15_000)
    try:
        await admin.start()
        yield admin
    except (KafkaError, OSError, TimeoutError) as error:
        raise Unavailable(f"Kafka does not answer at {bootstrap_servers}: {describe(error)}") from error
    finally:
        await admin.close()


async def _create(
    admin: AIOKafkaAdminClient, topics: Mapping[str, Mapping[str, str]], partitions: int, replication: int
) -> set[str]:
    """Create them; the names of those that nobody else created in the meantime."""
    new = [NewTopic(name, partitions, 1, topic_configs=dict(config)) for name, config in topics.items()]
    for topic in new:
        topic.replication_factor = replication  # the constructor refuses -1, the broker does not
    if not new:
        return set()
    response = await admin.create_topics(new)
    refused = [
        f"{name}: {message or for_code(code).__name__}"
        for name, code, message in response.topic_errors
        if code not in (0, TopicAlreadyExistsError.errno)  # somebody else's setup may run beside this one
    ]
    if refused:
        raise OperatorError("Kafka refuses to create " + "; ".join(refused))
    return {name for name, code, _ in response.topic_errors if code == 0}


async def _sizes(admin: AIOKafkaAdminClient, topics: Sequence[str]) -> dict[str, int]:
    """The largest record batch that each topic takes, in bytes."""
    if not topics:
        return {}
    asked = [ConfigResource(ConfigResourceType.TOPIC, topic, {_SIZE: ""}) for topic in topics]
    resources = [resource for response in await admin.describe_configs(asked) for resource in response.resources]
    for code, message, _, name, _ in resources:
        if code:  # one that was created a moment ago may not be known to the broker asked
            raise for_code(code)(f"{name}: {message}")
    return {name: int(entry[1]) for _, _, _, name, entries in resources for entry in entries}


async def _check_dead_letters(
    admin: AIOKafkaAdminClient, topics: Sequence[str], wanted: Mapping[str, Mapping[str, str]]
) -> None:
    sizes = await _sizes(admin, topics)
    small = [
        f"{topic}: {_SIZE}={wanted[topic][_SIZE]}" for topic, size in sizes.items() if size < int(wanted[topic][_SIZE])
    ]
    if small:
        raise OperatorError(
            "dead letters would not fit, and the worker would stop; set with kafka-configs.sh: " + "; ".join(small)
        )
