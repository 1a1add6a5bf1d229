"""Archives: partitions of transfers that are in files instead of the ledger.

`plan` says which partitions may go, `execute` writes, checks and drops them, `files` knows a folder and its manifest,
`loading` puts archives beside the ledger for an audit (docs/decisions/partitions.md).
"""
