"""The answers of the reading operations: one moment of one tenant's ledger, as the models of schemas/views.py."""

from worker.views.context import Context, Invalid, Reading, Refused, Unknown
from worker.views.readings import READINGS

__all__ = ["READINGS", "Context", "Invalid", "Reading", "Refused", "Unknown"]
