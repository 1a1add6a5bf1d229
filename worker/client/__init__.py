"""The HTTP API (contract §5) as its callers see it: one class, one call for each operation, one exception.

`client.Client` sends requests, `connection.Connection` has the URL and the key, `answer.Answer` is an answer, and
`failure.ApiError` says why there is none. Nothing is re-exported: a caller that only needs a connection loads no HTTP.
"""

import sys
from types import ModuleType

# httpx imports its own command line, and with it click, pygments and all of rich: a third of what it takes to start
# `g3n crm`. Nobody here calls it, so an empty module takes its place.
_command_line = ModuleType("httpx._main")
_command_line.main = lambda: None  # type: ignore[attr-defined]  # the name that httpx imports from it
sys.modules.setdefault(_command_line.__name__, _command_line)
