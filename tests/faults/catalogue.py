"""All faults, in the order in which the campaign causes them."""

from typing import Final

from tests.faults import on_kafka, on_postgres, on_workers
from tests.faults.fault import LISTED, Fault

FAULTS: Final[dict[str, Fault]] = {
    name: fault
    for module in (on_workers, on_postgres, on_kafka)
    for name, fault in LISTED.items()
    if fault.act.__module__ == module.__name__
}
