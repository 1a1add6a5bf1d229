"""The answers of the reading operations: one moment of one tenant's ledger, as the models of schemas/views.py."""

from worker.views.desk import Desk, Invalid, Reading, Refused, Unknown
from worker.views.readings import READINGS

__all__ = ["READINGS", "Desk", "Invalid", "Reading", "Refused", "Unknown"]
