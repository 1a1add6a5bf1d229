"""All of Postgres: a query a table to load and lock, a statement a table to write, one transaction a batch."""
