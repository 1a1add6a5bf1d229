"""W1: uniform sales over known customers, each of five lines and one bank card, as structured CloudEvents.

Everything is a function of the seed but the time: sales are of the last minute, so that no deadline is in play.
"""

import random
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime

import orjson

from worker.codec import Message

ORGCODE = "acme"
LINES = 5
STORES, TERMINALS = 200, 8
SEED = 20_260_105
_STARTS_MS = 1_767_600_000_000
_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

Ids = Callable[[random.Random, int], str]
"""Of the generator and the number of the document: its business id."""


def time_ordered(rng: random.Random, number: int) -> str:
    """As a ULID: a millisecond, a thousand documents each second here, then 80 random bits."""
    return _base32(_STARTS_MS + number, 10) + _base32(rng.getrandbits(80), 16)


def at_random(rng: random.Random, _number: int) -> str:
    """As long as a ULID, without its order."""
    return _base32(rng.getrandbits(130), 26)


def _base32(value: int, length: int) -> str:
    return "".join([_CROCKFORD[value >> 5 * place & 31] for place in reversed(range(length))])


def of_tills(rng: random.Random, number: int) -> str:
    """Store, terminal, date, number on that day: in order at each till."""
    return f"{rng.randrange(STORES):03}-{rng.randrange(TERMINALS)}-20260105-{number:06}"


def customer(number: int) -> str:
    return f"C{number:08}"


def creations(topic: str, customers: int) -> Iterator[Message]:
    """`crm.customer.create` of every customer."""
    now = _now()
    for number in range(customers):
        id_, command_id = customer(number), f"create-{number:08}"
        data = {"command_id": command_id, "occurred_at": now, "customer_id": id_}
        yield _message(topic, "crm.customer.create", command_id, id_, data)


def sales(topic: str, documents: int, customers: int, ids: Ids) -> Iterator[Message]:
    """`scm.sale.completed`, paid in full."""
    rng = random.Random(SEED)  # noqa: S311  the same documents in every run
    now = _now()
    for number in range(documents):
        sale_id, customer_id = ids(rng, number), customer(rng.randrange(customers))
        nets = rng.choices(range(50, 5_000), k=LINES)
        lines = [
            {"line_id": line_id, "sku": f"{rng.randrange(10_000):05}", "quantity": "1", "net_minor": net_minor}
            for line_id, net_minor in enumerate(nets, start=1)
        ]
        paid_minor = sum(nets)
        data = {
            "sale_id": sale_id,
            "store_id": f"{number % STORES:03}",
            "terminal_id": f"{number % TERMINALS}",
            "occurred_at": now,
            "currency": "GBP",
            "customer_id": customer_id,
            "lines": lines,
            "tenders": [{"tender_id": f"T{number:09}", "kind": "card", "amount_minor": paid_minor}],
        }
        yield _message(topic, "scm.sale.completed", sale_id, customer_id, data)


def tender(topic: str, tender_id: str, data: Mapping[str, object]) -> Message:
    """`scm.tender.requested`, now."""
    asked = {**data, "tender_id": tender_id, "occurred_at": _now()}
    return _message(topic, "scm.tender.requested", tender_id, tender_id, asked)


def _message(topic: str, type_: str, subject: str, key: str, data: Mapping[str, object]) -> Message:
    envelope = {
        "specversion": "1.0",
        "id": f"e-{subject}",
        "source": "/stores",
        "type": type_,
        "subject": subject,
        "orgcode": ORGCODE,
        "time": data["occurred_at"],
        "datacontenttype": "application/json",
        "data": data,
    }
    return Message(topic, key.encode(), orjson.dumps(envelope))


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
