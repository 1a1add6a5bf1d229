"""Create the topics. Running it again is safe."""

import contextlib
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from worker.kafka.security import PLAINTEXT, Security
from worker.kafka.topics import Topics, dead_letter
from worker.process.errors import OperatorError, Unavailable, describe

_MIB = 1 << 20
_SIZE = "max.message.bytes"
# Stored uncompressed, a batch counts by its real size: the broker refuses a batch that would expand beyond _SIZE.
_COMPRESSION = "compression.type"
_UNCOMPRESSED = "uncompressed"
# Room for records far above any sensible document: they must come in to be dead-lettered as too_large.
_INPUT_BYTES = 16 * _MIB
# A dead letter is the record as it came, and its headers.
_DEAD_LETTER_EXTRA_BYTES = 64 << 10
_RETENTION = "retention.ms"
_DAY_MS = 86_400_000
# Long enough to read an input again after a bad week-end, or to find out what a publisher sent wrongly.
_KEPT = {_RETENTION: str(30 * _DAY_MS)}
_DEAD_LETTERS_KEPT = {_RETENTION: str(90 * _DAY_MS)}
# Each record has a key of its own, so compaction removes only erased records, within a day.
_ACCEPTED_KEPT = {
    **_KEPT,
    "cleanup.policy": "compact,delete",
    "max.compaction.lag.ms": str(_DAY_MS),
    "segment.ms": str(_DAY_MS),
}
# Kafka's name for a topic's own setting. A change of one setting must repeat all others, or they are lost.
_OF_THE_TOPIC = 1


async def create_topics(
    bootstrap_servers: str, topics: Topics, *, partitions: int, replication: int, security: Security = PLAINTEXT
) -> list[str]:
    """Create the missing topics: inputs, outputs, dead letters. Return a line for each topic, for a person.

    `replication`: copies, -1 for the broker's default. An existing topic stays as it is, with one exception: if a
    dead-letter topic takes too small messages, its limit is raised. (A broker creates such a topic by itself if
    somebody subscribes early.) Raises Unavailable if no broker answers, and OperatorError if a topic can't be created
    or enlarged.
    """
    async with _admin(bootstrap_servers, security) as admin:
        existing = set(await admin.list_topics())
        sizes = dict.fromkeys(topics.read, _INPUT_BYTES)
        sizes |= await _sizes(admin, [topic for topic in topics.read if topic in existing])
        wanted: dict[str, dict[str, str]] = {
            topic: {_SIZE: str(sizes[topic]), _COMPRESSION: _UNCOMPRESSED, **_KEPT} for topic in topics.inputs
        }
        wanted |= {topics.tender_outcomes: _KEPT, topics.outcomes: _KEPT}
        wanted |= {
            dead_letter(topic): {_SIZE: str(sizes[topic] + _DEAD_LETTER_EXTRA_BYTES), **_DEAD_LETTERS_KEPT}
            for topic in topics.read
        }
        if topics.accepted:
            wanted[topics.accepted] = {_SIZE: str(sizes[topics.accepted]), **_ACCEPTED_KEPT}
        missing = {topic: config for topic, config in wanted.items() if topic not in existing}
        created = await _create(admin, missing, partitions, replication)
        existing = wanted.keys() - created
        found = await admin.describe_topics(sorted(existing)) if existing else []  # of none would be of all
        counts = {topic["topic"]: len(topic["partitions"]) for topic in found}
        raised = await _fit_dead_letters(admin, sorted(existing.intersection(topics.dead_letters)), wanted)
        differ = await _compressed(admin, sorted(existing.intersection(topics.inputs)))
    return [
        f"topic {topic}: created, {partitions} partitions"
        if topic in created
        else f"topic {topic}: exists, {counts.get(topic, 0)} partitions"
        + (f", {_SIZE} raised to {wanted[topic][_SIZE]}" if topic in raised else "")
        for topic in wanted
    ] + [f"warning: {line}" for line in differ]


