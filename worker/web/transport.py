"""The transport of a connection as uvicorn sees it."""

import asyncio
from collections.abc import Callable


class Transport(asyncio.Transport):
    """Writes, ends and says whether it is closing as its connection does."""

    def __init__(self, write: Callable[[bytes], None], end: Callable[[], None], is_closing: Callable[[], bool]) -> None:
        super().__init__()
        self._write = write
        self._end = end
        self._is_closing = is_closing

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self._write(bytes(data))

    def close(self) -> None:
        self._end()

    def is_closing(self) -> bool:
        return self._is_closing()
