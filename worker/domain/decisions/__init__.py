"""One function for each document: what it needs, and what it does to the books."""
