"""The tills of the integrator's guide do what they say, against a running worker."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from devstack import kafka
from devstack.stack import HOME
from tests.e2e.place import Place, place
from tests.e2e.process import running
from tests.kafka_io import Published, Reading, document, publish
from tests.stack import Servers

TILL = Path(__file__).parents[2] / "examples" / "till"
ORG = "acme"
CARD = "6006490000000017"
LOAD = 2000
AT = "2026-03-01T10:15:00+00:00"


@pytest.fixture(scope="module")
def shop(stack: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with place(stack, tmp_path_factory.mktemp("till")) as made, running(made.environment, made.log):
        yield made


def programs() -> dict[str, list[str]]:
    libraries = kafka.jars(HOME / "cache")
    return {
        "python": [sys.executable, str(TILL / "till.py")],
        "java": [kafka.java(), "-cp", f"{libraries}/*", str(TILL / "Till.java")],
    }


def till(
    shop: Place, language: str, card: str, amount_minor: int, patience_s: int = 30
) -> subprocess.CompletedProcess[str]:
    environment = {"KAFKA": shop.bootstrap, "TOPIC_PREFIX": shop.prefix, "ORGCODE": ORG, "PATIENCE_S": str(patience_s)}
    return subprocess.run(
        [*programs()[language], card, str(amount_minor)],
        env={**os.environ, **environment}, capture_output=True, text=True, check=False,
    )  # fmt: skip


async def of_subject(outcomes: Reading, subject: str) -> Published:
    """The outcome of one document; those of the other tills are in the topic, too."""
    seen = await outcomes.until(lambda seen: any(one.subject == subject for one in seen))
    return next(one for one in seen if one.subject == subject)


@pytest.mark.parametrize("language", ["python", "java"])
async def test_a_card_pays_until_it_is_empty(shop: Place, language: str) -> None:
    number = f"{CARD}-{language}"
    card = {
        "command_id": f"issue-{language}", "occurred_at": AT, "gift_card": {"number": number}, "amount_minor": LOAD,
        "currency": "GBP",
    }  # fmt: skip
    async with Reading(shop.bootstrap, [shop.prefix + "crm.outcomes"]) as outcomes:
        await publish(shop.bootstrap, [document(shop.inputs[3], "crm.giftcard.issue", f"issue-{language}", card)])
        await of_subject(outcomes, f"issue-{language}")
        paid = till(shop, language, number, 1250)
        assert (paid.returncode, paid.stdout.splitlines()[0]) == (0, "approved  approved: 1250"), paid.stderr
        published = re.search(r"^sale (\S+) published: the card pays 1250$", paid.stdout, re.MULTILINE)
        assert published is not None
        sale = await of_subject(outcomes, published[1])
        assert sale.data["tenders"][0]["state"] == "captured"
    refused = till(shop, language, number, 1000)
    assert (refused.returncode, refused.stdout) == (1, "declined insufficient_balance approved: 0\n"), refused.stderr
    unknown = till(shop, language, "6006490000009999", 1)
    assert (unknown.returncode, unknown.stdout) == (1, "declined card_not_accepted approved: 0\n"), unknown.stderr


@pytest.mark.parametrize("language", ["python", "java"])
def test_without_an_answer_the_request_is_undone(stack: Servers, tmp_path: Path, language: str) -> None:
    with place(stack, tmp_path) as nobody_reads:
        asked = till(nobody_reads, language, CARD, 1, patience_s=1)
        assert (asked.returncode, asked.stdout) == (2, "no answer: take another means of payment\n"), asked.stderr
        assert nobody_reads.drain() == 0
