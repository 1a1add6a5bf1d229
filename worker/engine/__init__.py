"""The worker's core: reads batches, decides them with the ledger, and publishes their outcomes.

`stream` is the loop: it reads, has the `pipeline` apply, and hands over to `outgoing`, which publishes and commits
offsets. Read `pipeline` first, then `transaction`. The steps of a transaction pass on a `Work` (`work`). The ledger
doesn't know it: `rows` turns decided works into the ledger's rows.

`waiting` decides parked documents and deadlines. `journal` records which batches are published. `rehearsal` decides
without writing. `halves`, `poison`, `attempts` and `collisions` handle failures.
"""
