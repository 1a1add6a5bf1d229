"""`g3n crm …` and `g3n login`: the HTTP API for people at a terminal and for scripts."""
