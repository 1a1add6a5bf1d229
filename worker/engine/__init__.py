"""The worker's core: reads batches, decides them with the ledger, and publishes their outcomes."""
