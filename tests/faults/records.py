"""Plays the records of a `records.jsonl` into their topics, one after the other, and checks what comes of each."""

import base64
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient

from tests.e2e.place import Place
from tests.faults.verdict import Rules, Verdict
from tests.kafka.conftest import Cluster
from tests.kafka.raw_batches import batch, record, send
from tests.kafka_io import Published, Reading, document, publish

_NUMBER = re.compile(rb"(?<![0-9])[0-9][0-9 -]{10,30}[0-9](?![0-9])")
_PIN = re.compile(rb'pin[a-z]*"?\s*[:=>]\s*"?([0-9]{4,12})', re.IGNORECASE)
_NAME = re.compile(rb'name"\s*:\s*"([^"]+ [^"]+)"')


@dataclass(frozen=True)
class Seen:
    """The messages that the worker published because of a record with these bytes, and those before it."""

    given: bytes
    answers: Sequence[Published]
    earlier: Sequence[Published]

    @property
    def letters(self) -> list[Published]:
        return [one for one in self.answers if one.record.topic.endswith("-dlt")]

    @property
    def text(self) -> bytes:
        """Return all messages, with keys and headers."""
        records = [one.record for one in self.answers]
        return b"\n".join(
            part or b""
            for one in records
            for part in (one.key, one.value, *(name.encode() for name, _ in one.headers), *dict(one.headers).values())
        )


def _one(seen: Seen, _: object) -> str | None:
    return None if len(seen.answers) == 1 else f"{len(seen.answers)} outcomes and dead letters"


def _applied(seen: Seen, _: object) -> str | None:
    got = [(one.type, one.data.get("status"), one.headers.get("crm-reason")) for one in seen.answers]
    return None if [status for _, status, _ in got] == ["applied"] else f"came {got}"


def _balance(seen: Seen, said: re.Match[str]) -> str | None:
    balances = [card["balance_minor"] for one in seen.answers for card in one.data.get("gift_cards", ())]
    return None if balances == [int(said[1])] else f"balances {balances}"


def _letter(seen: Seen, _: object) -> str | None:
    return None if len(seen.letters) == 1 else f"came {[one.type for one in seen.answers]}, no dead letter"


def _no_secrets(seen: Seen, _: object) -> str | None:
    leaked = [kind for kind, secret in _secrets(seen.given) if secret in seen.text]
    return f"{', '.join(leaked)} in clear" if leaked else None


def _holds_not(seen: Seen, said: re.Match[str]) -> str | None:
    return "it is there" if said[1].encode() in seen.text else None


def _invalid_path(seen: Seen, said: re.Match[str]) -> str | None:
    told = [(one.headers.get("crm-reason"), one.headers.get("crm-detail", "")) for one in seen.letters]
    return None if any(why == "invalid" and said[1] in detail for why, detail in told) else f"told {told}"


def _again(seen: Seen, _: object) -> str | None:
    values = {one.record.value for one in seen.earlier}
    same = [one for one in seen.answers if one.record.value in values and one.headers.get("crm-replayed") == "true"]
    return None if len(same) == len(seen.answers) == 1 else f"came {[one.headers for one in seen.answers]}"


_RULES: Rules[Seen] = Rules(
    {
        r"outcome or (?:one|a) dead letter": _one,
        r"^applied": _applied,
        r"balance (\d+)": _balance,
        r"^a dead letter": _letter,
        r"without (?:the )?number|without number": _no_secrets,
        r"^refused": _letter,
        r"holds (\S+)": _holds_not,
        r"^invalid, names (\S+)": _invalid_path,
        r"the same outcome again": _again,
    }
)


def _secrets(raw: bytes) -> Iterator[tuple[str, bytes]]:
    yield from (("a number", number) for number in _NUMBER.findall(raw))
    yield from (("a PIN", pin) for pin in _PIN.findall(raw))
    yield from (("a name", name) for name in _NAME.findall(raw))


def read(file: Path) -> list[dict[str, Any]]:
    """The records of the file; none if it is not there."""
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    return [json.loads(line) for line in lines if line.strip()]


async def play(inputs: Sequence[Mapping[str, Any]], place: Place) -> list[Verdict]:
    """A verdict for each record, and one for whether the worker goes on."""
    producer = AIOKafkaProducer(bootstrap_servers=place.bootstrap)
    admin = AIOKafkaAdminClient(bootstrap_servers=place.bootstrap)
    await producer.start()
    await admin.start()
    try:
        async with Reading(place.bootstrap, place.outputs) as outputs:
            cluster = Cluster(place.bootstrap, admin, producer)
            verdicts = [await _one_record(one, number, cluster, place, outputs) for number, one in enumerate(inputs)]
            return [*verdicts, await _goes_on(place, outputs, f"probe-{len(inputs)}")]
    finally:
        await admin.close()
        await producer.stop()


async def _one_record(
    given: Mapping[str, Any], number: int, cluster: Cluster, place: Place, outputs: Reading
) -> Verdict:
    """The record goes to the first partition; a probe behind it there shows when all of its answers are out."""
    before = len(outputs.seen)
    value, key = _decoded(given.get("value")), _decoded(given.get("key"))
    headers = [(_decoded(name) or b"", _decoded(text)) for name, text in given.get("headers", ())]
    raw = batch([record(0, value, key, headers)], timestamp_ms=given.get("timestamp"))
    topic = place.prefix + given["topic"]
    await send(cluster, topic, raw)
    problems: list[str] = []
    try:
        await _probe(place, outputs, topic, f"probe-{number}")
    except AssertionError:
        problems.append("the worker does not go on")
    answers = [one for one in outputs.seen[before:] if not one.subject.startswith("probe-") and _is_answer(one)]
    whole = b"\n".join(filter(None, (value, key, *(text for _, text in headers))))
    seen = Seen(whole, answers, outputs.seen[:before])
    return Verdict(given["name"], problems + _RULES.problems(given["right"], seen))


def _is_answer(one: Published) -> bool:
    return one.record.topic.endswith("-dlt") or one.type.startswith("crm.outcome.")


async def _probe(place: Place, outputs: Reading, topic: str, command_id: str) -> None:
    """Publish a document behind the record, and wait for its outcome."""
    data = {"command_id": command_id, "customer_id": command_id, "occurred_at": "2026-03-01T10:00:00Z"}
    await publish(place.bootstrap, [document(topic, "crm.customer.create", command_id, data, partition=0)])
    await outputs.until(lambda seen: any(one.subject == command_id for one in seen))


async def _goes_on(place: Place, outputs: Reading, command_id: str) -> Verdict:
    try:
        await _probe(place, outputs, place.inputs[0], command_id)
    except AssertionError as error:
        return Verdict("the worker goes on", [str(error)])
    return Verdict("the worker goes on")


def _decoded(text: str | None) -> bytes | None:
    return None if text is None else base64.b64decode(text)
