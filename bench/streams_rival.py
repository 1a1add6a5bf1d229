"""Start the rival in Kafka Streams (`bench/streams/Rival.java`), with libraries that Maven fetches the first time."""

import argparse
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from worker.kafka import topics
from worker.process import settings

SOURCE: Final = Path(__file__).parent / "streams"
LIBRARIES: Final = Path(__file__).parents[1] / "build/streams"


def can_run() -> bool:
    """Return whether Java and Maven are installed."""
    return all(shutil.which(name) for name in ("javac", "mvn"))


def fetch() -> None:
    """Fetch the libraries. Raises CalledProcessError if Maven can't reach its repository."""
    if not LIBRARIES.is_dir():
        goal = ["dependency:copy-dependencies", f"-DoutputDirectory={LIBRARIES}"]
        subprocess.run(["mvn", "-q", "-B", "-f", SOURCE / "pom.xml", *goal], check=True)  # noqa: S607  that of the path


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.streams_rival", description="Settings are the worker's.")
    parser.add_argument("documents")
    parser.add_argument("--processes", default="1", help="threads, in one process")
    options = parser.parse_args()
    fetch()
    chosen = settings.load()
    names = topics.from_settings(chosen)
    arguments = [names.inputs[0], names.outcomes, chosen.consumer_group, options.processes, options.documents]
    command = ["java", "-cp", f"{LIBRARIES}/*", SOURCE / "Rival.java", chosen.kafka_bootstrap_servers, *arguments]
    return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
