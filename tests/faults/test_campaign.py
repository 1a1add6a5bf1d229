"""Each quick fault once: nothing is lost, nothing counts twice, and the workers recover (docs/reliability.md)."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.place import Place
from tests.faults.campaign import arena, one_round
from tests.faults.catalogue import FAULTS
from tests.faults.servers import OwnServers

SEED = 20261127
PAGE = Path(__file__).parents[2] / "docs/reliability.md"
QUICK = {name for name, fault in FAULTS.items() if not fault.long}


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[OwnServers, Place]]:
    with arena(tmp_path_factory.mktemp("faults")) as made:
        yield made


def test_the_reliability_page_lists_every_fault_and_says_which_ci_causes() -> None:
    rows = (line.split("|")[1:3] for line in PAGE.read_text().splitlines() if line.startswith("| ") and "yes" in line)
    assert {name.strip() for name, _ in rows} == QUICK
    assert all(f"| {name} |" in PAGE.read_text() for name in FAULTS)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", [name for name in FAULTS if name in QUICK])
def test_nothing_is_lost_or_doubled(servers: tuple[OwnServers, Place], name: str) -> None:
    own, made = servers
    logged = made.log.stat().st_size
    done = asyncio.run(one_round(own, made, FAULTS[name], f"f{list(FAULTS).index(name)}", SEED))
    assert [*done.violations] == [], f"{[*done.violations]}\n{made.log.read_text()[logged:][-4000:]}"
