"""How fast the worker is on this machine, what a document costs, and how a naive and a tuned rival do beside it."""
