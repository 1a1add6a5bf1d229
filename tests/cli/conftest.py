"""The same shell as for `g3n crm`."""

from tests.terminal.conftest import shell

__all__ = ["shell"]
