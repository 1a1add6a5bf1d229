"""The process that owns a stack: it starts both servers, reports where they are, and stops them when it ends.

`devstack.stack` starts it with its `Plan` as JSON. It answers with one line of JSON, a `Report`. It ends on SIGTERM,
when a server ends, and, if it is `attached`, when its stdin closes, because the process that started it is gone.
"""

import fcntl
import json
import os
import secrets
import select
import shutil
import signal
import socket
import sys
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from types import FrameType
from typing import IO

from devstack import kafka, postgres
from devstack.errors import StackError
from devstack.plan import Plan, Report
from devstack.process import Command, Process

CREATE_TIMEOUT_S = 60
READY_TIMEOUT_S = 60
STOP_TIMEOUT_S = 15
LOOK_EVERY_S = 0.25


def free_ports(count: int) -> list[int]:
    """Return different ports of 127.0.0.1 on which nobody listens now."""
    with ExitStack() as open_sockets:
        sockets = [open_sockets.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def take_lock(directory: Path) -> IO[str]:
    """Lock `directory` for this process. Raises StackError if another supervisor has it."""
    lock = (directory / "lock").open("w", encoding="ascii")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        message = f"a stack runs in {directory} already"
        raise StackError(message) from None
    return lock


class Supervisor:
    """Both servers of one plan."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.directory = Path(plan.directory)
        self.running: list[tuple[Process, signal.Signals]] = []

    def start(self) -> Report:
        """Create missing data, start both servers, and return once both are ready."""
        jars = kafka.jars(Path(self.plan.cache))
        port, kafka_port, controller_port = free_ports(3)
        database, broker = self.directory / "postgres", self.directory / "kafka"
        kafka.configure(broker, kafka_port, controller_port, self.plan.kafka)
        creations: list[Command] = []
        if not (database / "data" / "PG_VERSION").exists():
            creations.append(postgres.create(database, secrets.token_hex(16)))
        if not (broker / "data" / "meta.properties").exists():
            creations.append(kafka.create(broker, jars))
        for process in [self._run(command, signal.SIGKILL) for command in creations]:
            process.finish(CREATE_TIMEOUT_S)
        self.running.clear()
        quick = self.plan.throwaway
        kafka_process = self._run(kafka.serve(broker, jars), signal.SIGKILL if quick else signal.SIGTERM)
        postgres_process = self._run(
            postgres.serve(database, port, self.plan.postgres), signal.SIGQUIT if quick else signal.SIGINT
        )
        postgres_process.wait_until_it_says(postgres.READY, READY_TIMEOUT_S)
        kafka_process.wait_until_it_says(kafka.READY, READY_TIMEOUT_S)
        return Report(
            bootstrap_servers=f"127.0.0.1:{kafka_port}",
            dsn=postgres.dsn(database, port),
            supervisor_pid=os.getpid(),
            kafka_pid=kafka_process.pid,
            postgres_pid=postgres_process.pid,
        )

    def watch(self) -> None:
        """Return when the process that started this one is gone. Raises StackError when a server has ended
        by itself.
        """
        watched = [sys.stdin] if self.plan.attached else []
        while not select.select(watched, [], [], LOOK_EVERY_S)[0]:
            for process, _ in self.running:
                if process.has_ended():
                    raise process.failure("ended by itself")

    def stop(self) -> None:
        """Stop both servers and delete the state."""
        (self.directory / "state.json").unlink(missing_ok=True)
        for process, how in self.running:
            process.tell(how)
        for process, _ in self.running:
            process.wait_or_kill(STOP_TIMEOUT_S)
        if self.plan.throwaway:
            shutil.rmtree(self.directory, ignore_errors=True)

    def _run(self, command: Command, stop_signal: signal.Signals) -> Process:
        process = Process(command)
        self.running.append((process, stop_signal))
        return process


def write_state(directory: Path, report: Report) -> None:
    """Let `python -m devstack status` find the stack. Only the owner can read the file, because it has the password."""
    partial = directory / "state.partial"
    with os.fdopen(os.open(partial, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), "w") as file:
        json.dump(asdict(report), file)
    partial.rename(directory / "state.json")


def leave(_signal: int, _frame: FrameType | None) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise SystemExit(0)


def main() -> None:
    signal.signal(signal.SIGTERM, leave)
    plan = Plan(**json.loads(sys.argv[1]))
    supervisor = Supervisor(plan)
    ready = False
    try:
        with take_lock(supervisor.directory):
            try:
                report = supervisor.start()
                write_state(supervisor.directory, report)
                print(json.dumps(asdict(report)), flush=True)
                ready = True
                supervisor.watch()
            finally:
                supervisor.stop()
    except BrokenPipeError:  # whoever started it is gone, and both servers are stopped
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nothing is left to flush to
    except StackError as error:
        # Before the stack is ready, whoever started it reads the answer; after that, only the log is there to tell.
        print(str(error) if ready else json.dumps({"error": str(error)}), file=sys.stderr if ready else sys.stdout)
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
