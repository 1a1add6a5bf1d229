"""An archived partition as files: gzipped CSV parts, and a JSON manifest with their checksums and sums."""

import csv
import gzip
import hashlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, Final, Self

import orjson

from worker.process.errors import OperatorError

FORMAT: Final = 1
MANIFEST: Final = "manifest.json"
COLUMNS: Final = ("no", "debit", "credit", "amount", "org", "debit_before", "credit_before")
ROWS: Final = 1_000_000  # of a part: explaining one document reads a whole part
_READ: Final = 1 << 20


class Parts:
    """Writes the parts of a partition. `write` takes CSV as Postgres sends it, cut anywhere; then `close`, then
    `manifest`.
    """

    def __init__(self, folder: Path, rows: int = ROWS) -> None:
        """Begin anew in the folder: delete the parts of an earlier attempt."""
        folder.mkdir(parents=True, exist_ok=True)
        for path in (*folder.glob("part-*.csv.gz"), *folder.glob("*.unfinished")):
            path.unlink()
        self._folder = folder
        self._most = rows
        self._rest = b""
        self._file: _Part | None = None
        self.parts: list[dict[str, Any]] = []

    async def write(self, data: bytes) -> None:
        lines = (self._rest + data).split(b"\n")
        self._rest = lines.pop()
        for line in lines:
            if self._file is None:
                self._file = _Part(self._folder / f"part-{len(self.parts) + 1:04}.csv.gz")
            self._file.add(line)
            if self._file.rows == self._most:
                self._end()

    def _end(self) -> None:
        if self._file is not None:
            self.parts.append(self._file.close())
            self._file = None

    def close(self) -> None:
        """Close the last part. Then everything is on the disk."""
        self._end()

    def manifest(self, head: Mapping[str, Any]) -> None:
        """Write the manifest, which completes the archive."""
        path = self._folder / MANIFEST
        unfinished = path.with_suffix(".unfinished")
        with unfinished.open("wb") as file:
            file.write(orjson.dumps({**head, "columns": COLUMNS, "parts": self.parts}, option=orjson.OPT_INDENT_2))
            _sync(file)
        unfinished.replace(path)
        for folder in (self._folder, self._folder.parent):
            handle = os.open(folder, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)


class _Part:
    """One file. Its checksum covers the CSV, not the gzipped bytes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("wb")
        self._gzip = gzip.GzipFile(fileobj=self._file, mode="wb", compresslevel=6, filename="", mtime=0)
        self._digest = hashlib.sha256()
        self._first = self._last = b""
        self.rows = 0

    def add(self, line: bytes) -> None:
        self._digest.update(line + b"\n")
        self._gzip.write(line + b"\n")
        self._first = self._first or line
        self._last = line
        self.rows += 1

    def close(self) -> dict[str, Any]:
        self._gzip.close()
        _sync(self._file)
        self._file.close()
        first, last = (int(line.split(b",", 1)[0]) for line in (self._first, self._last))
        return {
            "file": self._path.name, "rows": self.rows, "first_no": first, "last_no": last,
            "sha256": self._digest.hexdigest(),
        }  # fmt: skip


def _sync(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


class Archive:
    """A folder that has a manifest."""

    def __init__(self, folder: Path, manifest: Mapping[str, Any], checksum: bytes) -> None:
        self.folder = folder
        self.manifest = manifest
        self.checksum = checksum  # SHA-256 of the manifest's bytes, which has those of the parts

    @classmethod
    def read(cls, folder: Path) -> Self | None:
        """Return the archive of a folder; None without a manifest. Raises OperatorError for another format."""
        path = folder / MANIFEST
        if not path.exists():
            return None
        text = path.read_bytes()
        try:
            manifest = orjson.loads(text)
        except ValueError:
            raise OperatorError(f"{path} is not JSON") from None
        if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
            raise OperatorError(f"{path} is of another format than {FORMAT}: use the version that wrote it")
        return cls(folder, manifest, hashlib.sha256(text).digest())

    def lines(self, no: int | None = None) -> Iterator[bytes]:
        """Yield the CSV line by line: of all parts, or of the parts that may have the document of this number.

        Raises OperatorError if a file is missing. Raises it at a file's end if the file differs from the manifest.
        """
        for part in self.manifest["parts"]:
            if no is None or part["first_no"] <= no <= part["last_no"]:
                yield from self._part(part)

    def _part(self, part: Mapping[str, Any]) -> Iterator[bytes]:
        path, digest, rows = self.folder / part["file"], hashlib.sha256(), 0
        try:
            with gzip.open(path) as file:
                for line in file:
                    digest.update(line)
                    rows += 1
                    yield line
        except (OSError, EOFError) as error:
            raise OperatorError(f"{path} can't be read: {error}") from None
        if (rows, digest.hexdigest()) != (part["rows"], part["sha256"]):
            raise OperatorError(f"{path} is not what {MANIFEST} says: {rows:,} rows, SHA-256 {digest.hexdigest()}")

    def transfers(self, no: int) -> list[tuple[int, int, int, int]]:
        """Return tenant, debit, credit and amount of each transfer of one document, in the order of booking."""
        rows = csv.reader(line.decode() for line in self.lines(no))
        return [(int(row[4]), int(row[1]), int(row[2]), int(row[3])) for row in rows if int(row[0]) == no]

    def sums(self) -> dict[tuple[int, int], tuple[int, int, int]]:
        """Read all files. Return transfers, issued and taken, by tenant and contra account (0: between accounts).

        Raises OperatorError as `lines` does.
        """
        sums: dict[tuple[int, int], tuple[int, int, int]] = {}
        for line in self.lines():
            _, debit, credit, amount, org, _ = line.split(b",", 5)
            one, other, value = int(debit), int(credit), int(amount)
            at = int(org), min(one, other, 0)
            rows, issued, taken = sums.get(at, (0, 0, 0))
            sums[at] = rows + 1, issued + (value if one < 0 else 0), taken + (value if other < 0 else 0)
        return sums
