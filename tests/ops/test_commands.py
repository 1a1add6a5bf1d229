"""`g3n worker explain` and `simulate`, as a clerk runs them."""

import json
from pathlib import Path

import pytest

from tests.conftest import CARD_KEY
from tests.kafka_io import ORGCODE
from tests.ops.commands import g3n
from tests.ops.conftest import Desk


@pytest.fixture
def settings(database: str, bootstrap: str) -> dict[str, str]:
    return {"G3N_KAFKA_BOOTSTRAP_SERVERS": bootstrap, "G3N_POSTGRES_DSN": database, "G3N_CARD_KEY": CARD_KEY}


async def test_explain(desk: Desk, settings: dict[str, str]) -> None:
    await desk.apply("customer C")
    await desk.apply("sale S1 C 1:1099")
    told = await g3n(settings, "worker", "explain", "scm.sale.completed", "S1", "--orgcode", ORGCODE)
    assert (told.code, told.err) == (0, "")
    assert told.out.startswith("scm.sale.completed S1 of acme: decided\n")
    as_json = await g3n({**settings, "G3N_ORGCODE": ORGCODE}, "explain", "scm.sale.completed", "S1", "--json")
    assert as_json.code == 0
    assert json.loads(as_json.out)["earning"]["exact"] == "10.99"


async def test_documents_that_cannot_be_explained(settings: dict[str, str]) -> None:
    unknown = await g3n(settings, "explain", "scm.sale.completed", "S1", "--orgcode", ORGCODE)
    assert (unknown.code, unknown.out) == (1, "")
    assert unknown.err == "g3n: acme has no scm.sale.completed S1: it was not read yet, or is a dead letter\n"
    misspelt = await g3n(settings, "explain", "scm.sale.complete", "S1", "--orgcode", ORGCODE)
    assert misspelt.code == 2
    assert "scm.sale.complete is none of scm.sale.completed, " in misspelt.err
    nowhere = await g3n({}, "explain", "scm.sale.completed", "S1", "--orgcode", ORGCODE)
    assert nowhere.code == 2
    assert "G3N_POSTGRES_DSN is missing" in nowhere.err


async def test_simulate(desk: Desk, settings: dict[str, str], tmp_path: Path) -> None:
    await desk.apply("customer C")
    event = desk.record("sale S1 C 1:1099").value or b""
    file = tmp_path / "sale.json"
    file.write_bytes(event)
    told = await g3n(settings, "worker", "simulate", str(file))
    assert (told.code, told.err) == (0, "")
    silent = json.loads(event)
    silent.pop("orgcode")
    same = await g3n(settings, "simulate", "-", "--orgcode", ORGCODE, stdin=json.dumps(silent).encode())
    assert same == told
    (applied,) = await desk.apply("sale S1 C 1:1099")
    assert json.loads(told.out) == applied["data"]
    known = await g3n(settings, "simulate", "-", stdin=event)
    assert (known.code, known.out) == (0, told.out)
    assert known.err == "g3n: the document is known, this is its stored outcome\n"
    other = await g3n(settings, "simulate", "-", stdin=event.replace(b"1099", b"1098"))
    assert (other.code, other.out) == (1, "")
    assert other.err == (
        "g3n: this would be a dead letter: conflict: scm.sale.completed S1 is known with other content\n"
    )


@pytest.mark.parametrize(
    ("event", "options", "why"),
    [
        (
            b"{",
            (),
            "not_json: data: JSON in UTF-8 (line 1, column 2: Expecting property name enclosed in double quotes)",
        ),
        (
            b"{}",
            ("--orgcode", ORGCODE),
            "not_cloudevent: specversion is missing, in the value or as a header ce_specversion",
        ),
        (
            b'{"specversion":"1.0","id":"1","source":"/","type":"scm.sale.voided","subject":"S","data":{"sale_id":"S"}}',
            ("--orgcode", ORGCODE),
            "invalid: occurred_at is missing",
        ),
        (b'{"orgcode":"other"}', ("--orgcode", ORGCODE), "orgcode: the event names another tenant"),
    ],
)
async def test_documents_that_cannot_be_simulated(
    settings: dict[str, str], event: bytes, options: tuple[str, ...], why: str
) -> None:
    told = await g3n(settings, "simulate", "-", *options, stdin=event)
    assert (told.code, told.out) == (1, "")
    assert told.err == f"g3n: this would be a dead letter: {why}\n"


async def test_a_file_that_is_not_there(settings: dict[str, str]) -> None:
    told = await g3n(settings, "simulate", "nowhere.json")
    assert told.code == 2
    assert "nowhere.json" in told.err
