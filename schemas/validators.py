"""Rules across members, for the models and for their JSON Schemas."""

from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any, TypeVar

from pydantic_core import PydanticCustomError

ItemsT = TypeVar("ItemsT", bound=Sequence[object])


def fault(message: str, *at: int | str) -> PydanticCustomError:
    """Return the error of one of our own rules: what would be right, and where, below the checked place."""
    return PydanticCustomError("rule", message, {"at": at})


def unique(field: str) -> Callable[[ItemsT], ItemsT]:
    """Return a validator of lists: `field` differs in all items."""
    get = attrgetter(field)

    def check(items: ItemsT) -> ItemsT:
        if len(items) > 1 and len(set(map(get, items))) != len(items):
            keys = list(map(get, items))
            place = next(place for place, key in enumerate(keys) if key in keys[:place])
            raise fault("a value that no item before it has", place, field)
        return items

    return check


def present(*fields: str) -> dict[str, Any]:
    """Return the JSON Schema that requires these members, and not as null."""
    return {"required": list(fields), "properties": {field: {"not": {"type": "null"}} for field in fields}}


def nullable_defaults(schema: dict[str, Any]) -> None:
    """Let every member that is not required also be null (contract ID15)."""
    required = schema.get("required", ())
    for name, member in schema["properties"].items():
        if name not in required and {"type": "null"} not in member.get("anyOf", ()):
            about = {key: member.pop(key) for key in ("default", "title") if key in member}
            schema["properties"][name] = {"anyOf": [member, {"type": "null"}], **about}
