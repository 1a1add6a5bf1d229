"""All of Postgres, and the pipeline on it."""
