"""What released code wrote, kept for ever: later code reads it, and answers its documents with the same bytes.

A folder a release:

- `ledger.sql.gz`: the rows of a database that the release wrote, as COPY text. The tables are made by the migrations
  that the release had; their checksums are among the rows, so a migration that was changed since is refused.
- `documents.jsonl.gz`: what came in, a document a line, with the ids of the outcomes that it got.
- `published.jsonl.gz`: the bytes of every outcome and notice.

`python -m tests.upgrade.record v1.2.3` makes the folder of a release with the code that it stands in.
"""
