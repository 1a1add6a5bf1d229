"""Audit: prove on a live system that every point, every penny and every document is accounted for.

Everything is read from one snapshot, without a lock. `book` compares rows with each other in SQL, `contents` looks into
what is packed, `finance` reports, `coverage` compares the ledger with the topics, `report` and `page` show all of it.
"""
