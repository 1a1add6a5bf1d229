"""Archives: partitions of transfers, moved from the ledger to files.

`plan` chooses the partitions, `execute` writes, checks and drops them, `files` reads and writes a folder and its
manifest, and `loading` loads archives for an audit (docs/decisions/partitions.md).
"""
