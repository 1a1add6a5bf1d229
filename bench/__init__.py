"""How fast the worker is on this machine, what a document costs, and how a straightforward rival does beside it."""
