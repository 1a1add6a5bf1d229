"""The form of a tenant's name on the wire (contract §1.1)."""

from typing import Final

PATTERN: Final = "[a-z0-9_-]{1,32}"
