"""All access to Postgres: one query for each table to load and lock, one statement for each table to write, one
transaction for each batch.

`load` and `write` serve the pipeline, `parked` and `deadlines` the work that has no record, `unpublished` and
`accepted` the sweep. Statements are files in `sql/`, `migrations/` makes the tables, and `roles/` grants the rights.
`overlay` runs the same code on a snapshot in memory. Layouts of packed columns belong to `worker.stored`.

Declare each statement that writes in `changes`, so that plans and replays count it.
"""
