"""All of Postgres: one query for each table to load and lock, one statement for each table to write, one transaction
for each batch.

`load` and `write` serve the pipeline, `parked` and `deadlines` what goes on without a record, `unpublished` and
`accepted` the sweep. Statements are files in `sql/`, tables are made by `migrations/`, and `roles/` says who may do
what. `overlay` runs the same code on a snapshot in memory. Layouts of packed columns belong to `worker.stored`.

A statement that writes is declared in `changes`, so that plans and replays count it.
"""
