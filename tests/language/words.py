"""Split lines into words. No other module splits text."""

import re
from datetime import UTC, datetime, timedelta


def words(text: str, now: datetime | None = None) -> tuple[str, ...]:
    """Return the words of a line. A `{…}` is one word up to the last brace. Days (`@2026-03-10`) become offsets from
    `now`.
    """
    if now is not None:
        text = re.sub(r"(@|from=|day)(\d{4}-\d\d-\d\d)", lambda day: day[1] + _offset(day[2], now), text)
    head, brace, tail = text.partition("{")
    if not brace:
        return tuple(head.split())
    body, _, rest = tail.rpartition("}")
    return (*head.split(), "{" + body + "}", *rest.split())


def steps(text: str) -> tuple[str, ...]:
    """Return the steps of a line, split at semicolons outside braces."""
    return tuple(part.strip() for part in re.split(r";(?![^{]*\})", text) if part.strip())


def batch(step: str) -> list[str]:
    """Return the documents of a step; `a + b` come in one batch."""
    return [one for one in step.split(" + ") if one]


def boxes(page: str, language: str) -> str:
    """Return the boxes of a Markdown page that are in this language, below the page's headings. All lines keep their
    numbers.
    """
    kept, inside = [], ""
    for line in page.splitlines():
        if line.startswith("```"):
            inside = "" if inside else line
            kept.append("")
        elif inside:
            kept.append(line if inside == f"```{language}" else "")
        else:
            kept.append(f"## {line.strip('# ')}" if line.startswith("#") else "")
    return "\n".join(kept)


def _offset(day: str, now: datetime) -> str:
    noon = datetime.fromisoformat(day).replace(hour=12, tzinfo=UTC)
    return f"{(noon - now) // timedelta(days=1):+d}d"
