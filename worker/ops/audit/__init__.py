"""Audit: prove on a live system that every point, every penny and every document is accounted for.

It reads one snapshot, without a lock. `book` compares rows with each other in SQL, `contents` checks packed columns,
`finance` reports, `coverage` compares the ledger with the input topics, `claims`, `told` and `tie_out` compare it with
what tills ask and what was published, and `report` and `page` print the results.
"""
