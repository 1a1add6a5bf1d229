"""The worker's core: reads batches, decides them with the ledger, and publishes their outcomes.

`stream` is the loop: it reads, has the `pipeline` apply, and hands over to `outgoing`, which publishes and commits
offsets. Read `pipeline` first, then `transaction`. A `Work` (`work`) is what the steps of a transaction pass on. The
ledger knows none: `rows` turns decided works into its rows.

`waiting` decides parked documents and deadlines, `journal` knows what is published, `rehearsal` decides without
writing. `halves`, `poison` and `attempts` say what happens when something fails.
"""
