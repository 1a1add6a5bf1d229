"""Documents of every type, drawn from the published schemas with the most extreme values that those allow.

Ids are few, so that documents meet. What a schema cannot say (one of two members, unique ids) the model refuses, and
the draw is repeated.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pydantic
from hypothesis import reject
from hypothesis import strategies as st

from schemas.registry import DOCUMENTS
from tests.domain.documents import Data, Said
from tests.domain.room import keyring

SCHEMAS = Path(__file__).parents[2] / "schemas" / "json"
INSTANTS = (
    "0001-01-01T00:00:00Z", "0001-12-31T23:59:59.999999Z", "0004-02-29T00:00:00Z", "1969-12-31T23:59:59.999999Z",
    "1970-01-01T00:00:00Z", "2024-02-29T12:00:00+14:00", "2026-03-01T12:00:00Z", "9999-12-31T23:59:59.999999Z",
)  # fmt: skip
DECIMALS = ("0", "0.000000000001", "0.001", "0.5", "1", "1.000000000001", "999.999999999999", "1000", "1000000")
TEXTS = ("", "x", "ß𝄞\u202e", "x" * 256)
CURRENCIES = ("GBP", "EUR", "JPY")
IDS = {
    "customer_id": ("C1", "C2", "~" * 128), "from_customer_id": ("C1", "C2"), "into_customer_id": ("C2", "~" * 128),
    "to_customer_id": ("C2", "~" * 128), "sale_id": ("S1", "S2"), "return_id": ("R1", "R2"),
    "tender_id": ("T1", "T2", "T3"), "pool_id": ("P1",), "number": ("60060001", "60060002"),
    "pin": ("1234", "987654321098"), "id": ("S1", "T1", "T2", "1", "2", "3"),
}  # fmt: skip
COMMAND_IDS = tuple(str(number) for number in range(1, 12))
ATTEMPTS = 25


def _integers(schema: Data) -> st.SearchStrategy[int]:
    least, most = schema.get("minimum", -(10**15)), schema.get("maximum", 10**15)
    return st.sampled_from(sorted({n for n in (least, least + 1, 0, 1, 2, 100, most - 1, most) if least <= n <= most}))


class Drawing:
    """Draws the values of one schema."""

    def __init__(self, schema: Data, draw: Callable[[st.SearchStrategy[Any]], Any]) -> None:
        self._definitions = schema.get("$defs", {})
        self._draw = draw

    def value(self, schema: Data, name: str) -> Any:  # noqa: ANN401, C901  any JSON; a case a kind
        if "$ref" in schema:
            return self.value(self._definitions[schema["$ref"].rpartition("/")[2]], name)
        if "anyOf" in schema and "properties" not in schema:
            return self.value(self._draw(st.sampled_from(schema["anyOf"])), name)
        match schema:
            case {"const": constant}:
                return constant
            case {"enum": [first, *_]} if first == "AED":
                return self._draw(st.sampled_from(CURRENCIES))
            case {"enum": choices}:
                return self._draw(st.sampled_from(choices))
            case {"type": "integer"}:
                return self._draw(_integers(schema))
            case {"type": "boolean"}:
                return self._draw(st.booleans())
            case {"type": "null"}:
                return None
            case {"type": "string"}:
                return self._text(schema, name)
            case {"type": "array", "items": items}:
                return [self.value(items, name) for _ in range(self._draw(st.integers(schema.get("minItems", 0), 3)))]
            case {"properties": _}:
                return self.members(schema)
            case {"type": "object"}:
                keys = CURRENCIES if "Currency" in json.dumps(schema) else ("a", "~" * 128)
                values = schema.get("additionalProperties") or next(iter(schema["patternProperties"].values()))
                return {key: self.value(values, name) for key in self._draw(st.sets(st.sampled_from(keys)))}
        raise AssertionError(f"{name}: no rule for {schema}")

    def members(self, schema: Data) -> Data:
        members = schema["properties"]
        required = schema.get("required", ())
        chosen = {name for name in members if name in required or self._draw(st.booleans())}
        if {"number", "card_id"} <= members.keys():  # a card is named by one of them
            chosen = chosen - {"number", "card_id"} | {self._draw(st.sampled_from(("number", "number", "card_id")))}
        return {name: self.value(member, name) for name, member in members.items() if name in chosen}

    def _text(self, schema: Data, name: str) -> str:
        if schema.get("format") == "date-time":
            return str(self._draw(st.sampled_from(INSTANTS)))
        if schema.get("format") == "date":
            return str(self._draw(st.sampled_from(INSTANTS)))[:10]
        if schema.get("pattern", "").startswith("^[0-9]{1,15}"):
            return str(self._draw(st.sampled_from(DECIMALS)))
        if "minLength" in schema or "pattern" in schema:
            return str(self._draw(st.sampled_from(IDS.get(name, COMMAND_IDS))))
        return str(self._draw(st.sampled_from(TEXTS)))


@st.composite
def documents(draw: st.DrawFn, /, types: tuple[str, ...] = tuple(DOCUMENTS), **fixed: object) -> Said:
    """A document of one of the types that its model accepts, with the `fixed` members."""
    type_ = draw(st.sampled_from(types))
    schema = json.loads((SCHEMAS / f"{type_}.json").read_text())
    drawing = Drawing(schema, draw)
    for _ in range(ATTEMPTS):
        data = drawing.members(schema) | fixed
        try:
            DOCUMENTS[type_].validate(data, keyring())
        except pydantic.ValidationError:
            continue
        return type_, data
    return reject()
