"""What a supervisor is told, and what it answers."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Plan:
    """What to run and where. A `throwaway` directory is removed at the end, and its servers are stopped
    the fast way.
    """

    directory: str
    cache: str
    attached: bool
    throwaway: bool
    postgres: dict[str, str]
    kafka: dict[str, str]


@dataclass(frozen=True)
class Report:
    """Where the servers of a running stack are."""

    bootstrap_servers: str
    dsn: str
    supervisor_pid: int
    kafka_pid: int
    postgres_pid: int
