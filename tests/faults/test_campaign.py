"""Each quick fault once: nothing is lost, nothing counts twice, and the workers recover (docs/reliability.md)."""

import asyncio
import tempfile
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest

from tests.e2e.place import Place, place
from tests.faults import breaks, campaign
from tests.faults.breaks import BREAKS, MARK
from tests.faults.campaign import Round, arena, one_round
from tests.faults.catalogue import FAULTS
from tests.faults.fault import Fault
from tests.faults.invariants import Violations
from tests.faults.servers import OwnServers
from tests.faults.traffic import Traffic
from tests.stack import Servers

SEED = 20261127
PAGE = Path(__file__).parents[2] / "docs/reliability.md"


class Few(Traffic):
    """Enough for each kind of document to come."""

    groups = 15


QUICK = {name for name, fault in FAULTS.items() if not fault.long}


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[OwnServers, Place]]:
    with arena(tmp_path_factory.mktemp("faults")) as made:
        yield made


def test_the_reliability_page_lists_every_fault_and_says_which_ci_causes() -> None:
    rows = (line.split("|")[1:3] for line in PAGE.read_text().splitlines() if line.startswith("| ") and "yes" in line)
    assert {name.strip() for name, _ in rows} == QUICK
    assert all(f"| {name} |" in PAGE.read_text() for name in FAULTS)


def test_a_round_that_breaks_off_is_a_violation_and_the_others_go_on(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async def round_(_servers: object, _made: object, fault: Fault, *_: object) -> Round:
        if fault.name == "nothing happens":
            raise TimeoutError
        return Round(fault.name, Violations(), 0.1, 1.0)

    monkeypatch.setattr(campaign, "arena", lambda *_: nullcontext((None, None)))
    monkeypatch.setattr(campaign, "one_round", round_)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert campaign.main(["--rounds", "2", "--only", "nothing happens", "--only", "a worker is killed"]) == 1
    printed = capsys.readouterr().out
    assert printed.count("the round ended with TimeoutError()") == 2
    assert "| nothing happens | yes | 2 | 0 | 0 | 2 |" in printed
    assert "| a worker is killed | yes | 2 | 0 | 0 | 0 |" in printed
    assert {f"kept: {folder}" for folder in tmp_path.iterdir()} <= set(printed.splitlines())


@pytest.fixture(scope="module")
def broken(servers: tuple[OwnServers, Place], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A ledger and topics of their own: they are wrong afterwards."""
    own, good = servers
    stack = Servers("own", good.bootstrap, good.dsn.partition("?")[0], own.superuser_dsn)
    with place(stack, tmp_path_factory.mktemp("broken"), **campaign.SETTINGS) as made:
        yield made


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", BREAKS)
def test_a_broken_worker_is_noticed(
    servers: tuple[OwnServers, Place], broken: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(campaign, "ANSWERS_WITHIN_S", 10)
    settings = {MARK: str(tmp_path / "died")}
    fault = replace(FAULTS["nothing happens"], workers=1, traffic=Few, graceful=False, settings=settings)
    program, logged = (breaks.__name__, name), broken.log.stat().st_size
    done = asyncio.run(one_round(servers[0], broken, fault, f"b{[*BREAKS].index(name)}", SEED, program))
    seen = [line for line in done.violations if BREAKS[name].seen_as in line]
    assert seen, f"{[*done.violations]}\n{broken.log.read_text()[logged:][-4000:]}"


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", [name for name in FAULTS if name in QUICK])
def test_nothing_is_lost_or_doubled(servers: tuple[OwnServers, Place], name: str) -> None:
    own, made = servers
    logged = made.log.stat().st_size
    done = asyncio.run(one_round(own, made, FAULTS[name], f"f{list(FAULTS).index(name)}", SEED))
    assert [*done.violations] == [], f"{[*done.violations]}\n{made.log.read_text()[logged:][-4000:]}"
