"""Reports parsed as a browser would: elements, attributes, texts, and invariants of every report."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"meta", "input", "img", "br", "hr"}


@dataclass
class Read:
    """A parsed page."""

    elements: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    raw: dict[str, list[str]] = field(default_factory=lambda: {"script": [], "style": []})

    @property
    def text(self) -> str:
        return "".join(self.texts)

    def of(self, name: str) -> list[dict[str, str]]:
        return [attributes for element, attributes in self.elements if element == name]

    def classed(self, name: str) -> list[dict[str, str]]:
        return [each for _, each in self.elements if name in each.get("class", "").split()]


class _Parser(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.read = Read()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len({name for name, _ in attrs}) == len(attrs), f"an attribute twice: {tag} {attrs}"
        self.read.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open[-1] == tag, f"</{tag}> closes <{self.open[-1]}>"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] in self.read.raw:
            self.read.raw[self.open[-1]].append(data)
        else:
            self.read.texts.append(data)


def read_page(html: str) -> Read:
    """Parse a page; it must be well formed, load nothing, run nothing but its own script, and lead nowhere dead."""
    parser = _Parser()
    parser.feed(html)
    parser.close()
    assert not parser.open
    read = parser.read
    ids = [each["id"] for _, each in read.elements if "id" in each]
    assert len(set(ids)) == len(ids)
    for name, attributes in read.elements:
        assert not [key for key in attributes if key.startswith("on")]
        assert "style" not in attributes
        assert name not in ("link", "object", "embed", "base", "form")
        assert attributes.get("src", "data:").startswith("data:")
        href = attributes.get("href", "")
        if href.startswith("#"):
            assert href[1:] in ids, href
    assert len(read.of("script")) == 1
    assert len(read.of("style")) == 1
    shown = read.text + "".join(v for _, each in read.elements for key, v in each.items() if key != "srcdoc")
    assert all(ord(character) >= 32 or character == "\n" for character in shown)
    assert "\u202e" not in shown
    return read
