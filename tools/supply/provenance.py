"""Write an in-toto statement with SLSA provenance v1 for a release: its files, its sources and its builder.

    python tools/supply/provenance.py dist/g3n_crm-0.2.0-py3-none-any.whl … > dist/provenance.intoto.json

It is a statement, not a signature: sign it where your keys are (`cosign attest-blob`).
"""

import hashlib
import json
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
MATERIALS = ("pyproject.toml", "requirements.lock", "requirements-run.lock", "Dockerfile")


def statement(files: list[Path], image: str | None = None) -> dict[str, Any]:
    """The statement about these files and, by its id (`sha256:…`), about an image."""
    subjects = [{"name": file.name, "digest": {"sha256": _sha256(file)}} for file in files]
    if image is not None:
        subjects.append({"name": "image", "digest": {"sha256": image.removeprefix("sha256:")}})
    commit = _git("rev-parse", "HEAD")
    materials = [{"name": name, "digest": {"sha256": _sha256(ROOT / name)}} for name in MATERIALS]
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": subjects,
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": "urn:g3n:make-release:v1",
                "externalParameters": {"changed_since_commit": bool(_git("status", "--porcelain"))},
                "internalParameters": {"python": platform.python_version()},
                "resolvedDependencies": [{"name": "source", "digest": {"gitCommit": commit}}, *materials],
            },
            "runDetails": {"builder": {"id": f"urn:g3n:builder:{platform.system().lower()}-{platform.machine()}"}},
        },
    }


def _sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _git(*words: str) -> str:
    return subprocess.run(["git", *words], cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()  # noqa: S607


if __name__ == "__main__":
    given = sys.argv[1:]
    images = [one for one in given if one.startswith("sha256:")]
    named = [Path(one) for one in given if not one.startswith("sha256:")]
    print(json.dumps(statement(named, images[0] if images else None), indent=1))
