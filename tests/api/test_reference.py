"""The page for people: all of the OpenAPI document, and nothing from another host."""

import html.parser
import json
import re
from pathlib import Path
from typing import Any, Final

import schemas
from schemas.operations import OPERATIONS
from tests.api.conftest import Service
from worker.api import reference

OPENAPI: Final[dict[str, Any]] = json.loads((Path(schemas.__file__).parent / "openapi.json").read_text())


class Links(html.parser.HTMLParser):
    """The ids and the links of a page, and whether every tag is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: set[str] = set()
        self.open: list[str] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.tags.add(tag)
        self.ids.add(given.get("id") or "")
        if link := given.get("href") or given.get("src"):
            self.links.add(link)
        if tag not in {"meta", "br"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


async def test_the_page_is_served_with_a_policy_that_allows_its_style_only(service: Service) -> None:
    async with service.http() as http:
        answers = [await http.get(path) for path in ("/", "/docs")]
    assert [one.status_code for one in answers] == [200, 200]
    assert answers[0].content == answers[1].content
    assert answers[0].headers["content-type"] == "text/html; charset=utf-8"
    policy = answers[0].headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "frame-ancestors 'none'" in policy
    assert answers[0].headers["x-content-type-options"] == "nosniff"


def test_the_page_has_every_operation_and_type_and_no_dead_link() -> None:
    page, _ = reference.page(OPENAPI)
    links = Links()
    links.feed(page.decode())
    assert links.open == []
    assert {one.tool for one in OPERATIONS.values()} <= links.ids
    assert {link.removeprefix("#") for link in links.links if link.startswith("#")} <= links.ids
    assert {link for link in links.links if not link.startswith("#")} == {"/openapi.json"}
    assert not links.tags & {"script", "img", "link", "iframe", "object"}
    assert not re.search(r"url\(|@import", page.decode())


def test_texts_of_the_openapi_document_are_escaped() -> None:
    hostile = json.loads(json.dumps(OPENAPI).replace("Create a customer", "<script>alert(1)</script>"))
    page, _ = reference.page(hostile)
    assert b"<script>" not in page
    assert b"&lt;script&gt;" in page
