"""Run the playbooks of `docs/playbooks` against a live stack. A line that is not true fails (`make playbooks`)."""
