"""The pure core, which decides. No I/O, no clock, no randomness: the ledger loads and writes what it needs."""
