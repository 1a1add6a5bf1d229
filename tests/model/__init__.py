"""A second model of the whole domain, deliberately naive, written from the contract alone.

It shares no line with `worker.domain` and imports nothing of the project: a misreading has to be made twice to hide.
"""

from tests.model.model import Model, simulate

__all__ = ["Model", "simulate"]
