"""CloudEvents 1.0 over Kafka: the envelope of documents, and the headers of dead letters (contract §1, §3)."""

from typing import Annotated, Any, Final, Literal

from pydantic import ConfigDict, Field, StringConstraints

from schemas import orgcode
from schemas.reasons import DeadLetterReason
from schemas.scalars import Id, Wire

CONTENT_TYPE: Final = "application/cloudevents+json"
HEADER_PREFIX: Final = "ce_"
SPECVERSION: Final = "1.0"
SOURCE: Final = "/crm"
OUTCOME_PREFIX: Final = "crm.outcome."

Orgcode = Annotated[str, StringConstraints(pattern=f"^{orgcode.PATTERN}$")]
NonEmpty = Annotated[str, StringConstraints(min_length=1)]
Digits = Annotated[str, StringConstraints(pattern=r"^[0-9]+$")]


class Attributes(Wire):
    """The attributes that are checked, in either content mode. In binary mode, each is a header `ce_…`."""

    specversion: Literal["1.0"]
    id: Annotated[NonEmpty, Field(description="chosen by the publisher, for tracing; not part of the identity")]
    source: Annotated[NonEmpty, Field(description="chosen by the publisher, for tracing; not part of the identity")]
    type: Annotated[NonEmpty, Field(description="the type of the document: the second part of its identity")]
    subject: Annotated[Id, Field(description="the business id, the same as in `data`: the third part of the identity")]
    orgcode: Annotated[Orgcode, Field(description="the tenant: the first part of the identity")]


class Envelope(Attributes):
    """A document in structured mode. `type` says which model `data` has. Optional attributes are not checked."""

    time: Annotated[Any, Field(description="RFC 3339; not used for decisions")] = None
    datacontenttype: Annotated[Any, Field(description="application/json")] = None
    traceparent: Annotated[Any, Field(description="W3C Trace Context; a record header is accepted, too")] = None
    data: Annotated[Any, Field(description="the document")]


class DeadLetterHeaders(Wire):
    """The headers of a dead letter, after the record's own headers. Numbers are in decimal."""

    model_config = ConfigDict(strict=False)

    topic: Annotated[NonEmpty, Field(alias="kafka_dlt-original-topic")]
    partition: Annotated[Digits, Field(alias="kafka_dlt-original-partition")]
    offset: Annotated[Digits, Field(alias="kafka_dlt-original-offset")]
    timestamp: Annotated[
        str,
        StringConstraints(pattern=r"^-?[0-9]+$"),
        Field(alias="kafka_dlt-original-timestamp", description="the record's timestamp, in ms since 1970 UTC"),
    ]
    consumer_group: Annotated[NonEmpty, Field(alias="kafka_dlt-original-consumer-group")]
    reason: Annotated[DeadLetterReason, Field(alias="crm-reason")]
    detail: Annotated[str, Field(alias="crm-detail", description="the path and the rule, never a value")]
    truncated: Annotated[
        Digits | None,
        Field(
            alias="crm-truncated",
            description="the length of the record's value in bytes; the letter has only its beginning",
        ),
    ] = None
    masked: Annotated[
        Literal["true"] | None,
        Field(alias="crm-masked", description="present if card numbers, PINs or personal data were masked"),
    ] = None
