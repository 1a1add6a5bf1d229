"""The build under test: the checkout, or with G3N_TEST_BUILD=compiled (`make compiled`) the modules of a wheel."""

import importlib
import os
import subprocess
import sys
import tomllib
from importlib.machinery import EXTENSION_SUFFIXES, SOURCE_SUFFIXES
from importlib.metadata import version
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest

from worker.process.build import build

ROOT = Path(__file__).parents[2]
HOOK = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]["hooks"][
    "custom"
]
EXPECTED = os.environ.get("G3N_TEST_BUILD", "interpreted")


def hook() -> ModuleType:
    spec = spec_from_file_location("hook", ROOT / HOOK["path"])
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def file_of(module: str) -> str:
    return importlib.import_module(module).__file__ or ""


def test_every_module_that_the_wheel_compiles_is_of_the_build_under_test() -> None:
    sources = hook().sources(ROOT, HOOK)
    assert len(sources) > 40
    files = [file_of(source.removesuffix(".py").replace("/", ".")) for source in sources]
    suffixes = EXTENSION_SUFFIXES if EXPECTED == "compiled" else SOURCE_SUFFIXES
    assert [file for file in files if not file.endswith(tuple(suffixes))] == []
    assert [file for file in files if Path(file).is_relative_to(ROOT / "build") != (EXPECTED == "compiled")] == []
    assert all(file_of(source.removesuffix(".py").replace("/", ".")).endswith(".py") for source in HOOK["interpreted"])


def test_a_program_that_is_started_is_of_the_same_build_and_says_so() -> None:
    said = subprocess.run([sys.executable, "-m", "worker", "--version"], capture_output=True, text=True, check=True)
    assert said.stdout == f"g3n {version('g3n-crm')} ({EXPECTED})\n"
    assert build() == EXPECTED


def test_a_module_that_is_not_there_is_refused() -> None:
    with pytest.raises(ValueError, match=r"no such file: .*worker/gone\.py"):
        hook().sources(ROOT, {"compiled": ["worker/domain"], "interpreted": ["worker/gone.py"]})
