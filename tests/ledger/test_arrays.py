import asyncpg
import pytest

from worker.ledger import arrays

pytestmark = pytest.mark.usefixtures("installed")
ELEMENTS: dict[str, list[object]] = {
    "bigint[]": [1, None, -(2**62)],
    "text[]": ["", None, "a,{b}"],
    "bytea[]": [b"\0", None, b""],
}


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """As the pool does, until the end of the test."""
    for name in ("IterableABC", "SizedABC"):
        monkeypatch.setattr(arrays.ASYNCPG, name, getattr(arrays.ASYNCPG, name))  # raises if asyncpg has no such name
    arrays.install()


async def test_lists_and_tuples_are_arrays(connection: asyncpg.Connection) -> None:
    for type_, elements in ELEMENTS.items():
        for kind in (list, tuple):
            assert await connection.fetchval(f"SELECT $1::{type_}", kind(elements)) == elements


async def test_nothing_else_is_an_array(connection: asyncpg.Connection) -> None:
    """asyncpg on its own takes a set: so the check that it does is ours."""
    with pytest.raises(asyncpg.DataError, match="a sized iterable container expected"):
        await connection.fetchval("SELECT $1::bigint[]", {1})
