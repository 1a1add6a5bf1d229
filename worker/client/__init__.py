"""The HTTP API (contract §5) as its callers see it: one class, one call an operation, one exception.

`client.Client` asks, `connection.Connection` says where and as whom, `answer.Answer` is what comes back, and
`failure.ApiError` why nothing does. Nothing is re-exported: who only needs a connection loads no HTTP.
"""

import sys
from types import ModuleType

# httpx imports its own command line, and with it click, pygments and all of rich: a third of what it takes to start
# `g3n crm`. Nobody here calls it, so an empty module takes its place.
_command_line = ModuleType("httpx._main")
_command_line.main = lambda: None  # type: ignore[attr-defined]  # the name that httpx imports from it
sys.modules.setdefault(_command_line.__name__, _command_line)
