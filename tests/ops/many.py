"""Runs one `g3n` after the other: a line of stdin is a Call as JSON, a line of stdout how it ended.

Each is a fork of this process, which has imported what they need: so it takes a tenth of a second, not a whole one.
"""

import importlib
import json
import os
import sys
import tempfile
from typing import IO, TypedDict

import worker.app.operators
import worker.app.setup
import worker.app.worker
import worker.cli.worker
import worker.ops.audit.commands
import worker.ops.explain
import worker.ops.publishing
import worker.ops.rebuild.commands
import worker.ops.replay.commands
import worker.ops.republish
import worker.ops.simulate
import worker.ops.status.gather  # noqa: F401  as above
from worker.cli import module
from worker.process import faults


class Call(TypedDict):
    """The words after `g3n`, its whole environment, its folder, and what it reads."""

    words: list[str]
    environment: dict[str, str]
    folder: str
    stdin: str


def run(call: Call) -> tuple[int, str, str]:
    """The command's exit status, and what it printed on stdout and stderr."""
    with (
        tempfile.TemporaryFile("w+", errors="surrogateescape") as reads,
        tempfile.TemporaryFile() as out,
        tempfile.TemporaryFile() as err,
    ):
        reads.write(call["stdin"])
        reads.seek(0)
        child = os.fork()
        if not child:
            for number, file in enumerate((reads, out, err)):
                os.dup2(file.fileno(), number)
            os._exit(_command(call))
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        return status, _text(out), _text(err)


def _command(call: Call) -> int:
    os.environ.clear()
    os.environ.update(call["environment"])
    importlib.reload(faults)  # it looks at the environment once
    os.chdir(call["folder"])
    sys.argv = ["g3n", *call["words"]]
    try:
        module()
    except SystemExit as left:
        code = left.code
        return code if isinstance(code, int) else 0
    else:
        return 0
    finally:
        sys.stdout.flush()
        sys.stderr.flush()


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode()


for line in sys.stdin:
    ended = json.dumps(run(json.loads(line)))
    sys.stdout.write(ended + "\n")
    sys.stdout.flush()
