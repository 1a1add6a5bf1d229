"""Every document type, by its name and by its number in the database."""

from collections.abc import Mapping
from operator import attrgetter
from types import MappingProxyType
from typing import Final

from schemas.catalogue import ENTRIES
from schemas.catalogue.entry import DocumentType

__all__ = ["BY_CODE", "DOCUMENTS", "DocumentType"]

_TYPES: Final = sorted((entry for entry in ENTRIES if isinstance(entry, DocumentType)), key=attrgetter("code"))

DOCUMENTS: Final[Mapping[str, DocumentType]] = MappingProxyType({doctype.name: doctype for doctype in _TYPES})
BY_CODE: Final[Mapping[int, DocumentType]] = MappingProxyType({doctype.code: doctype for doctype in _TYPES})
