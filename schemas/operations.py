"""Every operation of the interfaces (contract §5), by its name, in the order of the catalogue."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from schemas.catalogue import ENTRIES
from schemas.operation import Access, Operation, body_schema

__all__ = ["OPERATIONS", "Access", "Operation", "body_schema"]

OPERATIONS: Final[Mapping[str, Operation]] = MappingProxyType(
    {entry.operation.name: entry.operation for entry in ENTRIES}
)
