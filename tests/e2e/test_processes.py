"""`g3n worker run --processes N`: one command, several workers, one way to leave (contract §6)."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.e2e import trade
from tests.e2e.place import place
from tests.e2e.process import running
from tests.kafka_io import Reading, publish
from tests.stack import Servers

CUSTOMERS = 200
COMES_WITHIN_S = 60.0


def test_two_processes_share_the_work_and_leave_together(stack: Servers, tmp_path: Path) -> None:
    numbers = [f"{i}" for i in range(CUSTOMERS)]
    sent = [one for n in numbers for one in (trade.sale(n, 0), trade.return_(n, 1, 500), trade.customer(n, 1))]
    with place(stack, tmp_path) as made:

        async def trade_on() -> None:
            async with Reading(made.bootstrap, made.outputs) as reading:
                await publish(made.bootstrap, [one.record(made) for one in sent])
                await reading.until(lambda seen: not trade.missing(sent, seen), COMES_WITHIN_S)
                await publish(made.bootstrap, [trade.points_probe(n, 0).record(made) for n in numbers])
                await reading.until(lambda seen: len(trade.probed_points(seen)) == CUSTOMERS, COMES_WITHIN_S)
                assert trade.probed_points(reading.seen) == dict.fromkeys(numbers, 10)

        with running(made.environment, made.log, "--processes", "2") as worker:
            asyncio.run(trade_on())
        assert worker.returncode == 0, made.log.read_text()[-4000:]
