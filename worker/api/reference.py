"""The API's reference as one HTML page, made from the OpenAPI document: no script, font, image or other host."""

import base64
import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from html import escape
from importlib import resources
from typing import Any, Final

from worker.api import schema_words

Json = Mapping[str, Any]
_START: Final = "start"


def page(openapi: Json) -> tuple[bytes, str]:
    """Return the page, and the Content-Security-Policy that it needs."""
    style = resources.files("worker.api").joinpath("reference.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    title = f"{openapi['info']['title']} API"
    html = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{style}</style></head><body>"
        f"{_contents(openapi, title)}<main>{_start(openapi, title)}{_operations(openapi)}{_types(openapi)}</main>"
        "</body></html>"
    )
    return html.encode(), f"{policy}; frame-ancestors 'none'"


# --- parts of the page -----------------------------------------------------------------------------------------------


def _contents(openapi: Json, title: str) -> str:
    groups = "".join(
        f"<h2>{escape(tag)}</h2><ul>"
        + "".join(f'<li><a href="#{one["operationId"]}">{escape(path)}</a></li>' for path, one in ones)
        + "</ul>"
        for tag, ones in _by_tag(openapi)
    )
    first = f'<a class="title" href="#{_START}">{escape(title)}</a><p>version {escape(openapi["info"]["version"])}</p>'
    more = '<h2>more</h2><ul><li><a href="#types">types</a></li><li><a href="/openapi.json">openapi.json</a></li></ul>'
    return f"<nav>{first}{groups}{more}</nav>"


def _start(openapi: Json, title: str) -> str:
    parts = openapi["components"]
    headers = "".join(
        _row(f"<code>{escape(one['name'])}</code>", _need(required=one["required"]), words(one["description"]))
        for one in parts["parameters"].values()
    )
    credentials = "".join(
        _row(f"<code>{escape(one.get('name', 'Authorization: Bearer …'))}</code>", "one of", words(one["description"]))
        for one in parts["securitySchemes"].values()
    )
    shared = "".join(_problem_row(openapi, status, response) for status, response in sorted(parts["responses"].items()))
    return (
        f'<section id="{_START}"><h1>{escape(title)}</h1><p class="lead">{words(openapi["info"]["description"])}</p>'
        "<p>Every operation is a POST of a JSON object. It answers 200 and a JSON object, or a problem (RFC 9457).</p>"
        f"<h3>Headers of every request</h3><table>{credentials}{headers}</table>"
        f"<h3>Problems of every operation</h3><table>{shared}</table></section>"
    )


def _operations(openapi: Json) -> str:
    return "".join(
        f"<section><h2>{escape(tag)}</h2>{''.join(_operation(openapi, path, one) for path, one in ones)}</section>"
        for tag, ones in _by_tag(openapi)
    )


def _operation(openapi: Json, path: str, operation: Json) -> str:
    request = _content(operation["requestBody"])
    answer = _content(operation["responses"]["200"])
    example = _example(request)
    own = sorted(
        (status, one) for status, one in operation["responses"].items() if status != "200" and "$ref" not in one
    )
    problems = "".join(_problem_row(openapi, status, one) for status, one in own)
    return (
        f'<article id="{operation["operationId"]}"><h3><span class="post">POST</span> {escape(path)}</h3>'
        f'<div class="columns"><div><p class="lead">{words(operation["summary"])}</p>'
        f"<p>{words(operation['description'])}</p>"
        f"<h4>Request</h4>{_members(openapi, _resolved(openapi, request['schema']))}"
        f"<h4>Answer</h4><p>{words(operation['responses']['200']['description'])} "
        f"{schema_words.kind(answer['schema'])}</p>"
        f"<h4>Problems of its own</h4><table>{problems}</table></div>"
        f'<div class="examples"><h4>Example</h4><pre>{escape(_curl(path, example))}</pre>'
        f"<h4>200</h4><pre>{escape(_pretty(_example(answer)))}</pre></div></div></article>"
    )


def _types(openapi: Json) -> str:
    schemas = openapi["components"]["schemas"]
    requests = {_content(one["requestBody"])["schema"].get("$ref", "").rpartition("/")[2] for _, one in _all(openapi)}
    shown = "".join(
        f'<article id="type-{escape(name)}"><h3>{escape(name)}</h3><p>{words(one.get("description", ""))}</p>'
        f"{_members(openapi, one)}</article>"
        for name, one in sorted(schemas.items())
        if name not in requests
    )
    return f'<section id="types"><h2>types</h2>{shown}</section>'


def _members(openapi: Json, schema: Json) -> str:
    """Return a table of an object's members; for anything else, its kind."""
    if "properties" not in schema:
        return f"<p>{schema_words.kind(schema)}</p>" if schema.get("properties") is None else ""
    required = set(schema.get("required", ()))
    rows = [
        _row(
            f"<code>{escape(name)}</code>",
            _need(required=name in required),
            f"{schema_words.kind(one)}{_described(openapi, one)}",
        )
        for name, one in schema["properties"].items()
    ]
    return f"<table>{''.join(rows)}</table>" if rows else "<p>No members.</p>"


def _described(openapi: Json, schema: Json) -> str:
    text = schema.get("description") or _resolved(openapi, schema).get("description") or ""
    return f"<br>{words(text)}" if text else ""


def _problem_row(openapi: Json, status: str, response: Json) -> str:
    reasons = []
    for name, example in _content(response).get("examples", {}).items():
        value = _resolved(openapi, example).get("value", {})
        reasons.append(
            f'<span title="{escape(str(value.get("detail", "")))}">{escape(value.get("reason", name))}</span>'
        )
    codes = ", ".join(f"<code>{one}</code>" for one in dict.fromkeys(reasons))
    return _row(f"<b>{escape(status)}</b>", "", f"{words(response['description'])}<br>{codes}")


# --- small things ----------------------------------------------------------------------------------------------------


def words(text: str) -> str:
    """Return prose as HTML; text in backticks becomes code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text, quote=False))


def _row(name: str, need: str, text: str) -> str:
    return f"<tr><td>{name}</td><td>{need}</td><td>{text}</td></tr>"


def _need(*, required: bool) -> str:
    return '<span class="need">required</span>' if required else ""


def _all(openapi: Json) -> Iterable[tuple[str, Json]]:
    return ((path, methods["post"]) for path, methods in openapi["paths"].items())


def _by_tag(openapi: Json) -> list[tuple[str, list[tuple[str, Json]]]]:
    groups: dict[str, list[tuple[str, Json]]] = {tag["name"]: [] for tag in openapi["tags"]}
    for path, operation in _all(openapi):
        groups[operation["tags"][0]].append((path, operation))
    return list(groups.items())


def _content(part: Json) -> Json:
    content: Json = next(iter(part["content"].values()))
    return content


def _resolved(openapi: Json, part: Json) -> Json:
    """Return the part that a reference points to; anything else unchanged."""
    found: Any = part
    if "$ref" in part:
        found = openapi
        for name in part["$ref"].removeprefix("#/").split("/"):
            found = found[name]
    resolved: Json = found
    return resolved


def _example(content: Json) -> Any:  # noqa: ANN401  any JSON
    examples: Json = content.get("examples", {})
    return next((one["value"] for one in examples.values() if "value" in one), {})


def _pretty(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


def _curl(path: str, body: object) -> str:
    return (
        f"curl http://127.0.0.1:8080{path} \\\n"
        '  -H "X-Orgcode: acme" -H "X-Api-Key: $KEY" \\\n'
        '  -H "Content-Type: application/json" \\\n'
        f"  -d '{_pretty(body)}'"
    )
