"""Tables and durations for people."""

import pytest

from worker.cli.tables import duration, fields, shortened, table


def test_numbers_stand_to_the_right_and_words_to_the_left() -> None:
    assert table(("ID", "KIND", "DONE"), [("7", "replay", "1,204"), ("12", "redrive", "3")]) == (
        "ID  KIND      DONE\n 7  replay   1,204\n12  redrive      3"
    )


def test_a_table_without_rows_is_its_head() -> None:
    assert table(("ID", "KIND"), []) == "ID  KIND"


def test_fields_without_a_value_are_left_out() -> None:
    assert fields([("who", "ada"), ("error", ""), ("reason", "fixed")]) == "who     ada\nreason  fixed"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0.0 s"),
        (0.0004, "1 ms"),
        (0.44, "440 ms"),
        (2.44, "2.4 s"),
        (59, "59 s"),
        (60, "1 min"),
        (3660, "1 h 1 min"),
        (90_000, "1 d 1 h"),
    ],
)
def test_a_duration_is_said_in_its_largest_units(seconds: float, said: str) -> None:
    assert duration(seconds) == said


def test_long_texts_are_cut() -> None:
    assert (shortened("abc", 3), shortened("abcd", 3)) == ("abc", "ab…")
