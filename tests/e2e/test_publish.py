"""`g3n worker publish`: a file on its topics, checked first, acknowledged, and answered where that is asked for."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.place import Place, place
from tests.e2e.process import running
from tests.ops.commands import Done, run
from tests.stack import Servers

AT = "2026-03-01T10:15:00+00:00"
VOID = '{"sale_id": "S"}'
SALE = {
    "store_id": "london-1",
    "currency": "GBP",
    "occurred_at": AT,
    "lines": [{"line_id": 1, "sku": "a", "net_minor": 500}],
}


@pytest.fixture(scope="module")
def shop(stack: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with place(stack, tmp_path_factory.mktemp("publish")) as made, running(made.environment, made.log):
        yield made


def publish(at: Place, content: str | bytes, *words: str) -> Done:
    stdin = content.encode() if isinstance(content, str) else content
    return run(at.environment, "worker", "publish", "-", *words, stdin=stdin)


def sale(sale_id: str, **members: object) -> dict[str, Any]:
    return {"sale_id": sale_id, **SALE, **members}


def event(type_: str, subject: str, data: object, **members: object) -> dict[str, Any]:
    return {
        "specversion": "1.0", "id": subject, "source": "/tests", "type": type_, "subject": subject, "orgcode": "acme",
        "data": data, **members,
    }  # fmt: skip


def test_data_and_events_in_every_form(shop: Place) -> None:
    as_data = ("--type", "scm.sale.completed", "--orgcode", "acme")
    customer = {"command_id": "p1", "customer_id": "C-1", "occurred_at": AT}
    for content, words, ids in [
        (json.dumps(sale("P1")), as_data, ["P1"]),
        ("\ufeff" + json.dumps(sale("P2"), indent=2), as_data, ["P2"]),
        (json.dumps([sale("P3"), sale("P4")], indent=1), as_data, ["P3", "P4"]),
        ("\r\n".join(json.dumps(sale(one)) for one in ("P5", "P6")) + "\r\n\r\n", as_data, ["P5", "P6"]),
        (json.dumps(event("crm.customer.create", "p1", customer)), (), ["p1"]),
        (json.dumps(event("scm.sale.completed", "P7", sale("P7"))), ("--orgcode", "acme"), ["P7"]),
    ]:
        done = publish(shop, content, *words, "--wait")
        outcomes = [json.loads(line) for line in done.out.splitlines()]
        assert done.code == 0, done.err
        assert sorted(one["subject"] for one in outcomes) == ids
        assert {one["data"]["status"] for one in outcomes} == {"applied"}
        assert done.err.count(": published, ") == len(ids)


def test_a_conflict_is_told(shop: Place) -> None:
    first = publish(shop, json.dumps(event("scm.sale.completed", "P8", sale("P8"))), "--wait")
    assert first.code == 0, first.err
    other = publish(shop, json.dumps(event("scm.sale.completed", "P8", sale("P8", currency="EUR"))), "--wait")
    assert (other.code, other.out) == (1, "")
    assert "scm.sale.completed P8: dead letter, conflict" in other.err


def test_a_thousand_lines_are_acknowledged(shop: Place) -> None:
    lines = "\n".join(json.dumps(event("scm.sale.completed", f"M{place}", sale(f"M{place}"))) for place in range(1500))
    done = publish(shop, lines, "--wait")
    assert done.code == 0, done.err[-500:]
    assert len(done.out.splitlines()) == 1500


def test_nobody_answers(stack: Servers, tmp_path: Path) -> None:
    with place(stack, tmp_path) as nobody_reads:
        done = publish(
            nobody_reads, json.dumps(event("scm.sale.completed", "P9", sale("P9"))), "--wait", "--timeout", "1"
        )
    assert (done.code, done.out) == (1, "")
    assert "no answer after 1 s: 1 of 1 documents; does a worker run?" in done.err


@pytest.mark.parametrize(
    ("content", "words", "said"),
    [
        ("", (), "there is no document in it"),
        ("{no json", (), "line 1: is not JSON: "),
        ("[1, 2", (), "is not JSON: "),
        ("17", (), "line 1: is not a JSON object"),
        (
            VOID,
            (),
            "line 1: has no specversion, so it is data: name its type, as --type scm.",
        ),
        (VOID, ("--type", "scm.sale.voided"), "line 1: data names no tenant: --orgcode, or G3N_ORGCODE"),
        (
            VOID,
            ("--type", "scm.sale.voided", "--orgcode", "acme"),
            "line 1: would be a dead letter: invalid: ",
        ),
        (VOID, ("--type", "scm.sale.vodied"), "Invalid value for --type: none of scm.sale.completed, "),
        (json.dumps(event("scm.sale.sold", "S", {})), (), "line 1: would be a dead letter: unknown_type"),
        (json.dumps(event("scm.sale.completed", "S", sale("T"))), (), "line 1: would be a dead letter: invalid: "),
        (
            json.dumps(event("scm.sale.completed", "S", sale("S"))) + "\n" + '{"specversion": "1.0"}',
            (),
            "line 2: would be a dead letter: ",
        ),
        (b"\xff\xfe{", (), "line 1: is not JSON: "),
    ],
)
def test_a_file_that_is_wrong_publishes_nothing(
    shop: Place, content: str | bytes, words: tuple[str, ...], said: str
) -> None:
    done = publish(shop, content, *words)
    assert (done.code, done.out) == (2, "")
    assert said in done.err
    assert ": published" not in done.err
    assert "Traceback" not in done.err


def test_no_broker(shop: Place) -> None:
    nowhere = {**shop.environment, "G3N_KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1"}
    content = json.dumps(event("scm.sale.completed", "S", sale("S")))
    done = run(nowhere, "worker", "publish", "-", stdin=content.encode())
    assert done.code == 1
    assert "127.0.0.1:1" in done.err
    assert "Traceback" not in done.err


def test_the_probe_is_answered_and_changes_nothing(shop: Place) -> None:
    done = run(shop.environment, "worker", "probe", "--once", "--orgcode", "probe", "--timeout", "120")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("answered within ")


def test_the_status_knows_the_worker(shop: Place) -> None:
    done = run(shop.environment, "worker", "status", "--json")
    said = json.loads(done.out)
    assert (said["workers"], said["lag"]) == (1, 0), said
    # The conflict and the dead letters of the tests before this one are for a person.
    assert done.code == {"well": 0, "look": 1, "act": 2}[said["verdict"]]
    assert {one["what"] for one in said["findings"]} <= {"dead letters: 1 conflict"}, said["findings"]
