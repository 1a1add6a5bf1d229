"""The AsyncAPI document: every channel of the contract with its messages, in both content modes."""

from collections.abc import Iterable, Mapping
from inspect import getdoc
from typing import Any, Final

from schemas import examples
from schemas.envelope import (
    CONTENT_TYPE,
    HEADER_PREFIX,
    OUTCOME_PREFIX,
    SOURCE,
    SPECVERSION,
    Attributes,
    DeadLetterHeaders,
    Envelope,
)
from schemas.json_schema import Schema, definitions
from schemas.outcomes import NOTICES, TENDER_NOTICES, OutcomeEnvelope
from schemas.registry import DOCUMENTS, DocumentType

BINDING: Final = "0.5.0"
ORGCODE: Final = "acme"
DEAD_LETTERS: Final = "-dlt"

# Channel → topic, the types of its messages, and a description.
INPUTS: Final = {
    "sales": ("scm.sales", ("scm.sale.",), "Sales and their voids."),
    "returns": ("scm.returns", ("scm.return.",), "Returns, with and without a receipt."),
    "tenders": ("scm.tenders", ("scm.tender.",), "Gift cards and points as tenders: requests, captures, voids."),
    "commands": ("crm.commands", ("crm.",), "The operations on customers, points, gift cards and policy."),
}
ACCEPTED: Final = "crm.accepted"
OUTPUTS: Final = {
    "tenderOutcomes": ("crm.tender-outcomes", "Outcomes of tenders, and notices about tenders."),
    "outcomes": ("crm.outcomes", "Outcomes of everything else, and notices about points and cards."),
}
INPUT_KEY: Final = "the customer id if there is one, else the sale id; correctness never depends on it"
TRACEPARENT: Final = {"type": "string", "description": "W3C Trace Context"}


def _ref(*path: str) -> Schema:
    return {"$ref": "#/" + "/".join(path)}


def _object(properties: Schema, required: Iterable[str] = ()) -> Schema:
    return {"type": "object", "properties": properties, "required": list(required)}


def _kafka_key(description: str) -> Schema:
    return {"kafka": {"key": {"type": "string", "description": description}, "bindingVersion": BINDING}}


def _first_line(model: type) -> str:
    return (getdoc(model) or "").split("\n", 1)[0].replace("`", "")


def _structured_header() -> Schema:
    return {"type": "string", "const": CONTENT_TYPE}


def _envelope(type_: str, data: Mapping[str, Any], id_field: str) -> Schema:
    return {
        "specversion": SPECVERSION,
        "id": "018f7a52-0001",
        "source": "/pos/london-1",
        "type": type_,
        "subject": data[id_field],
        "orgcode": ORGCODE,
        "time": data["occurred_at"],
        "datacontenttype": "application/json",
        "data": dict(data),
    }


def _structured(doctype: DocumentType, data: Schema) -> Schema:
    example = _envelope(doctype.name, examples.DOCUMENTS[doctype.name], doctype.id_field)
    return {
        "name": doctype.name,
        "title": f"{doctype.name} (structured)",
        "summary": _first_line(doctype.model),
        "contentType": CONTENT_TYPE,
        "headers": _object({"content-type": _structured_header(), "traceparent": TRACEPARENT}),
        "payload": {
            "allOf": [
                _ref("components", "schemas", Envelope.__name__),
                _object({"type": {"const": doctype.name}, "data": data}, ["type", "data"]),
            ]
        },
        "bindings": _kafka_key(INPUT_KEY),
        "examples": [{"name": "structured", "payload": example}],
    }


def _binary(doctype: DocumentType, data: Schema) -> Schema:
    example = _envelope(doctype.name, examples.DOCUMENTS[doctype.name], doctype.id_field)
    attributes = tuple(Attributes.model_fields)
    properties = {
        HEADER_PREFIX + name: {"const": example[name]} if name in {"type", "specversion"} else {"type": "string"}
        for name in (*attributes, "time", "traceparent")
    }
    return {
        "name": f"{doctype.name}.binary",
        "title": f"{doctype.name} (binary)",
        "summary": _first_line(doctype.model),
        "contentType": "application/json",
        "headers": _object(
            {"content-type": {"type": "string", "const": "application/json"}, **properties, "traceparent": TRACEPARENT},
            [HEADER_PREFIX + name for name in attributes],
        ),
        "payload": data,
        "bindings": _kafka_key(INPUT_KEY),
        "examples": [
            {
                "name": "binary",
                "headers": {HEADER_PREFIX + name: example[name] for name in attributes},
                "payload": example["data"],
            }
        ],
    }


def _outcome(type_: str, about: str, subject: object, data: Mapping[str, Any] | None, *, of_tender: bool) -> Schema:
    """Return an outcome or a notice of the type `type_`."""
    headers: Schema = {
        "content-type": _structured_header(),
        "traceparent": TRACEPARENT,
        "crm-replayed": {"type": "string", "const": "true", "description": "present if the outcome is published again"},
    }
    if of_tender:
        headers["crm-tender-state"] = {"type": "string", "description": "in a replay: the tender's present state"}
    message: Schema = {
        "name": type_,
        "summary": about,
        "contentType": CONTENT_TYPE,
        "headers": _object(headers, ["content-type"]),
        "payload": {
            "allOf": [
                _ref("components", "schemas", OutcomeEnvelope.__name__),
                _object({"type": {"const": type_}}),
            ]
        },
        "bindings": _kafka_key("tender_id" if of_tender else "customer_id, else the subject"),
    }
    if data is not None:
        payload = {
            "specversion": SPECVERSION,
            "id": "5c1e0f7a9b2d4c3e8f60718293a4b5c6",
            "source": SOURCE,
            "type": type_,
            "subject": subject,
            "orgcode": ORGCODE,
            "time": "2026-03-01T10:15:00.412000Z",
            "datacontenttype": "application/json",
            "data": dict(data),
        }
        message["examples"] = [{"name": "example", "payload": payload}]
    return message


