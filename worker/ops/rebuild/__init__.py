"""Rebuild: decide everything that the topics hold once more, into an empty database, and compare the two ledgers.

`target` prepares the empty database. `steps` lists what the live ledger decided, in its own order; `apply` decides each
step again; `rest` decides what the topics hold and the live ledger does not. `compare` names what differs, and `told`
prints it. The tables `rebuild_…` in the target are the cursor: a rebuild that was killed goes on from there.
"""
