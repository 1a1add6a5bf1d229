"""The build of the program that runs: compiled, from `make wheel`, or interpreted."""

from importlib.machinery import EXTENSION_SUFFIXES
from importlib.util import find_spec
from typing import Final

_COMPILED: Final = "worker.domain.decide"  # a wheel has all of its compiled modules or none


def build() -> str:
    """Return "compiled" or "interpreted". The module that tells is found, not loaded."""
    spec = find_spec(_COMPILED)
    origin = "" if spec is None else spec.origin or ""
    return "compiled" if origin.endswith(tuple(EXTENSION_SUFFIXES)) else "interpreted"
