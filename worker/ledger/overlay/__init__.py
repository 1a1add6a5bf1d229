"""The ledger as it would be: one snapshot of it, and above that, in memory, the rows of decisions made since.

The pipeline runs on an Overlay as it runs on Postgres, so the same code decides a plan and its execution. An Overlay
takes no locks and writes nothing, so a standby is enough. It does not see errors that only Postgres raises (a check,
another worker's row). It does refuse an integer beyond 64 bits.
"""

from worker.ledger.overlay.pool import Overlay

__all__ = ["Overlay"]
