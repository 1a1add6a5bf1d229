"""The policies of a tenant, as the API of a shell's test knows them."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from schemas.policy import Policy
from tests.terminal.server import Asked, Reply, ok
from tests.terminal.shell import Shell

LATER = "2099-04-01T00:00:00+01:00"


def policy(**members: object) -> dict[str, Any]:
    form: dict[str, Any] = Policy.model_validate(members).wire_form()
    return form


@dataclass
class Policies:
    """The policies that the API knows of a tenant: version 0, those of the test, and those that are put."""

    versions: list[tuple[dict[str, Any], str | None]] = field(default_factory=lambda: [(policy(), None)])
    in_force: int = 0

    def __call__(self, asked: Asked) -> Reply:
        if asked.route.endswith("put"):
            self.versions.append((asked.body["policy"], asked.body["effective_from"]))
            return ok({"status": "applied", "policy_version": len(self.versions) - 1})
        version = asked.body.get("version", self.in_force)
        listed = [
            {"version": place} | ({} if since is None else {"effective_from": since})
            for place, (_, since) in enumerate(self.versions)
        ]
        return ok({"version": version, "policy": self.versions[version][0], "versions": listed})


@pytest.fixture
def policies(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> Policies:
    """Temporary files are in the shell's folder, where the test finds them."""
    (shell.folder / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(shell.folder / "tmp"))
    shell.api.answer = known = Policies()
    return known
