"""A dead letter as a message: the record with its secrets masked, its position, and the reason (contract §3.4)."""

from collections.abc import Callable
from typing import Final

from worker.codec.document import Record, Undecodable
from worker.codec.encode import Message
from worker.codec.mask import Masked, mask, mask_header, names_secret
from worker.codec.shapes import MASK, masked_text

MASKED: Final = ("crm-masked", b"true")
_HEADER_BYTES: Final = 1 << 16  # bytes of all headers of a record; values beyond are masked unread

Pseudonym = Callable[[bytes], bytes]
"""A record's key → its HMAC, so that letters of one key stay together and in order."""


def dead_letter(letter: Undecodable, topic: str, consumer_group: str, pseudonym: Pseudonym) -> Message:
    """Return the letter for its topic. If it has only the beginning of a value, `crm-truncated` has the
    value's length.
    """
    record = letter.record
    key = record.key
    value, masked, truncated = mask(record.value)
    if key and names_secret(key):
        key, masked = pseudonym(key), True
    headers, any_header = _headers(record)
    headers += [
        ("kafka_dlt-original-topic", record.topic.encode()),
        ("kafka_dlt-original-partition", b"%d" % record.partition),
        ("kafka_dlt-original-offset", b"%d" % record.offset),
        ("kafka_dlt-original-timestamp", b"%d" % record.timestamp),
        ("kafka_dlt-original-consumer-group", consumer_group.encode()),
        ("crm-reason", letter.reason.value.encode()),
        ("crm-detail", letter.detail.encode()),
    ]
    if truncated:
        headers.append(("crm-truncated", b"%d" % len(record.value or b"")))
    if masked or any_header:
        headers.append(MASKED)
    return Message(topic, key, value, tuple(headers))


def _headers(record: Record) -> tuple[list[tuple[str, bytes | None]], bool]:
    headers: list[tuple[str, bytes | None]] = []
    found, rest = False, _HEADER_BYTES
    for name, value in record.headers:
        rest -= len(name) + len(value or b"")
        if rest > 0:
            shown, named = mask_header(name, value), masked_text(name)
        else:
            shown, named = Masked(value and MASK.encode(), found=bool(value)), MASK
        headers.append((named, shown.value))
        found |= shown.found or named != name
    return headers, found
