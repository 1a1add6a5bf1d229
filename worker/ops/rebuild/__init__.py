"""Rebuild: decide all documents of the topics again, into an empty database, and compare the two ledgers.

`target` prepares the empty database. `steps` lists the decisions of the live ledger, in its own order. `apply` decides
each step again. `rest` decides documents of the topics that the live ledger lacks. `compare` finds the differences, and
`report` prints them. The tables `rebuild_…` in the target are the cursor: a killed rebuild continues from there.
"""
