"""All of Postgres: one query for each table to load and lock, one statement for each table to write, one transaction
for each batch.
"""
