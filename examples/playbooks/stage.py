"""Everything that a playbook needs: Kafka, Postgres, a worker, the API, and a shell with their settings."""

import os
import secrets
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import httpx
import tenacity

from devstack.supervisor import free_ports
from examples.online_retail import worker_process
from examples.online_retail.own_space import own_space
from examples.online_retail.servers import Servers
from examples.playbooks.shell import Shell

_ROOT = Path(__file__).parents[2]
_READY_S = 60


@asynccontextmanager
async def stage(servers: Servers) -> AsyncIterator[Shell]:
    """Yield a shell for one page, with its own database, topics, worker and API. Raises WorkerFailed.

    Logs and the page's files are removed at the end, unless something failed.
    """
    name = f"playbook-{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"
    (port,) = free_ports(1)
    settings = {
        "G3N_KAFKA_BOOTSTRAP_SERVERS": servers.bootstrap_servers,
        "G3N_POSTGRES_DSN": urlunsplit(urlsplit(servers.dsn)._replace(path=f"/{name}")),
        "G3N_TOPIC_PREFIX": f"{name}.",
        "G3N_CONSUMER_GROUP": name,
        "G3N_CARD_KEY": secrets.token_hex(32),
        "G3N_DEVELOPMENT": "true",
        "G3N_HTTP_PORT": "0",
        "G3N_API_PORT": str(port),
    }
    folder = Path(tempfile.mkdtemp(prefix="g3n-playbook-"))
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(own_space(servers, name, keep=False))
        await worker_process.run_to_the_end("setup", settings, folder / "setup.log")
        await stack.enter_async_context(worker_process.running(settings, folder / "worker.log"))
        await stack.enter_async_context(worker_process.running(settings, folder / "api.log", "api"))
        url = f"http://127.0.0.1:{port}"
        await _until_ready(f"{url}/readyz")
        desk = folder / "desk"
        desk.mkdir()
        yield stack.enter_context(Shell({**_bare(desk), **settings, "G3N_API_URL": url}, desk))
    shutil.rmtree(folder)


def _bare(desk: Path) -> dict[str, str]:
    """Return the reader's environment without settings. `g3n` and `python` are those of this checkout."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("G3N_")}
    path = f"{Path(sys.executable).parent}{os.pathsep}{kept.get('PATH', os.defpath)}"
    config = {"HOME": str(desk), "XDG_CONFIG_HOME": str(desk / ".config")}
    return {**kept, **config, "PATH": path, "PYTHONPATH": str(_ROOT), "TZ": "UTC", "COLUMNS": "120"}


@tenacity.retry(
    retry=tenacity.retry_if_exception_type(httpx.HTTPError),
    wait=tenacity.wait_fixed(0.1),
    stop=tenacity.stop_after_delay(_READY_S),
    reraise=True,
)
async def _until_ready(url: str) -> None:
    async with httpx.AsyncClient(timeout=_READY_S) as client:
        (await client.get(url)).raise_for_status()
