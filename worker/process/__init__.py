"""The basics of every process: settings, log, metrics, status, errors, supervision.

Nothing here knows what the process does. A new setting is a field of `settings`, a new metric a line of `metrics`.
"""
