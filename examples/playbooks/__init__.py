"""Runs the playbooks of `docs/playbooks` against a live stack; a line that is not true fails (`make playbooks`)."""
