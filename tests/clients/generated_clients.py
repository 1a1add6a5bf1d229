"""Clients that the usual generators make of schemas/openapi.json: each calls every route of a real API."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pytest

import schemas
from schemas.operations import OPERATIONS, Operation
from schemas.scopes import Scope
from tests.api.test_every_route import WORLD, request
from tests.api.test_process import listening, start
from tests.kafka.processes import Start
from worker.ledger import api_keys
from worker.ledger.queries import Connection

__all__ = ["start"]

ROOT: Final = Path(__file__).parents[2]
TOOLS: Final = ROOT / "tools" / "clients"
OPENAPI: Final = Path(schemas.__file__).parent / "openapi.json"
GENERATOR: Final = "7.17.0"
JAR: Final = Path.home() / ".m2/repository/org/openapitools/openapi-generator-cli" / GENERATOR
NPM: Final = TOOLS / "node_modules" / ".bin"
Calls = list[dict[str, Any]]
Client = Callable[[Path, dict[str, Any]], Calls]

# These end what others are about.
_LAST: Final = (
    "return.void",
    "sale.void",
    "pool.leave",
    "giftcard.transfer",
    "giftcard.replace",
    "giftcard.reverse",
    "customer.merge",
    "customer.update",
    "customer.erase",
    "session.revoke",
)


def calls() -> Calls:
    """Every operation with its example, in an order in which each finds what it is about."""
    steps = [(OPERATIONS[name], body, key) for name, body, key in WORLD]
    ordered = sorted(OPERATIONS.values(), key=lambda one: _LAST.index(one.name) if one.name in _LAST else -1)
    steps += [(one, request(one), f"K-{one.tool}") for one in ordered]
    return [_call(*step) for step in steps]


def _call(operation: Operation, body: Mapping[str, Any], key: str) -> dict[str, Any]:
    first, *words = operation.tool.split("_")
    return {
        "operation": operation.tool,
        "method": first + "".join(word.capitalize() for word in words),
        "route": operation.route,
        "group": operation.name.partition(".")[0],
        "model": operation.request.__name__,
        "body": body,
        "id": key if operation.document is not None else None,
    }


def run(*arguments: str | Path, stdin: str = "", **variables: str) -> str:
    """Return the output of the program. It must succeed."""
    program = shutil.which(arguments[0]) or arguments[0]
    ran = subprocess.run(
        [program, *arguments[1:]], input=stdin, env={**os.environ, **variables}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout[-4000:] + ran.stderr[-4000:]
    return ran.stdout


def openapi_python_client(folder: Path, asked: dict[str, Any]) -> Calls:
    own = _venv(folder, "openapi-python-client==0.29.1", "ruff")
    program = own.parent / "openapi-python-client"
    path = f"{own.parent}:{os.environ['PATH']}"
    said = run(program, "generate", "--path", OPENAPI, "--meta", "none", "--fail-on-warning", "--output-path",
               folder / "crm_client", PATH=path)  # fmt: skip
    assert "warning" not in said.lower(), said
    return _told(own, TOOLS / "openapi_python_client.py", folder, stdin=json.dumps(asked))


def openapi_generator_python(folder: Path, asked: dict[str, Any]) -> Calls:
    _generate(folder, "python")
    own = _venv(folder, "-r", str(folder / "requirements.txt"))
    return _told(own, TOOLS / "openapi_generator_python.py", folder, stdin=json.dumps(asked))


def openapi_generator_java(folder: Path, asked: dict[str, Any]) -> Calls:
    _generate(folder, "java", "--library", "native", "--additional-properties=hideGenerationTimestamp=true")
    shutil.copy(TOOLS / "Calls.java", folder / "src" / "main" / "java")
    maven = ("mvn", "-q", "-f", folder / "pom.xml", "-Dmaven.test.skip", "-Dmaven.javadoc.skip", "-Dmaven.source.skip")
    run(*maven, "compile", "dependency:build-classpath", f"-Dmdep.outputFile={folder / 'classpath'}")
    classes = f"{folder / 'target' / 'classes'}:{(folder / 'classpath').read_text()}"
    return _told("java", "-cp", classes, "Calls", stdin=json.dumps(asked))


def openapi_typescript(folder: Path, asked: dict[str, Any]) -> Calls:
    """The bodies stand in the program, so that the compiler holds them against the types."""
    run(NPM / "openapi-typescript", OPENAPI, "-o", folder / "api.d.ts")
    (folder / "calls.ts").write_text(_typescript(asked))
    (folder / "package.json").write_text('{"type": "module"}')
    (folder / "node_modules").symlink_to(TOOLS / "node_modules")
    run(NPM / "tsc", "--strict", "--target", "es2022", "--module", "nodenext", "--lib", "es2022,dom", "--skipLibCheck",
        folder / "calls.ts")  # fmt: skip
    return _told("node", folder / "calls.js", stdin="")


def _typescript(asked: dict[str, Any]) -> str:
    head = (
        'import createClient from "openapi-fetch";\nimport type { paths } from "./api.js";\n'
        f"const key = {json.dumps(asked['key'])};\n"
        f"const url = {json.dumps(asked['url'])};\n"
        "const client = createClient<paths>({ baseUrl: url, headers: { 'X-Api-Key': key } });\n"
        "const told: { status: number; body: unknown }[] = [];\n"
    )
    lines = []
    for call in asked["calls"]:
        header = {"X-Orgcode": asked["orgcode"]} | ({} if call["id"] is None else {"Idempotency-Key": call["id"]})
        lines.append(
            f"{{\n  const {{ data, error, response }} = await client.POST({json.dumps(call['route'])}, {{\n"
            f"    params: {{ header: {json.dumps(header)} }},\n    body: {json.dumps(call['body'])},\n  }});\n"
            "  told.push({ status: response.status, body: data ?? error });\n}\n"
        )
    return head + "".join(lines) + "console.log(JSON.stringify(told));\n"


def _generate(folder: Path, language: str, *options: str) -> None:
    if not JAR.is_dir():
        artifact = f"org.openapitools:openapi-generator-cli:{GENERATOR}"
        run("mvn", "-q", "dependency:get", f"-Dartifact={artifact}", "-Dtransitive=false")
    jar = JAR / f"openapi-generator-cli-{GENERATOR}.jar"
    run("java", "-jar", jar, "generate", "-i", OPENAPI, "-g", language, "-o", folder, *options)


def _venv(folder: Path, *packages: str) -> Path:
    """A Python of its own with these packages."""
    run(sys.executable, "-m", "venv", folder / "venv")
    own = folder / "venv" / "bin" / "python"
    run(own, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *packages)
    return own


def _told(*arguments: str | Path, stdin: str) -> Calls:
    answers: Calls = json.loads(run(*arguments, stdin=stdin))
    return answers


def _refused(asked: Calls, answers: Calls) -> Iterator[str]:
    for call, answer in zip(asked, answers, strict=True):
        if answer["status"] != 200:
            said = answer["body"]
            yield f"{call['operation']}: {answer['status']} {said.get('reason')} {said.get('detail')}"


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "client", [openapi_python_client, openapi_generator_python, openapi_generator_java, openapi_typescript]
)
async def test_a_generated_client_calls_every_route(
    client: Client, start: Start, connection: Connection, tmp_path: Path
) -> None:
    _, secret = await api_keys.create(connection, "acme", "all", tuple(scope.value for scope in Scope))
    _, url = await listening(start)
    asked = calls()
    answers = client(tmp_path, {"url": url, "orgcode": "acme", "key": secret, "calls": asked})
    assert list(_refused(asked, answers)) == []
    assert all(answer["body"] for answer in answers)
