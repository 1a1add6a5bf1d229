"""The worker: books the documents that stores publish, effectively once, and publishes the outcomes."""
