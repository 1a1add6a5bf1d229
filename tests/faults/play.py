"""Plays inputs that once failed against a real worker, API and command line.

python -m tests.faults.play [DIR]

DIR has `records.jsonl`, `requests.json` and `commands.txt`, or some of them. Without DIR: tests/faults/inputs.
Each input says what is `right`; the exit status is 1 if anything came out otherwise.
"""

import asyncio
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from devstack.supervisor import free_ports
from schemas.operations import OPERATIONS
from schemas.scopes import Scope
from tests.e2e.place import Place, place
from tests.e2e.process import running
from tests.faults import commands, records, requests
from tests.faults.verdict import Verdict
from tests.stack import Servers, servers
from worker.client.client import Client
from worker.client.connection import Connection

INPUTS = Path(__file__).with_name("inputs")
TENANT = "acme"
_G3N = (sys.executable, "-m", "worker")


def play(folder: Path, stack: Servers, scratch: Path) -> list[Verdict]:
    """A verdict for each input of the folder, with servers, database and topics of their own."""
    settings = {"G3N_ON_FAILURE": "dead_letter"}
    with place(stack, scratch, **settings) as made, running(made.environment, made.log), _api(made) as api:
        return [
            *asyncio.run(records.play(records.read(folder / "records.jsonl"), made)),
            *asyncio.run(requests.play(requests.read(folder / "requests.json"), api)),
            *commands.play(folder / "commands.txt", _shell(api, scratch)),
        ]


@contextmanager
def _api(made: Place) -> Iterator[Connection]:
    """`g3n api`, and a key that may do everything."""
    scopes = [word for scope in Scope for word in ("--scope", scope.value)]
    create = ("worker", "keys", "create", "--orgcode", TENANT, "--name", "faults", *scopes)
    environment = {**os.environ, **made.environment}
    key = subprocess.run([*_G3N, *create], env=environment, capture_output=True, text=True, check=True).stdout.strip()
    [port] = free_ports(1)
    api = Connection(f"http://127.0.0.1:{port}", TENANT, key)
    with made.log.open("ab") as log:
        process = subprocess.Popen(
            [*_G3N, "api"], env={**environment, "G3N_API_PORT": str(port)}, stdout=log, stderr=log
        )
        try:
            asyncio.run(_answers(api))
            yield api
        finally:
            process.terminate()
            process.wait()


async def _answers(api: Connection) -> None:
    """Wait until the API is there: the client asks again as long as nobody listens."""
    async with Client(api) as client:
        await client.call(OPERATIONS["session.create"], {"ttl_s": 60})


def _shell(api: Connection, scratch: Path) -> Mapping[str, str]:
    """Return the environment of a person's shell: the API's address and key, and no setting of a server."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("G3N_")}
    about = {"G3N_API_URL": api.url, "G3N_ORGCODE": api.orgcode, "G3N_API_KEY": api.api_key}
    # For a command line that starts a worker: what it does not say itself. Nobody listens there.
    worker = {"G3N_KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1", "G3N_CARD_KEY": "0f" * 32}
    return {**own, **about, **worker, "XDG_CONFIG_HOME": str(scratch)}


def main() -> int:
    """Play the folder that the command line names; 1 if anything is wrong."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else INPUTS
    with servers() as stack, tempfile.TemporaryDirectory() as scratch:
        verdicts = play(folder, stack, Path(scratch))
    for verdict in verdicts:
        sys.stdout.write(f"{verdict}\n")
    wrong = sum(bool(verdict.problems) for verdict in verdicts)
    sys.stdout.write(f"{len(verdicts) - wrong} of {len(verdicts)} as they should be\n")
    return 1 if wrong or not verdicts else 0


if __name__ == "__main__":
    sys.exit(main())
