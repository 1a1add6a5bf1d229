"""A plan's rows are the same wherever they are: in memory, or in the file that the older ones go to."""

import pytest

from worker.ledger.overlay import rows
from worker.ledger.overlay.rows import Rows


@pytest.mark.parametrize("most", [1, 3, 100])
def test_rows_are_found_wherever_they_are(monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    monkeypatch.setattr(rows, "MOST", most)
    kept = Rows({"event": ("org", "subject", "facts"), "account": ("org", "key")})
    expected: dict[tuple[int, str], dict[str, object] | None] = {}
    for number in range(20):
        key = (number % 2, f"S{number % 7}")
        row = None if number % 5 == 4 else {"org": key[0], "subject": key[1], "facts": bytes([number])}
        kept.put("event", key, row)
        expected[key] = row
        assert {key: kept.get("event", key) for key in expected} == expected
    assert not kept.has("event", (0, "S9"))
    assert not kept.has("account", (0, "S0")), "tables have keys of their own"
    with pytest.raises(KeyError):
        kept.get("event", (0, "S9"))
    kept.close()
