"""Describe a JSON Schema in a few words of HTML, for the reference."""

from collections.abc import Mapping
from html import escape
from typing import Any, Final

Json = Mapping[str, Any]
_MANY: Final = 12  # values of an enumeration that are shown


def kind(schema: Json) -> str:
    """Return the type and the limits of a value. A named type is a link."""
    if "$ref" in schema:
        name = escape(schema["$ref"].rpartition("/")[2])
        return f'<a href="#type-{name}">{name}</a>'
    for together in "anyOf", "oneOf":
        if together in schema and "properties" not in schema:
            return " or ".join(kind(one) for one in schema[together] if one.get("type") != "null")
    if "allOf" in schema and "properties" not in schema:
        return " and ".join(kind(one) for one in schema["allOf"])
    if "const" in schema:
        return f"<code>{escape(str(schema['const']))}</code>"
    if "enum" in schema:
        values = [f"<code>{escape(str(value))}</code>" for value in schema["enum"] if value is not None]
        return " | ".join(values[:_MANY]) + (" | …" if len(values) > _MANY else "")
    return _plain(schema)


def _plain(schema: Json) -> str:
    types = schema.get("type", "any")
    named = [types] if isinstance(types, str) else [one for one in types if one != "null"]
    if named == ["array"]:
        return f"list of {kind(schema.get('items', {}))}{_limits(schema, 'minItems', 'maxItems', 'entries')}"
    if named in (["integer"], ["number"]):
        return f"{named[0]}{_limits(schema, 'minimum', 'maximum')}"
    if named == ["string"]:
        format_ = schema.get("format", "string")
        return f"{escape(format_)}{_limits(schema, 'minLength', 'maxLength', 'characters')}"
    if named == ["object"] and isinstance(schema.get("additionalProperties"), Mapping):
        return f"object of {kind(schema['additionalProperties'])}"
    return escape(" or ".join(named))


def _limits(schema: Json, least_name: str, most_name: str, unit: str = "") -> str:
    least, most = schema.get(least_name), schema.get(most_name)
    if least is None and most is None:
        return ""
    if most is None:
        limits = f"≥ {least:,}"
    elif least is None or least == 0:
        limits = f"≤ {most:,}"
    else:
        limits = f"{least:,} to {most:,}"
    return f' <span class="limit">{limits}{" " + unit if unit else ""}</span>'
