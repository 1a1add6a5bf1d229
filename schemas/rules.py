"""Rules across members, for the models and for their JSON Schemas."""

from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any, TypeVar

from pydantic_core import PydanticCustomError

ItemsT = TypeVar("ItemsT", bound=Sequence[object])


def unique(field: str) -> Callable[[ItemsT], ItemsT]:
    """A validator of a list: `field` differs in all its items, else `not_unique`."""
    get = attrgetter(field)

    def check(items: ItemsT) -> ItemsT:
        if len(set(map(get, items))) != len(items):
            raise PydanticCustomError("not_unique", "two items have the same key")
        return items

    return check


def present(*fields: str) -> dict[str, Any]:
    """JSON Schema: these members are there and are not null."""
    return {"required": list(fields), "properties": {field: {"not": {"type": "null"}} for field in fields}}


def nullable_defaults(schema: dict[str, Any]) -> None:
    """Let every member that is not required be null too (contract §8 Identity: absent = `null`)."""
    required = schema.get("required", ())
    for name, member in schema["properties"].items():
        if name not in required and {"type": "null"} not in member.get("anyOf", ()):
            about = {key: member.pop(key) for key in ("default", "title") if key in member}
            schema["properties"][name] = {"anyOf": [member, {"type": "null"}], **about}
