"""Measure the worker on this machine: documents a second, the cost of a document, latencies; beside its rivals."""
