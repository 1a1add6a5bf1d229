"""Each fault once: nothing is lost, nothing counts twice, and the workers recover (docs/reliability.md)."""

import asyncio
from collections.abc import Iterator

import pytest

from tests.e2e.place import Place
from tests.faults.campaign import arena, one_round
from tests.faults.catalogue import FAULTS
from tests.faults.servers import OwnServers

SEED = 20261127


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[OwnServers, Place]]:
    with arena(tmp_path_factory.mktemp("faults")) as made:
        yield made


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", FAULTS)
def test_nothing_is_lost_or_doubled(servers: tuple[OwnServers, Place], name: str) -> None:
    own, made = servers
    logged = made.log.stat().st_size
    done = asyncio.run(one_round(own, made, FAULTS[name], f"f{list(FAULTS).index(name)}", SEED))
    assert done.violations == [], f"{done.violations}\n{made.log.read_text()[logged:][-4000:]}"
