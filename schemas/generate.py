"""`python -m schemas.generate [--check]`: write the generated files for integrators, or list those that
are outdated.
"""

import argparse
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from schemas import asyncapi, json_schema, openapi

HERE: Final = Path(__file__).parent
JSON: Final = HERE / "json"
ASYNCAPI: Final = HERE / "asyncapi.yaml"
OPENAPI: Final = HERE / "openapi.json"

_PLAIN = re.compile(r"[$A-Za-z/][A-Za-z0-9_./ -]*(?<! )").fullmatch
_RESERVED: Final = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})


def _scalar(value: object) -> str:
    if isinstance(value, str) and _PLAIN(value) and value.lower() not in _RESERVED:
        return value
    return json.dumps(value, ensure_ascii=False)  # JSON is valid YAML


def _lines(value: Any, indent: str) -> Iterator[str]:  # noqa: ANN401  # any JSON
    items = value.items() if isinstance(value, dict) else ((None, item) for item in value)
    for key, item in items:
        head = f"{indent}-" if key is None else f"{indent}{_scalar(key)}:"
        if not isinstance(item, dict | list | tuple) or not item:
            yield f"{head} {_scalar(item)}"
            continue
        inner = list(_lines(item, f"{indent}  "))
        if key is None:
            yield f"{head} {inner[0].strip()}"
            yield from inner[1:]
        else:
            yield head
            yield from inner


def yaml(value: Any) -> str:  # noqa: ANN401  # any JSON
    """Return JSON as block-style YAML."""
    return "\n".join(_lines(value, "")) + "\n"


def files() -> dict[Path, str]:
    """Return every generated file and its content."""
    generated = {
        JSON / f"{name}.json": json.dumps(json_schema.standalone(model), indent=2, ensure_ascii=False) + "\n"
        for name, model in json_schema.FILES.items()
    }
    generated[ASYNCAPI] = yaml(asyncapi.document())
    generated[OPENAPI] = json.dumps(openapi.document(), indent=2, ensure_ascii=False) + "\n"
    return generated


def outdated() -> list[Path]:
    """Return the files that differ from the models, or that no model generates."""
    generated = files()
    stale = [path for path, text in generated.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    return stale + [path for path in sorted(JSON.glob("*.json")) if path not in generated]


def main() -> int:
    """Return the exit status: 1 with --check if a file is outdated."""
    parser = argparse.ArgumentParser(prog="python -m schemas.generate", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a file is outdated")
    if parser.parse_args().check:
        stale = outdated()
        for path in stale:
            print(f"{path}: differs from the models; run python -m schemas.generate", file=sys.stderr)
        return 1 if stale else 0
    JSON.mkdir(exist_ok=True)
    for path in outdated():
        path.unlink(missing_ok=True)
    for path, text in files().items():
        path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
