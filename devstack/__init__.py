"""A real Kafka and a real Postgres on this machine, without Docker: `python -m devstack up | down | status`.

From Python, for tests, benchmarks and the demo:

    with devstack.start() as stack:
        stack.bootstrap_servers, stack.dsn

A supervisor process owns both servers. It stops them on request, when one of them dies, and when the process that
called `start` is gone, even after kill -9.
"""

from devstack.errors import StackError
from devstack.stack import Stack, start

__all__ = ["Stack", "StackError", "start"]
