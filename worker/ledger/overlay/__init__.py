"""The ledger as it would be: one snapshot of it, and over that, in memory, what was decided since.

The pipeline runs on an Overlay as it runs on Postgres, so a plan decides by the very code that will decide later. It
takes no locks and writes nothing, so a standby will do. What Postgres alone would refuse (a check, another worker's
row) is not seen; an integer beyond 64 bits is.
"""

from worker.ledger.overlay.pool import Overlay

__all__ = ["Overlay"]
