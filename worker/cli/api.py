"""`g3n api`: the HTTP API."""

from worker.cli import running
from worker.process import settings
from worker.terminal.deferred import alone


def api() -> None:
    """Answer the HTTP API until SIGTERM; then finish the requests in progress and exit with status 0. Needs Postgres,
    not Kafka.
    """

    async def action(chosen: settings.Settings) -> int:
        from worker.app import api

        return await api.serve_api(chosen)

    running.run(action, "api", kafka=False)


app = alone(api, epilog=running.EPILOG)
