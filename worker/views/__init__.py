"""The reading operations. Each answer shows one snapshot of one tenant's ledger, as a model of schemas/views.py."""

from worker.views.context import Context, Invalid, Reading, Refused, Unknown
from worker.views.readings import READINGS

__all__ = ["READINGS", "Context", "Invalid", "Reading", "Refused", "Unknown"]
