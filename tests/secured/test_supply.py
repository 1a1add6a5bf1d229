"""Images can be pinned by digest, and a release says what it was built from (docs/security.md, Supply chain)."""

import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]


def pinned() -> dict[str, str]:
    """The variables that pin-images prints, and the tags that it looks up."""
    return dict(re.findall(r"^pin (\w+) (\S+)$", (ROOT / "tools/supply/pin-images").read_text(), re.MULTILINE))


def test_every_image_is_a_variable_whose_default_is_looked_up() -> None:
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    dockerfile = (ROOT / "Dockerfile").read_text()
    images = [one["image"] for one in services.values() if "g3n-crm-worker" not in one["image"]]
    named = dict(pair for image in images for pair in re.findall(r"^\$\{(\w+):-(\S+)\}$", image))
    assert len(named) == len(images)
    named |= dict(re.findall(r"^ARG (\w+)=(\S+)$", dockerfile, re.MULTILINE))
    assert named == pinned()
    stages = set(re.findall(r"AS (\w+)$", dockerfile, re.MULTILINE))
    assert set(re.findall(r"^FROM (\S+)", dockerfile, re.MULTILINE)) - stages == {"${PYTHON_IMAGE}", "scratch"}


def test_provenance_names_what_was_built_and_of_what(tmp_path: Path) -> None:
    wheel = tmp_path / "g3n.whl"
    wheel.write_bytes(b"wheel")
    program = ROOT / "tools/supply/provenance.py"
    ran = subprocess.run([sys.executable, program, wheel, "sha256:1dea"], capture_output=True, text=True, check=True)
    said = json.loads(ran.stdout)
    assert said["subject"] == [
        {"name": "g3n.whl", "digest": {"sha256": hashlib.sha256(b"wheel").hexdigest()}},
        {"name": "image", "digest": {"sha256": "1dea"}},
    ]
    source, *materials = said["predicate"]["buildDefinition"]["resolvedDependencies"]
    assert re.fullmatch(r"[0-9a-f]{40}", source["digest"]["gitCommit"])
    assert "requirements-run.lock" in {one["name"] for one in materials}
