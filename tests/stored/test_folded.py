"""The folded forms by which customers are found. They are stored, so they never change."""

import pytest

from worker.stored.folded import folded, folded_email, folded_name, phone_digits

NAMES = {
    "Ada Lovelace": "ada lovelace",
    "  ADA\tde  Lovelace ": "ada de lovelace",
    "José-María O'Brien": "jose maria obrien",
    "D’Angelo, J.R.": "dangelo j r",
    "Straße": "strasse",
    "Łoś Øst": "łos øst",
    "Ｆｕｌｌ": "full",
    "Лев ТОЛСТОЙ": "лев толстои",
    "ΌΣΟΣ": "οσοσ",
    "李明": "李明",
    "Joe2": "joe2",
    "—": "",
    "": "",
    "%_\\ .*": "",
    "a" * 61: "a" * 60,
    "a" * 59 + " b": "a" * 59,
}
EMAILS = {
    "Ada@Example.COM": "ada@example.com",
    " ada@example.com ": "ada@example.com",
    "É@example.com": "é@example.com",
    "E\u0301@example.com": "é@example.com",
    "STRASSE@x": "strasse@x",
    "straße@x": "strasse@x",
    "ΌΣΟΣ@x": "όσοσ@x",
    "όσος@x": "όσοσ@x",
    "": "",
}
PHONES = {"+44 20 7946 0018": "442079460018", "(020) 7946-0018 x5": "020794600185", "٠١٢": "012", "none": "", "²": ""}


@pytest.mark.parametrize(("name", "folded"), NAMES.items())
def test_a_name(name: str, folded: str) -> None:
    assert folded_name(name) == folded == folded_name(folded)


@pytest.mark.parametrize(("email", "folded"), EMAILS.items())
def test_an_email(email: str, folded: str) -> None:
    assert folded_email(email) == folded == folded_email(folded)


@pytest.mark.parametrize(("phone", "digits"), PHONES.items())
def test_a_phone(phone: str, digits: str) -> None:
    assert phone_digits(phone) == digits


def test_nothing_stays_nothing() -> None:
    assert folded(None, None, None) == (None, None, None)
    assert folded("", "", "") == ("", "", "")
