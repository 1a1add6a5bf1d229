"""The models as JSON Schemas. Integrators validate documents with them before they send them."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, models_json_schema
from pydantic_core import core_schema

from schemas.currencies import CURRENCIES
from schemas.envelope import DeadLetterHeaders, Envelope
from schemas.outcomes import OutcomeEnvelope
from schemas.policy import Policy
from schemas.registry import DOCUMENTS

Schema = dict[str, Any]

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
CURRENCY: Final = "Currency"
CURRENCY_SCHEMA: Final[Schema] = {
    "description": "ISO 4217 alphabetic code, active or recently withdrawn.",
    "type": "string",
    "enum": list(CURRENCIES),
}

_COMPONENT: Final = "#/components/schemas/{model}"  # where OpenAPI and AsyncAPI keep schemas

# File name → model.
FILES: Final[Mapping[str, type[BaseModel]]] = {
    **{name: doctype.model for name, doctype in DOCUMENTS.items()},
    "envelope": Envelope,
    "outcome": OutcomeEnvelope,
    "policy": Policy,
    "dead-letter-headers": DeadLetterHeaders,
}


class _Generator(GenerateJsonSchema):
    """Omits what only repeats: titles of members, and the default `null`."""

    def field_title_should_be_set(self, _schema: object) -> bool:
        return False

    def dict_schema(self, schema: core_schema.DictSchema) -> Schema:
        """Refuse keys that don't match. For a pattern of keys, pydantic's schema would accept other keys, too."""
        described = super().dict_schema(schema)
        for pattern, values in described.pop("patternProperties", {}).items():
            described["propertyNames"] = {**described.get("propertyNames", {}), "pattern": pattern}
            described["additionalProperties"] = values
        return described

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> Schema:
        described = super().default_schema(schema)
        if described.get("default", ...) is None:
            del described["default"]
        return described


def _with_one_currency(node: Any, ref: str) -> Any:  # noqa: ANN401  # any JSON
    """Return the schema with a reference in place of each copy of the list of currencies."""
    if isinstance(node, dict):
        if node.get("enum") == CURRENCY_SCHEMA["enum"]:
            return {"$ref": ref}
        return {key: _with_one_currency(value, ref) for key, value in node.items()}
    if isinstance(node, list):
        return [_with_one_currency(value, ref) for value in node]
    return node


def definitions(models: Sequence[type[BaseModel]]) -> tuple[Mapping[type[BaseModel], Schema], Schema]:
    """Return a reference for each model, and by name the schemas that these and each other refer to."""
    refs, together = models_json_schema(
        [(model, "validation") for model in models], ref_template=_COMPONENT, schema_generator=_Generator
    )
    found: Schema = _with_one_currency(together["$defs"], _COMPONENT.format(model=CURRENCY))
    found[CURRENCY] = CURRENCY_SCHEMA
    return {model: refs[model, "validation"] for model in models}, dict(sorted(found.items()))


def standalone(model: type[BaseModel]) -> Schema:
    """Return a JSON Schema file of one model."""
    schema = model.model_json_schema(schema_generator=_Generator)
    plain: Schema = _with_one_currency(schema, f"#/$defs/{CURRENCY}")
    if plain != schema:
        plain.setdefault("$defs", {})[CURRENCY] = CURRENCY_SCHEMA
    return {"$schema": DIALECT, **plain}