async def warnings(bootstrap_servers: str, topics: Topics, *, security: Security = PLAINTEXT) -> list[str]:
    """Return a line for each input topic whose settings differ from those that `setup` gives it.

    Raises Unavailable if no broker answers.
    """
    async with _admin(bootstrap_servers, security) as admin:
        existing = set(await admin.list_topics())
        return await _compressed(admin, sorted(existing.intersection(topics.inputs)))


async def retention_ms(
    bootstrap_servers: str, topics: Iterable[str], *, security: Security = PLAINTEXT
) -> dict[str, int]:
    """Return how long each of these topics, if it exists, keeps a record, in ms; -1: for ever. Raises Unavailable."""
    async with _admin(bootstrap_servers, security) as admin:
        return await retention_of(admin, topics)


async def retention_of(admin: AIOKafkaAdminClient, topics: Iterable[str]) -> dict[str, int]:
    """Return the same as `retention_ms`, on an existing connection."""
    existing = sorted(set(topics).intersection(await admin.list_topics()))
    entries = await _configs(admin, existing, {_RETENTION: ""})
    return {topic: int(value) for topic, found in entries.items() for _, value, *_ in found}


async def _compressed(admin: AIOKafkaAdminClient, topics: Sequence[str]) -> list[str]:
    entries = await _configs(admin, topics, {_COMPRESSION: ""})
    return [
        f"topic {topic}: {_COMPRESSION}={value}, so {_SIZE} bounds only what a batch is compressed to;"
        f" set {_COMPRESSION}={_UNCOMPRESSED}"
        for topic, found in entries.items()
        for _, value, *_ in found
        if value != _UNCOMPRESSED
    ]


@contextlib.asynccontextmanager
async def _admin(bootstrap_servers: str, security: Security) -> AsyncIterator[AIOKafkaAdminClient]:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap_servers, request_timeout_ms=15_000, **security)
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
    """Create the topics. Return the names of those that nobody else created meanwhile."""
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
    """Return the largest record batch that each topic takes, in bytes."""
    entries = await _configs(admin, topics, {_SIZE: ""})
    return {topic: int(value) for topic, found in entries.items() for _, value, *_ in found}


async def _configs(
    admin: AIOKafkaAdminClient, topics: Sequence[str], which: Mapping[str, str]
) -> dict[str, list[tuple[Any, ...]]]:
    """Return name, value, read-only flag and source of each setting that is asked for; of all settings if none is."""
    if not topics:
        return {}
    asked = [ConfigResource(ConfigResourceType.TOPIC, topic, dict(which)) for topic in topics]
    resources = [resource for response in await admin.describe_configs(asked) for resource in response.resources]
    for code, message, _, name, _ in resources:
        if code:  # one that was created a moment ago may not be known to the broker asked
            raise for_code(code)(f"{name}: {message}")
    return {name: entries for _, _, _, name, entries in resources}


async def _fit_dead_letters(
    admin: AIOKafkaAdminClient, topics: Sequence[str], wanted: Mapping[str, Mapping[str, str]]
) -> set[str]:
    """Let each dead-letter topic take messages as large as its input's. Otherwise the worker would stop at the first
    one that does not fit. Return the changed topics.
    """
    sizes = await _sizes(admin, topics)
    small = [topic for topic, size in sizes.items() if size < int(wanted[topic][_SIZE])]
    changes = []
    for topic, entries in (await _configs(admin, small, {})).items():
        own = {name: value for name, value, _, source, *_ in entries if source == _OF_THE_TOPIC}
        changes.append(ConfigResource(ConfigResourceType.TOPIC, topic, {**own, _SIZE: wanted[topic][_SIZE]}))
    answers = await admin.alter_configs(changes) if changes else []
    refused = [
        f"{topic}: {_SIZE}={wanted[topic][_SIZE]} ({message or for_code(code).__name__})"
        for answer in answers
        for code, message, _, topic in answer.resources
        if code
    ]
    if refused:
        raise OperatorError(
            "dead letters would not fit, and the worker would stop; set with kafka-configs.sh: " + "; ".join(refused)
        )
    return set(small)
