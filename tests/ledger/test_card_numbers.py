"""Two spellings of a card number are one card, even if the card is older than that rule (contract CARD1, CARD2)."""

from collections.abc import Iterable

import asyncpg
import pytest
from structlog.testing import capture_logs

from schemas.scalars import format_instant
from tests.codec.records import Record
from tests.domain.room import keyring
from tests.ledger.conftest import NOW_US, Worker, header, record, said
from worker.codec import Message

AT = format_instant(NOW_US)
CANONICAL = "6006490000ABCD25"
SPELLINGS = ("6006-4900-00AB-CD25", "6006 4900 00ab cd25", "6006490000abcd25", " -6006490000ABCD25- ", CANONICAL)


def issue(id_: str, number: str) -> Record:
    return record(
        "crm.giftcard.issue",
        {"command_id": id_, "occurred_at": AT, "gift_card": {"number": number}, "amount_minor": 900, "currency": "GBP"},
    )


def redeem(id_: str, number: str) -> Record:
    card = {"gift_card": {"number": number}, "amount_minor": 100, "currency": "GBP"}
    return record("crm.giftcard.redeem", {"command_id": id_, "occurred_at": AT, **card})


def results(messages: Iterable[Message]) -> list[str]:
    return [envelope["data"]["status"] for envelope in said(messages)]


@pytest.mark.parametrize("spelling", SPELLINGS)
async def test_a_card_is_found_by_every_spelling_of_its_number(worker: Worker, spelling: str) -> None:
    messages = (await worker.read([issue("I", spelling), *(redeem(other, other) for other in SPELLINGS)])).messages
    assert results(messages) == ["applied"] * 6
    assert {said([message])[0]["data"]["gift_cards"][0]["last4"] for message in messages} == {"CD25"}
    assert said(messages)[-1]["data"]["gift_cards"][0]["balance_minor"] == 400


async def test_a_number_is_issued_once_whatever_its_spelling(worker: Worker) -> None:
    messages = (await worker.read(issue(spelling, spelling) for spelling in SPELLINGS)).messages
    assert results(messages) == ["applied", *["rejected"] * 4]


async def test_a_card_of_an_earlier_release_keeps_its_spelling_and_gains_the_canonical_number(
    worker: Worker, connection: asyncpg.Connection
) -> None:
    await worker.read([issue("I", CANONICAL)])
    spelled = keyring().number(SPELLINGS[0]).spelled[0]
    await connection.execute("UPDATE card_number SET token = $1", spelled)  # as it was stored then

    assert results((await worker.read([redeem("1", CANONICAL)])).messages) == ["rejected"]
    assert results((await worker.read([redeem("2", SPELLINGS[0]), redeem("3", CANONICAL)])).messages) == ["applied"] * 2
    assert results((await worker.read([redeem(other, other) for other in SPELLINGS])).messages) == ["applied"] * 5
    assert results((await worker.read([issue("J", SPELLINGS[1])])).messages) == ["rejected"]


async def test_cards_whose_spellings_differed_stay_two_cards(worker: Worker, connection: asyncpg.Connection) -> None:
    """Before numbers had a canonical form, `abcd1234` and `ABCD1234` were two cards."""
    await worker.read([issue("I", "ABCD1234")])
    await worker.read([issue("J", "00001234")])
    older = await connection.execute(
        "UPDATE card_number SET token = $1 WHERE token = $2",
        keyring().number("abcd1234").spelled[0], keyring().number("00001234").tokens[0],
    )  # fmt: skip
    assert older == "UPDATE 1"
    messages = (await worker.read([redeem("1", "abcd1234"), redeem("2", "ABCD1234")])).messages
    assert [envelope["data"]["gift_cards"][0]["balance_minor"] for envelope in said(messages)] == [800, 800]


@pytest.mark.parametrize("type_", ["issue", "redeem"])
async def test_a_number_too_short_to_be_one_is_nowhere(worker: Worker, type_: str) -> None:
    """Its last four characters are the whole number."""
    with capture_logs() as logs:
        (letter,) = (await worker.read([(issue if type_ == "issue" else redeem)("X", "7391")])).messages
    assert (letter.topic, header(letter, "crm-reason")) == ("scm.sales-dlt", "invalid")
    assert "7391" not in repr((letter, logs))
