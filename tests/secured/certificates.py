"""A certificate authority of the test's own, and what it signs: made by openssl, good for a day."""

import subprocess
from pathlib import Path
from typing import NamedTuple

_NEW_KEY = ("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")


class Certificate(NamedTuple):
    """PEM files."""

    cert: Path
    key: Path


class Authority:
    """Signs certificates below `folder`."""

    def __init__(self, folder: Path, name: str = "ca") -> None:
        self._folder = folder
        self.cert, self._key = folder / f"{name}.pem", folder / f"{name}.key"
        _openssl(*_NEW_KEY, "-x509", "-keyout", self._key, "-out", self.cert, "-subj", f"/CN={name}", "-days", "1")

    def sign(self, name: str, *names: str) -> Certificate:
        """A certificate for `name`, and for these addresses and hosts (`IP:127.0.0.1`, `DNS:localhost`)."""
        cert, key, request, extra = (self._folder / f"{name}.{end}" for end in ("pem", "key", "csr", "ext"))
        extra.write_text(f"subjectAltName={','.join(names)}\n" if names else "basicConstraints=CA:FALSE\n")
        _openssl(*_NEW_KEY, "-keyout", key, "-out", request, "-subj", f"/CN={name}")
        _openssl("x509", "-req", "-in", request, "-CA", self.cert, "-CAkey", self._key, "-CAcreateserial", "-out", cert,
                 "-days", "1", "-extfile", extra)  # fmt: skip
        return Certificate(cert, key)


def _openssl(*arguments: str | Path) -> None:
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)  # noqa: S607  from PATH