def outcome_type(input_type: str) -> str:
    """Return `crm.outcome.` and the input's type without `scm.` or `crm.` (contract OUT8)."""
    return OUTCOME_PREFIX + input_type.split(".", 1)[1]


def _dead_letter() -> Schema:
    return {
        "name": "dead-letter",
        "summary": "A record that was not accepted: its key, and its value with secrets masked.",
        "headers": _ref("components", "schemas", DeadLetterHeaders.__name__),
        "payload": {"description": "The record's value, whether or not it is JSON."},
        "bindings": _kafka_key("the record's key"),
    }


def _accepted() -> Schema:
    return {
        "name": "accepted",
        "summary": "A document that came in over HTTP: tokens instead of card numbers, PINs encrypted.",
        "contentType": CONTENT_TYPE,
        "headers": _object(
            {
                "content-type": _structured_header(),
                "crm-seal": {"type": "string", "description": "proof that a worker of this ledger wrote it"},
            },
            ["content-type", "crm-seal"],
        ),
        "payload": {"allOf": [_ref("components", "schemas", Envelope.__name__)]},
        "bindings": _kafka_key("orgcode/type/subject; a record without a value erases earlier records with its key"),
    }


def _messages(references: Mapping[type, Schema]) -> dict[str, Schema]:
    """Return every message by its name."""
    found = {}
    for name, doctype in DOCUMENTS.items():
        data = references[doctype.model]
        subject = examples.DOCUMENTS[name][doctype.id_field]
        found[name] = _structured(doctype, data)
        found[f"{name}.binary"] = _binary(doctype, data)
        found[outcome_type(name)] = _outcome(
            outcome_type(name),
            f"The outcome of a {name}.",
            subject,
            examples.OUTCOMES.get(name),
            of_tender=name.startswith("scm.tender."),
        )
    for name in NOTICES:
        found[name] = _outcome(
            name, f"Notice {name}.", "T1", examples.OUTCOMES.get(name), of_tender=name in TENDER_NOTICES
        )
    found["dead-letter"] = _dead_letter()
    found["accepted"] = _accepted()
    return found


def _channel(topic: str, description: str, names: Iterable[str]) -> Schema:
    return {
        "address": topic,
        "description": description,
        "messages": {name: _ref("components", "messages", name) for name in names},
        "bindings": {"kafka": {"topic": topic, "bindingVersion": BINDING}},
    }


def _channels() -> dict[str, Schema]:
    channels = {}
    for name, (topic, prefixes, description) in INPUTS.items():
        types = [type_ for type_ in DOCUMENTS if type_.startswith(prefixes)]
        names = [name for type_ in types for name in (type_, f"{type_}.binary")]
        channels[name] = _channel(topic, f"{description} Any input topic takes any input type.", names)
    for name, (topic, description) in OUTPUTS.items():
        of_tenders = name == "tenderOutcomes"
        inputs = [type_ for type_ in DOCUMENTS if type_.startswith("scm.tender.") == of_tenders]
        notices = [notice for notice in NOTICES if (notice in TENDER_NOTICES) == of_tenders]
        channels[name] = _channel(topic, description, [*map(outcome_type, inputs), *notices])
    channels["accepted"] = _channel(
        ACCEPTED,
        "Documents that came in over HTTP, in stored form, before their outcomes; workers can read them again.",
        ["accepted"],
    )
    channels["acceptedDeadLetters"] = _channel(
        ACCEPTED + DEAD_LETTERS, f"Records of {ACCEPTED} that were not accepted.", ["dead-letter"]
    )
    for name, (topic, _, _) in INPUTS.items():
        channels[f"{name}DeadLetters"] = _channel(
            topic + DEAD_LETTERS, f"Records of {topic} that were not accepted.", ["dead-letter"]
        )
    return channels


def _operations(channels: Iterable[str]) -> dict[str, Schema]:
    operations = {}
    for name in channels:
        action = "receive" if name in INPUTS else "send"
        operations[f"{action}{name[0].upper()}{name[1:]}"] = {"action": action, "channel": _ref("channels", name)}
    return operations


def document() -> Schema:
    """Return the AsyncAPI 3.0 document; `receive` and `send` are the worker's."""
    models = [doctype.model for doctype in DOCUMENTS.values()]
    references, schemas = definitions([*models, Envelope, OutcomeEnvelope, DeadLetterHeaders])
    channels = _channels()
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "g3n CRM",
            "version": "1.0.0",
            "description": (
                "Loyalty points and gift cards from retail events. Identity is (orgcode, type, subject), for ever; "
                "an absent member, null and the default value mean the same; integers are strict. "
                "Topics are the defaults: each can be configured, and all can have a prefix."
            ),
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": {
            "kafka": {
                "host": "{bootstrap}",
                "protocol": "kafka",
                "variables": {"bootstrap": {"default": "localhost:9092", "description": "a bootstrap broker"}},
            }
        },
        "channels": channels,
        "operations": _operations(channels),
        "components": {"messages": _messages(references), "schemas": schemas},
    }
