"""The value of a record that the reader could not read. It inherits from bytes, which no compiled class can."""

from typing import Self

from schemas.reasons import DeadLetterReason


class Unreadable(bytes):
    """The value of a record that can't be read as it was sent, as far as it could be: the record is a dead letter."""

    reason: DeadLetterReason
    detail: str

    def __new__(cls, value: bytes, reason: DeadLetterReason, detail: str) -> Self:
        made = super().__new__(cls, value)
        made.reason, made.detail = reason, detail
        return made
