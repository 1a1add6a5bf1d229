"""Doors for people who run the worker or answer for it: explain what was decided."""
