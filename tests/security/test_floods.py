"""Floods: whatever one tenant, or somebody without a key, sends, all requests of another tenant are answered."""

import pytest

from tests.security.floods import FLOODS, Target, flooded, notice
from tests.security.running import running_api

REQUESTS = 30


@pytest.mark.parametrize("flood", FLOODS)
async def test_another_tenant_is_answered_during(flood: str, database: str) -> None:
    async with running_api(database) as (port, keys), flooded(flood, Target(port, "acme", keys["acme"]), 60):
        noticed = await notice(Target(port, "globex", keys["globex"]), REQUESTS)
    assert noticed.statuses == {200: REQUESTS}
