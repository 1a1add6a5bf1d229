"""`python -m devstack up | down | status`. A shell can evaluate what they print on stdout."""

import argparse
import sys
import time
from pathlib import Path

from devstack import stack
from devstack.errors import StackError
from devstack.kafka import VERSION
from devstack.plan import Report


def describe(report: Report) -> str:
    return (
        f"# Kafka {VERSION} and Postgres 18 run on this machine, stopped by `python -m devstack down`\n"
        f"export G3N_KAFKA_BOOTSTRAP_SERVERS={report.bootstrap_servers}\n"
        f"export G3N_POSTGRES_DSN={report.dsn}"
    )


def run(command: str, directory: Path) -> int:
    """Run a command. Return the exit status."""
    if command == "up":
        began = time.monotonic()
        print(describe(stack.up(directory)))
        print(f"# ready in {time.monotonic() - began:.1f} s")
        return 0
    if command == "down":
        print("# stopped" if stack.down(directory) else f"# nothing runs in {directory}")
        return 0
    report = stack.find(directory)
    print(describe(report) if report else f"# nothing runs in {directory}; `python -m devstack up` starts it")
    return 0 if report else 1


def main() -> None:
    parser = argparse.ArgumentParser(prog="devstack", description="A real Kafka and Postgres, without Docker.")
    parser.add_argument("command", choices=["up", "down", "status"])
    parser.add_argument("--directory", type=Path, default=stack.DEFAULT, help="where its data are (%(default)s)")
    arguments = parser.parse_args()
    try:
        code = run(arguments.command, arguments.directory)
    except StackError as error:
        print(f"devstack: {error}", file=sys.stderr)
        code = 1
    raise SystemExit(code)


if __name__ == "__main__":
    main()
