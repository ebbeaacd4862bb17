"""Values: parameters as JSON, artifacts with their known properties."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from typedpipe.report.content import CHARTED
from typedpipe.report.logs import cut
from typedpipe.report.markup import Markup, joined, tag
from typedpipe.report.words import figure, size
from typedpipe.runs.model import ArtifactRef, Value
from typedpipe.types.json_text import json_text, plain

MOST = 20
"""Maximum number of list elements shown."""


def data_text(value: object, longest: int = 600) -> str:
    """A plain value as a user would type it, truncated if long.

    >>> data_text({"a": [1, None]}), data_text("x")
    ('{"a": [1, null]}', '"x"')
    """
    return cut(json_text(value, ensure_ascii=False, default=str), longest)


def value(given: Value) -> Markup:
    """Any value of a task or a run."""
    if given is None:
        return tag("span", "none", class_="quiet")
    if isinstance(given, ArtifactRef):
        return _artifact(given)
    if isinstance(given, tuple):
        items = [tag("li", value(item)) for item in given[:MOST]]
        more = tag("li", f"and {len(given) - MOST} more", class_="quiet") if len(given) > MOST else None
        return tag("ol", items, more, class_="items", start="0") if given else tag("code", "[]")
    return parameter(plain(given))


def parameter(data: object) -> Markup:
    """A plain value; line breaks in text are kept."""
    if isinstance(data, str) and "\n" in data:
        return tag("pre", cut(data, 1500), class_="text")
    return tag("code", data_text(data), class_="value")


def _artifact(stored: ArtifactRef) -> Markup:
    descriptor = stored.descriptor
    kind = str(descriptor.get("type") or "artifact").removeprefix("system.")
    parts: list[Markup] = [tag("b", kind)]
    count = descriptor.get("size")
    if isinstance(count, int):
        parts.append(tag("span", size(count), class_="quiet"))
    digest = str(descriptor.get("digest") or "").removeprefix("sha256:")
    if digest:
        parts.append(tag("code", digest[:12], class_="quiet", title=digest))
    place = stored.place
    return tag(
        "div",
        tag("div", joined(*_spaced(parts))),
        _metadata(descriptor.get("metadata")),
        tag("code", cut(place, 300), class_="place") if place else None,
        class_="artifact",
    )


def _spaced(parts: Iterable[Markup]) -> list[Markup | str]:
    return [piece for part in parts for piece in (part, " ")]


def _metadata(data: object) -> Markup | None:
    if not isinstance(data, Mapping):
        return None
    shown = [(str(key), item) for key, item in data.items() if key not in CHARTED]
    if not shown:
        return None
    return tag("dl", [(tag("dt", key), tag("dd", scalar(item))) for key, item in shown[:MOST]], class_="meta")


def scalar(item: object) -> str:
    """Format a number as a figure, anything else as JSON."""
    return figure(item) if isinstance(item, int | float) else data_text(item, 200)


def table(rows: Mapping[str, Value], empty: str = "") -> Markup | None:
    """A table of names and values."""
    if not rows:
        return tag("p", empty, class_="quiet") if empty else None
    body = [tag("tr", tag("th", name, scope="row"), tag("td", value(item))) for name, item in rows.items()]
    return tag("table", tag("tbody", body), class_="pairs")
