"""The build hook of `make wheel`: mypyc compiles the modules that pyproject.toml lists, from the same sources.

Hatchling runs it if HATCH_BUILD_HOOK_ENABLE_CUSTOM is true, and it does nothing for an editable install. The wheel has
each compiled module beside its source. Python imports the compiled one; tracebacks show the source.
"""

import contextlib
import os
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

GROUP = "g3n"
OPTIMIZATION = "1"  # 2 and 3 compile for a quarter longer, and no stage of a sale is faster


def sources(root: Path, config: dict[str, Any]) -> list[str]:
    """Return the modules to compile, relative to `root`: those of `compiled` without those of `interpreted`.

    Packages' own `__init__.py` stay interpreted: they hold a docstring and imports. Raises ValueError if the
    configuration names a file that is not there.
    """
    named = [root / name for name in (*config["compiled"], *config["interpreted"])]
    if missing := [str(path) for path in named if not path.exists()]:
        raise ValueError(f"tool.hatch.build.targets.wheel.hooks.custom: no such file: {', '.join(missing)}")
    found = (one for path in named for one in (path.rglob("*.py") if path.is_dir() else (path,)))
    chosen = {str(path.relative_to(root)) for path in found if path.name != "__init__.py"}
    return sorted(chosen - set(config["interpreted"]))


def compiled(modules: Sequence[str], folder: Path) -> Path:
    """Compile modules, relative to the working directory, and return the folder that holds them as Python finds them.
    """
    from mypyc.build import mypycify
    from setuptools import Distribution
    from setuptools.command.build_ext import build_ext

    class BuildInParallel(build_ext):
        """Compiles the C files of an extension beside each other; setuptools takes one at a time."""

        def build_extensions(self) -> None:
            compile_in_turn = self.compiler.compile

            def compile_beside(files: list[str], **options: Any) -> list[str]:
                with ThreadPoolExecutor(os.cpu_count()) as pool:
                    made = pool.map(lambda file: compile_in_turn([file], **options), files)
                    return [one for objects in made for one in objects]

            self.compiler.compile = compile_beside
            super().build_extensions()

    extensions = mypycify(
        ["--config-file=pyproject.toml", *modules],
        target_dir=str(folder / "c"),
        opt_level=OPTIMIZATION,
        debug_level="0",
        multi_file=True,
        group_name=GROUP,
    )
    command = BuildInParallel(Distribution({"ext_modules": extensions, "packages": [], "py_modules": []}))
    command.build_lib, command.build_temp = str(folder / "lib"), str(folder / "objects")
    command.ensure_finalized()
    command.run()
    return folder / "lib"


class CompilingHook(BuildHookInterface):
    """Puts compiled modules into a wheel, whose name then has the platform."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable":
            return
        self._made = tempfile.TemporaryDirectory(prefix="g3n-wheel-")
        with contextlib.chdir(self.root):
            library = compiled(sources(Path(self.root), self.config), Path(self._made.name))
        build_data["pure_python"], build_data["infer_tag"] = False, True
        for module in library.rglob("*.so"):
            build_data["force_include"][str(module)] = str(module.relative_to(library))

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        if version != "editable":
            self._made.cleanup()
