"""Names, e-mail addresses and phone numbers in the form in which customers are found by them (contract HTTP11).

The form is stored beside the profile, so a change of it takes a migration. Unicode never changes the normalization and
the case folding of a character that it has, so every version of Python folds alike.
"""

from typing import Final
from unicodedata import category, decimal, normalize

_NAME_CHARACTERS: Final = 60  # 240 bytes: with it a cursor has less than 512 characters
_EMAIL_CHARACTERS: Final = 256  # 1 KiB: an entry of an index has at most 2.7 kB
_APOSTROPHES: Final = dict.fromkeys(map(ord, "'’‘ʼ`´"))


def folded_name(name: str) -> str:
    """Return the words in lower case, without accents and apostrophes, a space between two; empty if there is none.

    Compatible characters are one: full-width letters are letters. Only the first 60 characters of the result count.
    """
    plain = normalize("NFKD", normalize("NFKD", name.translate(_APOSTROPHES)).casefold())
    letters = (char if char.isalnum() else " " for char in plain if not category(char).startswith("M"))
    return " ".join("".join(letters).split())[:_NAME_CHARACTERS].rstrip()


def folded_email(email: str) -> str:
    """Return the address such that two spellings that differ in case only, in any alphabet, are one."""
    return normalize("NFC", normalize("NFD", email.strip()).casefold())[:_EMAIL_CHARACTERS]


def phone_digits(phone: str) -> str:
    """Return the digits as 0–9, of whatever script they are; empty if there is none."""
    return "".join(str(decimal(char)) for char in phone if char.isdecimal())


def folded(name: str | None, email: str | None, phone: str | None) -> tuple[str | None, str | None, str | None]:
    """Return all three; None stays None."""
    return (
        None if name is None else folded_name(name),
        None if email is None else folded_email(email),
        None if phone is None else phone_digits(phone),
    )
