"""Kafka, HTTP, the command line and MCP give the same rows and the same answer for every operation."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import asyncpg
from mcp import Client as Agent
from mcp import StdioServerParameters

from devstack.supervisor import free_ports
from schemas.operations import OPERATIONS
from schemas.scopes import Scope
from tests.api.conftest import rows
from tests.api.test_topics import LEFT, STEPS
from tests.conftest import NewDatabase
from tests.e2e import process
from tests.kafka_io import ORGCODE, Published, Reading, document, publish
from tests.language.play import outcome_type
from tests.terminal.shell import invoke, pins
from worker.client.client import Client
from worker.client.connection import Connection
from worker.client.failure import ApiError
from worker.kafka.topics import Topics
from worker.mcp.tools import DOCUMENT, IDENTITY, takes_identity
from worker.terminal.commands import words_of

Data = Mapping[str, Any]


def without_deadlines(data: Data) -> Data:
    """The end of a hold depends on when it was requested."""
    tender = data.get("tender", {})
    return {**data, "tender": {name: value for name, value in tender.items() if name != "expires_at"}}


async def by_kafka(bootstrap: str, topics: Topics) -> list[Data]:
    """One after the other, as a person would ask the other interfaces."""
    answers = []
    async with Reading(bootstrap, [topics.outcomes, topics.tender_outcomes]) as outcomes:
        for name, body, key in STEPS:
            operation = OPERATIONS[name]
            assert operation.document is not None
            assert operation.id_field is not None
            data = {**body, operation.id_field: key, "occurred_at": datetime.now(UTC).isoformat()}
            await publish(bootstrap, [document(topics.inputs[3], operation.document, key, data)])
            mine = partial(_outcomes_of, operation.document, key)
            known = len(mine(outcomes.seen))
            await outcomes.until(lambda seen, mine=mine, known=known: len(mine(seen)) > known)  # type: ignore[misc]
            answers.append(without_deadlines(mine(outcomes.seen)[-1].data))
    return answers


def _outcomes_of(kind: str, subject: str, seen: list[Published]) -> list[Published]:
    """Notices of the same document come beside its outcome."""
    return [one for one in seen if (one.type, one.subject) == (outcome_type(kind), subject)]


async def by_http(connection: Connection) -> list[Data]:
    answers = []
    async with Client(connection) as client:
        for name, body, key in STEPS:
            try:
                data = (await client.call(OPERATIONS[name], body, idempotency_key=key)).json()
            except ApiError as error:
                data = dict(error.outcome or {"refused": str(error)})
            answers.append(without_deadlines(data))
    return answers


def known(connection: Connection) -> dict[str, str]:
    """The variables with the URL of the API and the key."""
    return {
        "G3N_API_URL": connection.url,
        "G3N_ORGCODE": connection.orgcode,
        "G3N_API_KEY": connection.api_key,
    }


async def by_mcp(connection: Connection) -> list[Data]:
    answers = []
    program = StdioServerParameters(
        command=sys.executable, args=["-m", "worker", "mcp", "--allow-writes"], env=known(connection)
    )
    async with Agent(program) as agent:
        for name, body, key in STEPS:
            operation = OPERATIONS[name]
            own = {IDENTITY: key} if takes_identity(operation) else {}
            said = dict((await agent.call_tool(operation.tool, {**body, **own})).structured_content)
            document = said.pop(DOCUMENT)
            assert (document["type"], document["id"]) == (operation.document, key)
            answers.append(without_deadlines(said.get("outcome", said)))
    return answers


def by_command_line(connection: Connection, folder: Path) -> list[Data]:
    answers = []
    for name, body, key in STEPS:
        files = {f"{member}.json": folder / f"{name}-{member}.json" for member in body}
        for member, file in zip(body, files.values(), strict=True):
            file.write_text(json.dumps(body[member]))
        words = [str(files.get(word, word)) for word in words_of(OPERATIONS[name], body)]
        done = invoke(["crm", *words, "--json", "--idempotency-key", key], known(connection), pins(body))
        said = json.loads(done.out)
        assert (done.code == 0) is ("outcome" not in said), done
        answers.append(without_deadlines(said.get("outcome", said)))
    return answers


@asynccontextmanager
async def an_api(environment: Mapping[str, str], database: str, log: Path) -> AsyncIterator[Connection]:
    """`g3n api` on this database, and a key with every scope, from `g3n worker keys create`."""
    [port] = free_ports(1)
    settings = {**os.environ, **environment, "G3N_POSTGRES_DSN": database, "G3N_API_PORT": str(port)}
    scopes = [word for scope in Scope for word in ("--scope", scope.value)]
    made = await asyncio.create_subprocess_exec(
        *process.command("keys", "create", "--orgcode", ORGCODE, "--name", "test", *scopes),
        env=settings, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    secret = (await made.communicate())[0].decode().strip()
    with log.open("wb") as stderr:
        api = await asyncio.create_subprocess_exec(sys.executable, "-m", "worker", "api", env=settings, stderr=stderr)
    try:
        connection = Connection(f"http://127.0.0.1:{port}", ORGCODE, secret)
        async with Client(connection) as client:  # patient until it listens
            await client.call(OPERATIONS["customer.list"], {})
        yield connection
    finally:
        api.terminate()
        assert await api.wait() == 0, f"see {log}"


async def left(database: str) -> list[list[dict[str, Any]]]:
    opened = await asyncpg.connect(database)
    try:
        return [await rows(opened, statement) for statement in LEFT]
    finally:
        await opened.close()


async def test_the_same_operations_by_all_interfaces(
    bootstrap: str,
    topics: Topics,
    environment: dict[str, str],
    database: str,
    new_database: NewDatabase,
    tmp_path: Path,
) -> None:
    with process.running(environment, tmp_path / "worker.log"):
        told = await by_kafka(bootstrap, topics)
    assert [data["status"] for data in told].count("rejected") == 1
    behind_http, behind_crm, behind_mcp = [await new_database() for _ in range(3)]
    async with an_api(environment, behind_http, tmp_path / "http.log") as connection:
        assert await by_http(connection) == told
    async with an_api(environment, behind_crm, tmp_path / "crm.log") as connection:
        assert await asyncio.to_thread(by_command_line, connection, tmp_path) == told
    async with an_api(environment, behind_mcp, tmp_path / "mcp.log") as connection:
        assert await by_mcp(connection) == told
    expected = await left(database)
    assert len(expected[0]) == len({(name, key) for name, _, key in STEPS})
    assert await left(behind_http) == expected
    assert await left(behind_crm) == expected
    assert await left(behind_mcp) == expected
