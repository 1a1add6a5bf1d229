"""NamedTuples made in C: their own constructors are Python functions, and a sale makes nine NamedTuples."""

from typing import Final

made: Final = tuple.__new__
"""`made(Row, (…))` is `Row(…)`, with all members in their order, and takes half the time."""
