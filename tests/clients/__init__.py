"""Clients that others have made, against what is served here. `make clients` runs them; they need Node.js and Java."""
