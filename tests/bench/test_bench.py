import asyncio
import dataclasses
import math
import sys
import time
from collections import Counter
from pathlib import Path
from random import Random

import pytest

from bench import __main__ as command
from bench import compiled, filling, latency, meter, openloop, operators, program, report, shop, stages, workload
from bench.arena import Arena, WrongResult
from bench.ground import Finding, Ground
from bench.growth import Window
from bench.load import Load
from bench.profiling import Read
from bench.program import ProgramFailed
from bench.runs import COPY, Result, Runs, Task
from devstack.plan import Report
from tests.kafka_io import Published, Reading
from tests.stack import Servers
from worker.codec import Decoder, Document, Message
from worker.codec.document import Record

CUSTOMERS = 2000
DOCUMENTS = 40
NOBODY = 0


@pytest.fixture(scope="module")
def servers(stack: Servers) -> Report:
    return Report(stack.bootstrap_servers, stack.dsn, NOBODY, NOBODY, NOBODY)


@pytest.fixture(scope="module")
def prepared(servers: Report, tmp_path_factory: pytest.TempPathFactory) -> Arena:
    arena = Arena(servers, tmp_path_factory.mktemp("bench"), limit_s=60)
    arena.prepare(CUSTOMERS)
    return arena


def outcomes(servers: Report, group: str) -> dict[str, dict[str, object]]:
    """By subject, without the time at which they were decided."""

    async def read() -> list[Published]:
        async with Reading(servers.bootstrap_servers, [f"w1.crm.outcomes-{group}"]) as reading:
            return await reading.take(DOCUMENTS)

    return {one.subject: {**one.envelope, "time": None} for one in asyncio.run(read())}


def test_worker_and_rival_say_the_same_and_duplicates_are_said_again(prepared: Arena, servers: Report) -> None:
    runs = Runs(prepared, DOCUMENTS, CUSTOMERS)
    worker = runs.measure("worker", Task("W1", "worker", "w1"))
    naive = runs.measure("naive", Task("W1", "naive", "w1"))
    rows = runs.measure("copy", Task("W1", COPY, "w1", after="worker"))
    again = runs.measure("again", Task("W1", "worker", "w1", after="worker"))
    assert outcomes(servers, "worker") == outcomes(servers, "naive") == outcomes(servers, "again")
    assert worker.wal_bytes_per_document > 0
    assert naive.wal_bytes_per_document > 0
    assert rows.table_bytes_per_document > 0
    assert again.table_bytes_per_document == 0
    with pytest.raises(WrongResult, match="0 dead letters of 41 documents"):
        prepared.check_published("w1", "worker", DOCUMENTS + 1)


def decoded(record: Record) -> Document:
    document = Decoder((b"k" * 32,), frozenset({shop.ORGCODE}), 1 << 20).decode(record, time.time_ns() // 1000)
    assert isinstance(document, Document)
    return document


def decoded_of(message: Message) -> Document:
    now_ms = time.time_ns() // 1_000_000
    return decoded(Read(message.topic, 0, 0, now_ms, message.key, message.value))


@pytest.mark.parametrize("ids", [shop.time_ordered, shop.at_random, shop.of_tills])
def test_sales_are_what_w1_says(ids: shop.Ids) -> None:
    sales = [decoded_of(message).model for message in workload.sales("", 100, CUSTOMERS, ids=ids)]
    assert len({sale.sale_id for sale in sales}) == 100
    for sale in sales:
        assert len(sale.lines) == 5
        assert [tender.kind for tender in sale.tenders] == ["card"]
        assert sum(line.net_minor for line in sale.lines) == sale.tenders[0].amount_minor


def test_ids_follow_time_or_do_not() -> None:
    rng = Random(1)
    ordered = [shop.time_ordered(rng, number) for number in range(100)]
    mixed = [shop.at_random(rng, number) for number in range(100)]
    assert ordered == sorted(ordered)
    assert mixed != sorted(mixed)
    assert {len(id_) for id_ in ordered + mixed} == {26}


@pytest.mark.parametrize("name", workload.STREAMS)
def test_no_document_of_a_stream_comes_twice(name: str) -> None:
    documents = [decoded_of(message) for message in workload.STREAMS[name]("", 500, CUSTOMERS)]
    assert len({(one.type, one.subject) for one in documents}) == 500


def test_two_of_five_are_returns_and_a_tenth_of_them_comes_before_its_sale() -> None:
    sold: set[str] = set()
    early = late = 0
    for one in map(decoded_of, workload.returns("", 5000, CUSTOMERS)):
        if one.type == "scm.sale.completed":
            sold.add(one.subject)
        elif one.model.sale_id in sold:
            late += 1
        else:
            early += 1
    assert early + late == 2000
    assert 190 <= early <= 200


def test_a_few_customers_buy_most_of_what_zipf_sells() -> None:
    bought = Counter(
        one.model.customer_id for one in map(decoded_of, workload.sales("", 2000, 1000, pick=workload.zipf))
    )
    first, second = bought[shop.customer(0)], bought[shop.customer(1)]
    assert 1.5 < first / second < 2.7
    assert bought.most_common(1)[0][0] == shop.customer(0)


def test_days_with_other_numbers_share_no_document() -> None:
    days = [list(workload.day("", 500, CUSTOMERS, first=first)) for first in (0, 10_000)]
    one, other = ({(of.type, of.subject) for of in map(decoded_of, messages)} for messages in days)
    assert not one & other


def test_both_ways_to_ask_are_measured(prepared: Arena, capsys: pytest.CaptureFixture[str]) -> None:
    latencies = latency.measure(prepared, requests=20)
    assert [(one.request, one.requests) for one in latencies] == [
        ("POST /tender/authorize", 20),
        ("scm.tender.requested on Kafka", 20),
    ]
    assert all(0 < one.p50_ms <= one.p99_ms for one in latencies)
    report.show_latencies(latencies)
    assert "POST /tender/authorize" in capsys.readouterr().out


async def test_a_trial_measures_what_tills_wait_while_copied_sales_are_audited(
    prepared: Arena, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(filling, "_DRAINED", 20)
    settings = await asyncio.to_thread(prepared.ledger, "bench_trial", "trial", "trial", G3N_ORGCODES="")
    findings = await operators.audit(Ground(prepared, "trial", settings, 60, CUSTOMERS, at_least_s=0))
    assert all(0 < one.value < math.inf for one in findings)
    report.show_findings({"audit": findings}, report.machine())
    assert "audit of 60 sales" in capsys.readouterr().out


def test_a_wait_counts_from_when_the_tender_was_due_and_as_long_as_it_is_not_answered() -> None:
    now = time.monotonic()
    waits = openloop.Waits({"a": now - 9, "b": now - 5, "c": now - 1}, {"a": 0.5, "c": 0.1})
    assert waits.unanswered == 1
    assert [round(waits.quantile_s(part), 1) for part in (0, 0.5, 1)] == [0.1, 0.5, 5.0]


def test_a_number_beyond_its_bound_is_too_much(capsys: pytest.CaptureFixture[str]) -> None:
    assert Finding("p99", 250, 250).holds
    assert not Finding("p99", 251, 250).holds
    report.show_findings({"flood": [Finding("p99", 1234, 250, note="why")]}, report.machine())
    report.show_growth([Window(100, 80, 20, 500), Window(1000, 100, 30, 500)], report.machine())
    report.show_loads([Load(0.5, 5000, 100, 10, 49, 80, 50)])
    said = capsys.readouterr().out
    assert all(one in said for one in ("1,234 ms", "too much", "why", "1.30", "50%"))


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
