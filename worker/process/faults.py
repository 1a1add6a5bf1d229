"""Points at which tests kill the process: G3N_FAULT=name, or name:3 for the third time."""

import os

_NAME, _, _COUNT = os.environ.get("G3N_FAULT", "").partition(":")
_left = int(_COUNT or 1)


def point(name: str) -> None:
    """Die here, as by kill -9, if G3N_FAULT names this point. Otherwise do nothing."""
    if name != _NAME:
        return
    global _left  # noqa: PLW0603 - the one thing that outlives a call
    _left -= 1
    if _left == 0:
        os._exit(137)
