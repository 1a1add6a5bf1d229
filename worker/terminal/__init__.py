"""`g3n crm …` and `g3n login`: the HTTP API for a person at a terminal, and for scripts."""
