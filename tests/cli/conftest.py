"""The same desk as for `g3n crm`."""

from tests.crm.conftest import desk

__all__ = ["desk"]
