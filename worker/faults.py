"""Where tests kill the process: G3N_FAULT=name, or name:3 for the third time that the point is passed."""

import os

_NAME, _, _COUNT = os.environ.get("G3N_FAULT", "").partition(":")
_left = int(_COUNT or 1)


def point(name: str) -> None:
    """Die here, as kill -9 would, if G3N_FAULT names this point; otherwise nothing."""
    if name != _NAME:
        return
    global _left  # noqa: PLW0603 - the one thing that outlives a call
    _left -= 1
    if _left == 0:
        os._exit(137)
