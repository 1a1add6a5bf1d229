"""CloudEvents 1.0 over Kafka: the envelope of what comes in, and the headers of what goes out (contract §1, §3)."""

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
    """The attributes that must be right, in either mode (in binary mode each is a header `ce_…`)."""

    specversion: Literal["1.0"]
    id: Annotated[NonEmpty, Field(description="the publisher's own: for tracing, never for identity")]
    source: Annotated[NonEmpty, Field(description="the publisher's own: for tracing, never for identity")]
    type: Annotated[NonEmpty, Field(description="the type of the document; the identity's second part")]
    subject: Annotated[Id, Field(description="the business id, as inside `data`; the identity's third part")]
    orgcode: Annotated[Orgcode, Field(description="the tenant; the identity's first part")]


class Envelope(Attributes):
    """A document in structured mode; `data` is read by its type, the optional attributes are not checked."""

    time: Annotated[Any, Field(description="RFC 3339, informative")] = None
    datacontenttype: Annotated[Any, Field(description="application/json")] = None
    traceparent: Annotated[Any, Field(description="W3C Trace Context; or as a record header")] = None
    data: Annotated[Any, Field(description="the document of that type")]


class DeadLetterHeaders(Wire):
    """The headers of a dead letter, after those that the record came with; numbers in decimal."""

    model_config = ConfigDict(strict=False)

    topic: Annotated[NonEmpty, Field(alias="kafka_dlt-original-topic")]
    partition: Annotated[Digits, Field(alias="kafka_dlt-original-partition")]
    offset: Annotated[Digits, Field(alias="kafka_dlt-original-offset")]
    timestamp: Annotated[
        str,
        StringConstraints(pattern=r"^-?[0-9]+$"),
        Field(alias="kafka_dlt-original-timestamp", description="the record's, in ms since 1970 UTC"),
    ]
    consumer_group: Annotated[NonEmpty, Field(alias="kafka_dlt-original-consumer-group")]
    reason: Annotated[DeadLetterReason, Field(alias="crm-reason")]
    detail: Annotated[str, Field(alias="crm-detail", description="path and rule, never a value")]
    truncated: Annotated[
        Digits | None,
        Field(alias="crm-truncated", description="the length of the value in bytes; the letter has its beginning"),
    ] = None
    masked: Annotated[
        Literal["true"] | None,
        Field(alias="crm-masked", description="present if card numbers, PINs or personal data were masked"),
    ] = None
