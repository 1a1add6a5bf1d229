"""A dead letter: where it comes from and why, and no secret in its key, headers or value (contract §3.4)."""

import threading
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.reasons import DeadLetterReason
from tests.codec.records import NOW_MS, Record
from worker.codec import Decoder, Message, Undecodable
from worker.codec import letter as letters
from worker.codec.letter import MASKED
from worker.engine.dead_letters import DeadLetters

DECODER = Decoder((b"n" * 32, b"o" * 32), frozenset(), 1 << 20)
NUMBER = b"6006490000000017"
PLACE = (
    ("kafka_dlt-original-topic", b"scm.sales"), ("kafka_dlt-original-partition", b"1"),
    ("kafka_dlt-original-offset", b"42"), ("kafka_dlt-original-timestamp", str(NOW_MS).encode()),
    ("kafka_dlt-original-consumer-group", b"group"),
)  # fmt: skip


def dead_letter(record: Record, why: DeadLetterReason = DeadLetterReason.INVALID, detail: str = "") -> Message:
    return letters.dead_letter(Undecodable(record, why, detail), "scm.sales-dlt", "group", DECODER.pseudonym)


@given(
    st.none() | st.text("abc-_:", max_size=20), st.none() | st.text("abc {", max_size=50),
    st.sampled_from(DeadLetterReason),
)  # fmt: skip
def test_a_dead_letter_says_where_it_comes_from_and_why(
    key_text: str | None, text: str | None, why: DeadLetterReason
) -> None:
    key, value = (None if part is None else part.encode() for part in (key_text, text))
    record = Record(value, [("own", b"\xff"), ("empty", None)], key)
    why_headers = (("crm-reason", why.value.encode()), ("crm-detail", b"lines[0].net_minor: int_type"))
    assert dead_letter(record, why, "lines[0].net_minor: int_type") == Message(
        "scm.sales-dlt", key, value, (("own", b"\xff"), ("empty", None), *PLACE, *why_headers)
    )


@pytest.mark.parametrize(
    "record",
    [
        Record(b'{"pin": "1234"}'),
        Record(b"{}", key=NUMBER),
        Record(b"{}", [("pin", b"1234")]),
        Record(b"{}", [("x-" + NUMBER.decode(), b"")]),
    ],
)
def test_a_masked_dead_letter_says_so(record: Record) -> None:
    letter = dead_letter(record)
    assert letter.headers[-1] == MASKED
    assert b"1234" not in repr(letter).encode()
    assert NUMBER not in repr(letter).encode()


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("ce_email", b"ada@example.org", b"***"),
        ("PIN", b"1234", b"***"),
        ("x-card-number", NUMBER, b"***"),
        ("X-Customer-Name", b"Ada", b"***"),
        ("card", b"GC1", b"***"),
        ("x", NUMBER, b'"***"'),
        ("x", b"pin: 4711, x", b'pin: "***"'),
        ("x", b"x=1&cardNumber=GC1", b'x=1&cardNumber="***"'),
        ("ce_subject", b"ada@example.org", b"***"),
        ("phone", None, None),
        ("ce_id", b"e1", b"e1"),
        ("ce_subject", b"20261101000123", b"20261101000123"),
        ("ce_time", b"2026-11-01T10:00:00Z", b"2026-11-01T10:00:00Z"),
        ("traceparent", b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
         b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        ("content-type", b"application/json; charset=utf-8", b"application/json; charset=utf-8"),
        ("x", b"\xff", b"\xff"),
    ],
)  # fmt: skip
def test_headers(name: str, value: bytes | None, shown: bytes | None) -> None:
    letter = dead_letter(Record(b"{}", [(name, value)]))
    assert letter.headers[0] == (name, shown)
    assert (MASKED in letter.headers) is (shown != value)


SECRET_KEYS: Sequence[bytes] = (
    NUMBER, b"6006 4900 0000 0017", b"GC-6006-4900-0000-0017", b"card:6006490000000017", b'{"number":"GC1"}',
    b"number=GC1", b"ada@example.org", b"+44 20 7946 0018", b"\0\0\0\0\7\x20" + NUMBER, "Adäle".encode(), b"x" * 300,
    b"\xff\xfe",
)  # fmt: skip
PLAIN_KEYS: Sequence[bytes] = (
    b"C-1001", b"london-1-2026-03-01-0043", b"T1", b"1234567", b"0af76519-16cd-43dd-8448-eb211c80319c",
    b"", b"a=b", b"{}",
)  # fmt: skip


@pytest.mark.parametrize("key", SECRET_KEYS)
def test_a_key_that_may_be_a_secret_is_replaced_by_its_hmac(key: bytes) -> None:
    letter = dead_letter(Record(b"{}", key=key))
    assert letter.key == DECODER.pseudonym(key) == dead_letter(Record(b"other", key=key)).key
    assert key not in (letter.key or b"")
    assert MASKED in letter.headers


@pytest.mark.parametrize("key", PLAIN_KEYS)
def test_any_other_key_stays(key: bytes) -> None:
    letter = dead_letter(Record(b"{}", key=key))
    assert (letter.key, MASKED in letter.headers) == (key, False)


def test_letters_of_one_card_keep_together_whatever_its_spelling() -> None:
    keys = {dead_letter(Record(b"{}", key=key)).key for key in (NUMBER, b"6006-4900-0000-0017", b"6006 4900 00000017")}
    assert len(keys) == 1
    assert len({DECODER.pseudonym(key) for key in SECRET_KEYS}) == len(SECRET_KEYS) - 1  # two spell the same number
    assert Decoder((b"x" * 32,), frozenset(), 1).pseudonym(NUMBER) != DECODER.pseudonym(NUMBER)


def test_a_value_that_is_cut_says_how_long_it_was() -> None:
    letter = dead_letter(Record(b"sku: a\n" * 1_000_000), DeadLetterReason.TOO_LARGE)
    assert letter.headers[-1] == ("crm-truncated", b"7000000")
    assert len(letter.value or b"") < 70_000


def test_headers_beyond_a_bound_are_masked_unseen() -> None:
    headers = [("x", b"a " * 30_000), ("y", b"a " * 30_000), ("z", b"a"), ("w", None)]
    letter = dead_letter(Record(b"{}", headers))
    assert letter.headers[:4] == (("x", headers[0][1]), ("***", b"***"), ("***", b"***"), ("***", None))


@pytest.mark.parametrize(("length", "elsewhere"), [(10, False), (1_000_000, True)])
async def test_large_records_are_masked_beside_the_event_loop(length: int, elsewhere: bool) -> None:  # noqa: FBT001
    """Masking takes a moment, in which heartbeats and the API go on."""
    threads: list[threading.Thread] = []

    class Watched(Record):
        def __getattribute__(self, name: str) -> object:
            if name == "key":
                threads.append(threading.current_thread())
            return super().__getattribute__(name)

    record = Watched(b"x" * length, key=NUMBER)
    await DeadLetters("group", DECODER).of([Undecodable(record, DeadLetterReason.NOT_JSON)])
    assert {thread is not threading.current_thread() for thread in threads} == {elsewhere}
