"""Pairs of records that are one document to the worker (contract §1.2), and both content modes."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.e2e.bad_record import STRUCTURED, good_sale

Data = dict[str, Any]
Headers = tuple[tuple[str, bytes], ...]
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@dataclass(frozen=True)
class Twice:
    """Two records of one document, in a tenant of its own: the second brings the first's outcome again."""

    name: str
    org: str
    first: tuple[bytes, Headers]
    second: tuple[bytes, Headers]


def structured(envelope: Data, headers: Headers = STRUCTURED) -> tuple[bytes, Headers]:
    return json.dumps(envelope).encode(), headers


def binary(envelope: Data, *more: tuple[str, bytes]) -> tuple[bytes, Headers]:
    """Attributes as `ce_` headers, the value is the data."""
    attributes = tuple((f"ce_{name}", str(value).encode()) for name, value in envelope.items() if name != "data")
    return json.dumps(envelope["data"]).encode(), (*attributes, ("content-type", b"application/json"), *more)


def _policy() -> Data:
    envelope = good_sale()
    policy = {"earn": {"points_per_unit": "0.5"}, "negative_balance": "unlimited"}
    data = {"command_id": "P", "occurred_at": "2020-01-01T00:00:00Z", "policy": policy}
    return envelope | {
        "type": "crm.policy.put",
        "subject": "P",
        "data": data | {"effective_from": "2020-01-01T00:00:00Z"},
    }


def _pairs() -> list[tuple[str, Data, Callable[[Data], tuple[bytes, Headers]]]]:
    """Name, the first envelope, and how the second is made of a copy of it."""

    def data(**fields: object) -> Callable[[Data], tuple[bytes, Headers]]:
        return lambda e: structured(e | {"data": e["data"] | fields})

    def line(**fields: object) -> Callable[[Data], tuple[bytes, Headers]]:
        return lambda e: structured(e | {"data": e["data"] | {"lines": [e["data"]["lines"][0] | fields]}})

    def backwards(value: Any) -> Any:  # noqa: ANN401 - any JSON
        return {k: backwards(value[k]) for k in reversed(value)} if isinstance(value, dict) else value

    quantity = good_sale()
    quantity["data"]["lines"][0]["quantity"] = "1.50"
    return [
        ("byte for byte", good_sale(), structured),
        (
            "another envelope id, source and time",
            good_sale(),
            lambda e: structured(e | {"id": "9", "source": "/x", "time": "2020-01-01T00:00:00Z"}),
        ),
        ("unknown attributes", good_sale(), lambda e: structured(e | {"dataschema": "urn:x", "shift": "late"})),
        ("keys in another order", good_sale(), lambda e: structured(backwards(e))),
        ("white space", good_sale(), lambda e: (json.dumps(e, indent=7).encode(), STRUCTURED)),
        ("no content type", good_sale(), lambda e: structured(e, ())),
        (
            "content type with a charset",
            good_sale(),
            lambda e: structured(e, (("content-type", b"application/cloudevents+json; charset=UTF-8"),)),
        ),
        ("binary mode", good_sale(), binary),
        (
            "escaped letters",
            good_sale(),
            lambda e: (json.dumps(e).replace('"sku": "a"', '"sku": "\\u0061"').encode(), STRUCTURED),
        ),
        (
            "a byte order of nulls",
            good_sale(),
            data(customer_id=None, terminal_id=None, tenders=None, training=None, business_date=None),
        ),
        ("the defaults written out", good_sale(), data(training=False, tenders=[])),
        (
            "the defaults of a line written out",
            good_sale(),
            line(item_type="goods", loyalty_excluded=False, category=None),
        ),
        ("an unknown field of a line", good_sale(), line(colour="blue")),
        ("a decimal written otherwise", quantity, line(quantity="01.5")),
        ("an instant written otherwise", _policy(), data(effective_from="2020-01-01T02:30:00.000+02:30")),
        ("decimals of a policy written otherwise", _policy(), data(policy={"earn": {"points_per_unit": "0.50"}})),
        ("occurred at another time", good_sale(), data(occurred_at="2020-05-05T00:00:00Z")),
    ]


def pairs() -> list[Twice]:
    made = []
    for number, (name, envelope, change) in enumerate(_pairs()):
        org = f"wire-{number}"
        made.append(Twice(name, org, structured(envelope | {"orgcode": org}), change(envelope | {"orgcode": org})))
    return made


def traced() -> list[tuple[str, bytes, Headers]]:
    """Tenant, value, headers of sales with a trace, given in each of the ways."""
    return [
        ("trace-1", *structured(good_sale() | {"orgcode": "trace-1", "traceparent": TRACE})),
        ("trace-2", *structured(good_sale() | {"orgcode": "trace-2"}, (*STRUCTURED, ("traceparent", TRACE.encode())))),
        ("trace-3", *binary(good_sale() | {"orgcode": "trace-3", "traceparent": TRACE})),
        ("trace-4", *binary(good_sale() | {"orgcode": "trace-4"}, ("traceparent", TRACE.encode()))),
    ]
