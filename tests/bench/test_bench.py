import asyncio
import dataclasses
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from random import Random

import pytest

from bench import __main__ as command
from bench import compiled, meter, program, report, stages, workload
from bench.program import ProgramFailed
from bench.runs import Bench, Result, Task, WrongResult
from devstack.plan import Report
from tests.kafka_io import Published, Reading
from tests.stack import Servers
from worker.codec import Decoder, Document
from worker.codec.document import Record

CUSTOMERS = 2000
DOCUMENTS = 40
NOBODY = 0


@pytest.fixture(scope="module")
def servers(stack: Servers) -> Report:
    return Report(stack.bootstrap_servers, stack.dsn, NOBODY, NOBODY, NOBODY)


@pytest.fixture(scope="module")
def prepared(servers: Report, tmp_path_factory: pytest.TempPathFactory) -> Bench:
    bench = Bench(servers, tmp_path_factory.mktemp("bench"), limit_s=60)
    bench.prepare(CUSTOMERS)
    bench.publish_sales("w1", DOCUMENTS, CUSTOMERS, workload.time_ordered)
    return bench


def task(name: str, *, database: str = "", documents: int = DOCUMENTS) -> Task:
    who = "naive" if name == "naive" else "worker"
    return Task(name, who, 1, documents, database or f"bench_{name}", "w1", name)


def outcomes(servers: Report, group: str) -> dict[str, dict[str, object]]:
    """By subject, without the time at which they were decided."""

    async def read() -> list[Published]:
        async with Reading(servers.bootstrap_servers, [f"w1.crm.outcomes-{group}"]) as reading:
            return await reading.take(DOCUMENTS)

    return {one.subject: {**one.envelope, "time": None} for one in asyncio.run(read())}


def test_worker_and_rival_say_the_same_and_duplicates_are_said_again(prepared: Bench, servers: Report) -> None:
    worker = prepared.measure(task("worker"))
    naive = prepared.measure(task("naive"))
    again = prepared.measure(task("again", database="bench_worker"))
    assert outcomes(servers, "worker") == outcomes(servers, "naive") == outcomes(servers, "again")
    assert worker.wal_bytes_per_document > 0
    assert naive.wal_bytes_per_document > 0
    assert again.table_bytes_per_document == 0
    with pytest.raises(WrongResult, match="0 dead letters of 41 documents"):
        prepared.measure(task("worker", documents=DOCUMENTS + 1))


@dataclasses.dataclass
class Read:
    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]]


def decoded(record: Record) -> Document:
    document = Decoder((b"k" * 32,), frozenset({workload.ORGCODE}), 1 << 20).decode(record, time.time_ns() // 1000)
    assert isinstance(document, Document)
    return document


@pytest.mark.parametrize("ids", [workload.time_ordered, workload.at_random, workload.of_tills])
def test_sales_are_what_w1_says(ids: workload.Ids) -> None:
    now_ms = time.time_ns() // 1_000_000
    messages = list(workload.sales("scm.sales", 100, CUSTOMERS, ids))
    sales = [decoded(Read("scm.sales", 0, 0, now_ms, m.key, m.value, [])).model for m in messages]
    assert len({sale.sale_id for sale in sales}) == 100
    for sale in sales:
        assert len(sale.lines) == 5
        assert [tender.kind for tender in sale.tenders] == ["card"]
        assert sum(line.net_minor for line in sale.lines) == sale.tenders[0].amount_minor


def test_ids_follow_time_or_do_not() -> None:
    rng = Random(1)
    ordered = [workload.time_ordered(rng, number) for number in range(100)]
    mixed = [workload.at_random(rng, number) for number in range(100)]
    assert ordered == sorted(ordered)
    assert mixed != sorted(mixed)
    assert {len(id_) for id_ in ordered + mixed} == {26}


def test_both_ways_to_ask_are_measured(prepared: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    latencies = prepared.latency(requests=20)
    assert [(one.request, one.requests) for one in latencies] == [
        ("POST /tender/authorize", 20),
        ("scm.tender.requested on Kafka", 20),
    ]
    assert all(0 < one.p50_ms <= one.p99_ms for one in latencies)
    report.show_latencies(latencies)
    assert "POST /tender/authorize" in capsys.readouterr().out


def test_a_program_that_fails_shows_the_end_of_its_log(tmp_path: Path) -> None:
    with pytest.raises(ProgramFailed, match=r"json\.tool .* left with (1|2); (.|\n)*nowhere"):
        program.run(["json.tool", "/nowhere/at/all"], {}, tmp_path / "log", 30)


def test_a_program_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    with pytest.raises(ProgramFailed, match="took too long"):
        program.run(["http.server", "0", "--bind", "127.0.0.1"], {}, tmp_path / "log", 0)


def test_cpu_counts_a_process_and_is_unknown_where_there_is_none() -> None:
    began_s = meter.cpu_s(1)
    assert began_s is None or began_s >= 0
    assert meter.cpu_s(NOBODY) is None


def test_the_table_tells_the_ratios_to_the_rivals(capsys: pytest.CaptureFixture[str]) -> None:
    naive = Result("W1", "naive", 1, 1000, 1.5, 1.0, 1000.0, 900.0, None, None, 800.0, 400.0)
    tuned = dataclasses.replace(naive, program="faststream", documents_per_s=5000.0)
    report.show(
        [dataclasses.replace(naive, program="worker", documents_per_s=12_500.0), naive, tuned], report.machine()
    )
    [line] = [line for line in capsys.readouterr().out.splitlines() if "12,500" in line]
    assert "2.50" in line
    assert "12.50" in line


def test_stages_tell_what_each_costs_and_their_sum(capsys: pytest.CaptureFixture[str]) -> None:
    stages.stages(documents=6, customers=10, size=4, passes=2)
    rows = {name: float(us) for name, us in map(str.split, capsys.readouterr().out.splitlines())}
    assert rows["sum"] == pytest.approx(sum(rows[stage] for stage in stages.STAGES), abs=0.03)
    assert all(rows[part] >= 0 for parts in stages.STAGES.values() for part in parts)


@pytest.mark.parametrize("asked", [["--only", "compiled"], ["stages", "--build", "compiled"]])
def test_a_compiled_build_that_is_not_there_is_not_measured(
    asked: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(compiled, "FOLDER", tmp_path)
    monkeypatch.setattr(sys, "argv", ["bench", *asked])
    with pytest.raises(SystemExit):
        command.main()
    assert "run make build/compiled" in capsys.readouterr().err


def test_a_compiled_build_comes_before_the_checkout(tmp_path: Path) -> None:
    package = tmp_path / "worker"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "__main__.py").write_text("print('of the build')")
    program.run(["worker"], compiled.ENVIRONMENT | {"PYTHONPATH": str(tmp_path)}, tmp_path / "log", 30)
    assert (tmp_path / "log").read_text() == "of the build\n"
