"""`python -m worker` is `g3n`."""

from worker.cli import module

module()
