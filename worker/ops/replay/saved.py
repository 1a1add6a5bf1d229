"""A plan as a file of JSON lines: the head, then a line for each changed account and each row that it depends on."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import orjson

from worker.ops.replay.plan import FORMAT, Plan
from worker.process.errors import OperatorError

_ACCOUNT: Final = "account"
_READ: Final = "read"


def lines(plan: Plan) -> Iterator[bytes]:
    """Return all lines of a plan."""
    yield orjson.dumps(plan.head)
    for change in plan.accounts():
        yield orjson.dumps({_ACCOUNT: asdict(change)})
    for key, print_ in plan.reads.items():
        yield orjson.dumps({_READ: [key.hex(), print_.hex()]})


@contextlib.contextmanager
def saving(path: Path) -> Iterator[Callable[[Plan], None]]:
    """Open a file before a plan is made. Return a function that saves the plan in `path`.

    The file gets its name when it is complete. Without its last lines, a plan would not be found stale. Raises
    OperatorError if the file can't be written.
    """
    part = path.with_name(f"{path.name}.part")

    def save(plan: Plan) -> None:
        with _written(path):
            file.writelines(line + b"\n" for line in lines(plan))
            file.close()
            part.rename(path)

    with _written(path):
        file = part.open("wb")
    try:
        yield save
    finally:
        file.close()
        part.unlink(missing_ok=True)


@contextlib.contextmanager
def _written(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OperatorError(f"{path} can't be written: {error.strerror}") from None


class Saved:
    """A plan that was written to a file. Raises OperatorError if the file is not a plan."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            with path.open("rb") as file:
                head = orjson.loads(file.readline())
        except OSError as error:
            raise OperatorError(f"{path} can't be read: {error.strerror}") from None
        except ValueError:
            raise OperatorError(f"{path} is no plan of a replay: its first line is not JSON") from None
        if not isinstance(head, dict) or "slices" not in head:
            raise OperatorError(f"{path} is no plan of a replay")
        if head["format"] != FORMAT:
            raise OperatorError(f"{path} was made by another version of g3n: plan again")
        self.head: dict[str, Any] = head

    def reads(self) -> Iterator[tuple[bytes, bytes]]:
        """The rows that the plan depends on, as `Overlay.reads`."""
        with self._path.open("rb") as file:
            for line in file:
                if line.startswith(b'{"read"'):
                    key, print_ = orjson.loads(line)[_READ]
                    yield bytes.fromhex(key), bytes.fromhex(print_)
