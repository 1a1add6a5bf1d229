"""`python -m examples.online_retail [INVOICES] [--stack devstack|docker] [--keep]`: `make demo` runs it."""

import argparse
import logging
import os
import signal
import sys
from pathlib import Path

from rich.console import Console

from examples.online_retail.demo import Options, play
from examples.online_retail.invoices import InvoiceFileError
from examples.online_retail.outcomes import Silence
from examples.online_retail.sample import SAMPLE
from examples.online_retail.servers import ServersError
from examples.online_retail.worker_process import WorkerFailed

_FAILED, _BAD_INPUT, _INTERRUPTED = 1, 2, 130
_WIDTH_OFF_TERMINAL = 120


def options_of(arguments: list[str], environment: dict[str, str]) -> Options:
    """Return the options. The variables INVOICES, STACK and KEEP are the defaults of the arguments."""
    parser = argparse.ArgumentParser(
        prog="python -m examples.online_retail",
        description="Real invoices through Kafka, the worker and Postgres; without INVOICES, a small sample.",
    )
    stacks = ("devstack", "docker")
    invoices, stack = environment.get("INVOICES") or str(SAMPLE), environment.get("STACK") or stacks[0]
    parser.add_argument("invoices", nargs="?", type=Path, default=invoices, metavar="INVOICES", help="CSV, or CSV.gz")
    parser.add_argument(
        "--stack", choices=stacks, default=stack, help="where Kafka and Postgres come from (%(default)s)"
    )
    parser.add_argument("--keep", action="store_true", default=environment.get("KEEP", "") not in {"", "0"},
                        help="leave servers and data in place (also KEEP=1)")  # fmt: skip
    parsed = parser.parse_args(arguments)
    if parsed.stack not in stacks:
        parser.error(f"STACK={parsed.stack}: choose from {', '.join(stacks)}")
    return Options(Path(parsed.invoices), parsed.stack, parsed.keep)


def main() -> int:
    """Return the exit status: 0 if every check passed, 1 if not, 2 for unusable input, 130 after Ctrl-C."""
    options = options_of(sys.argv[1:], dict(os.environ))
    console = Console(width=None if sys.stdout.isatty() else _WIDTH_OFF_TERMINAL)
    # The client logs errors that it retries (a topic's leader is late), and raises the others.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    # A background process may ignore SIGINT; here it always stops the demo in order.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    try:
        return 0 if play(options, console) else _FAILED
    except InvoiceFileError as error:
        print(error, file=sys.stderr)
        return _BAD_INPUT
    except (ServersError, WorkerFailed, Silence) as error:
        print(error, file=sys.stderr)
        return _FAILED
    except KeyboardInterrupt:
        print("stopped; " + ("the servers stay" if options.keep else "nothing is left running"), file=sys.stderr)
        return _INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
