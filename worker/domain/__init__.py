"""The one pure room: decides. No I/O, no clock, no randomness; the ledger loads and writes what it needs."""
