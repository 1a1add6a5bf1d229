"""The tills of the integrator's guide do what they say, against a running worker."""

import asyncio
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from devstack import kafka
from tests.e2e.day import read
from tests.e2e.place import Place, place
from tests.e2e.process import running
from tests.kafka_io import Published, Reading, document, publish
from tests.stack import Servers

TILL = Path(__file__).parents[2] / "examples" / "till"
ORG = "acme"
CARD = "6006490000000017"
LOAD = 2000
AT = "2026-03-01T10:15:00+00:00"
Programs = dict[str, list[str]]


@pytest.fixture(scope="module")
def shop(stack: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with place(stack, tmp_path_factory.mktemp("till")) as made, running(made.environment, made.log):
        yield made


# Node.js is what CI has to have, and no newcomer: as for AsyncAPI's parser.
LANGUAGES = ["python", "java", *(["javascript"] if shutil.which("npm") or "CI" in os.environ else [])]


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """The tills as their own manifests install them."""
    folder = tmp_path_factory.mktemp("installed") / "till"
    shutil.copytree(TILL, folder, ignore=shutil.ignore_patterns("node_modules", "target"))
    install(folder, "mvn", "--batch-mode", "--quiet", "dependency:copy-dependencies")
    if "javascript" in LANGUAGES:
        install(folder, "npm", "ci", "--silent", "--no-audit", "--no-fund")
    return {
        "python": [sys.executable, str(folder / "till.py")],
        "java": [kafka.java(), "-cp", f"{folder}/target/dependency/*", str(folder / "Till.java")],
        "javascript": ["node", str(folder / "till.mjs")],
    }


def install(folder: Path, *command: str) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def till(
    shop: Place, program: list[str], card: str, amount_minor: int, patience_s: int = 30
) -> subprocess.CompletedProcess[str]:
    environment = {"KAFKA": shop.bootstrap, "TOPIC_PREFIX": shop.prefix, "ORGCODE": ORG, "PATIENCE_S": str(patience_s)}
    return subprocess.run(
        [*program, card, str(amount_minor)],
        env={**os.environ, **environment}, capture_output=True, text=True, check=False,
    )  # fmt: skip


async def of_subject(outcomes: Reading, subject: str) -> Published:
    """The outcome of one document; those of the other tills are in the topic, too."""
    seen = await outcomes.until(lambda seen: any(one.subject == subject for one in seen))
    return next(one for one in seen if one.subject == subject)


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_card_pays_until_it_is_empty(shop: Place, programs: Programs, language: str) -> None:
    number = f"{CARD}-{language}"
    card = {
        "command_id": f"issue-{language}", "occurred_at": AT, "gift_card": {"number": number}, "amount_minor": LOAD,
        "currency": "GBP",
    }  # fmt: skip
    async with Reading(shop.bootstrap, [shop.prefix + "crm.outcomes"]) as outcomes:
        await publish(shop.bootstrap, [document(shop.inputs[3], "crm.giftcard.issue", f"issue-{language}", card)])
        await of_subject(outcomes, f"issue-{language}")
        paid = till(shop, programs[language], number, 1250)
        assert (paid.returncode, paid.stdout.splitlines()[0]) == (0, "approved  approved: 1250"), paid.stderr
        published = re.search(r"^sale (\S+) published: the card pays 1250$", paid.stdout, re.MULTILINE)
        assert published is not None
        sale = await of_subject(outcomes, published[1])
        assert sale.data["tenders"][0]["state"] == "captured"
    refused = till(shop, programs[language], number, 1000)
    assert (refused.returncode, refused.stdout) == (1, "declined insufficient_balance approved: 0\n"), refused.stderr
    unknown = till(shop, programs[language], "6006490000009999", 1)
    assert (unknown.returncode, unknown.stdout) == (1, "declined card_not_accepted approved: 0\n"), unknown.stderr


@pytest.mark.parametrize("language", LANGUAGES)
def test_without_an_answer_the_request_is_undone(
    stack: Servers, tmp_path: Path, programs: Programs, language: str
) -> None:
    with place(stack, tmp_path) as nobody_reads:
        asyncio.run(read(nobody_reads))  # kafkajs gives up where a new partition has no leader yet
        asked = till(nobody_reads, programs[language], CARD, 1, patience_s=1)
        assert (asked.returncode, asked.stdout) == (2, "no answer: take another means of payment\n"), asked.stderr
        assert nobody_reads.drain() == 0


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_request_that_can_not_be_read_is_not_waited_for(shop: Place, programs: Programs, language: str) -> None:
    asked = till(shop, programs[language], CARD, 0, patience_s=600)
    assert asked.returncode == 3, asked.stderr
    assert asked.stdout.startswith("the request can't be read, tell whoever runs the till: invalid ")
    assert "amount_minor" in asked.stdout
