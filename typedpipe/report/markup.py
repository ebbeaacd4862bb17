"""HTML built from Python calls. Only the results of :func:`tag` are markup; everything else is escaped automatically.

A template language would have to be told to escape; here, a ``str`` that is not a :class:`Markup` is always escaped.
"""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import TypeAlias

from typedpipe.diagnostics.cells import shown


class Markup(str):
    """Text that is already HTML. Joining or formatting it returns a plain ``str`` again, which will be escaped."""

    __slots__ = ()


Child: TypeAlias = "str | Iterable[Child] | None"
Attribute: TypeAlias = str | float | bool | None
_VOID = frozenset({"meta", "br", "hr", "img", "input"})
_NAMES = {"class_": "class", "for_": "for"}
NOTHING = Markup()


def visible(text: str) -> str:
    r"""Spell out control and bidirectional characters; lines and tabs stay.

    >>> visible("a\x00\tb\nc\u202e")
    'a␀  b\nc<U+202E>'
    """
    if text.isascii() and text.isprintable():
        return text
    return "\n".join(shown(line.expandtabs(4)) for line in text.split("\n"))


def tag(name: str, /, *children: Child, **attributes: Attribute) -> Markup:
    """An element. Attributes: ``class_`` is ``class``, ``stroke_width`` is ``stroke-width``; None and False are
    omitted.

    >>> tag("p", "1 < 2", tag("b", "yes"), class_="x")
    '<p class="x">1 &lt; 2<b>yes</b></p>'
    """
    head = "".join(
        _attribute(key, value) for key, value in attributes.items() if value is not None and value is not False
    )
    if name in _VOID:
        return Markup(f"<{name}{head}>")
    return Markup(f"<{name}{head}>{joined(*children)}</{name}>")


def joined(*children: Child) -> Markup:
    """Join several pieces of markup.

    >>> joined("a&b", [tag("i", "c"), None])
    'a&amp;b<i>c</i>'
    """
    parts: list[str] = []
    for child in children:
        if isinstance(child, Markup):
            parts.append(child)
        elif isinstance(child, str):
            parts.append(escape(visible(child)))
        elif child is not None:
            parts.append(joined(*child))
    return Markup("".join(parts))


def _attribute(key: str, value: Attribute) -> str:
    name = _NAMES.get(key) or key.replace("_", "-")
    if value is True:
        return f" {name}"
    if isinstance(value, float):
        return f' {name}="{number(value)}"'
    text = str(value)
    return f' {name}="{escape(text if isinstance(value, Markup) else visible(text))}"'


def number(value: float) -> str:
    """Format a coordinate briefly.

    >>> number(12.0), number(1.23456)
    ('12', '1.23')
    """
    return f"{value:.2f}".rstrip("0").rstrip(".")
