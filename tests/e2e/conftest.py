"""One worker, one day: all scenarios share it, each with a tenant of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e import chance, permutations
from tests.e2e.day import Day, live
from tests.e2e.place import Place, place
from tests.language.corpus import read_all
from tests.stack import Servers

CHANCES = 150
SEED = 20


@pytest.fixture(scope="session")
def day_place(stack: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with place(stack, tmp_path_factory.mktemp("day")) as made:
        yield made


@pytest.fixture(scope="session")
def day(day_place: Place) -> Day:
    """Every scenario of the folder, lived once."""
    return live(day_place, read_all(), permutations.scenarios(), chance.scenarios(CHANCES, SEED))
