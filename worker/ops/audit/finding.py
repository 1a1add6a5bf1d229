"""The findings of an audit."""

from typing import Final, NamedTuple

from schemas.registry import BY_CODE
from worker.domain.state.accounts import AccountType
from worker.stored.codes import NOTICE_TYPES


class Finding(NamedTuple):
    """A violated rule. `about` names the account, document or record; `what` says what is wrong with it."""

    check: str
    orgcode: str
    about: str
    what: str


# Each check by its name: the rule that holds if it finds nothing.
CHECKS: Final = {
    "balance": "each account's balance is the sum of its transfers",
    "history": "each account's transfers lead back to its first one",
    "document": "each transfer belongs to a document",
    "journal": "each document belongs to a batch, and no batch has more documents than it decided",
    "tender": "captured ≤ approved ≤ requested, and refunded ≤ captured",
    "outcome": "each document has one final outcome, or waits",
    "waiting": "each document that waits has a reason",
    "void": "what was voided is void",
    "lots": "each account's lots make up its balance and what is held",
    "deadline": "each lot that expires and each hold has its deadline",
    "holds": "what is held of each account is what its open holds hold",
    "undone": "nothing is given back or reversed beyond what it was",
    "booked": "each outcome says what was booked",
    "coverage": "each offset that was read is a document, a duplicate, a dead letter or no record",
    "published": "each outcome is on its topic, byte for byte, and no other is there",
    "tie-out": "what each document of a till asks was booked and published, or refused with a reason",
}


def account_name(type_: int, key: str) -> str:
    return f"{AccountType(type_).name.lower()} account {key}"


def document_name(code: int, subject: str) -> str:
    return f"{NOTICE_TYPES.get(code) or BY_CODE[code].name} {subject}"
