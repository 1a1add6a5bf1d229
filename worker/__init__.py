"""The worker: applies what stores publish to the ledger, effectively once, and publishes the outcomes."""
