"""The messages between a stack and its supervisor: the plan and the report."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Plan:
    """The servers to run, and where. A `throwaway` directory is removed at the end, and its servers are stopped
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
    """The addresses of the servers of a running stack."""

    bootstrap_servers: str
    dsn: str
    supervisor_pid: int
    kafka_pid: int
    postgres_pid: int
