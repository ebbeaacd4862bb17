"""Readable artifacts: Markdown as HTML created by typedpipe, HTML as a separate page in a sandbox.

A sandboxed frame has no origin: its scripts cannot reach the report, storage or other pages. It inherits the report's
Content-Security-Policy, so nothing is loaded from elsewhere, and only the scripts that were in the artifact when the
report was written run, each identified by its digest. External scripts, ``onclick=`` and similar do not run.

The policy does not cover WebRTC, so each script starts with a guard that removes it. No other script can run in the frame
or in a frame inside it, so no script can use it before.
"""

from __future__ import annotations

import base64
import errno
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

from typedpipe.report.content import Content, Output, anchor
from typedpipe.report.markup import Markup, joined, tag, visible
from typedpipe.report.words import size
from typedpipe.runs.problems import ContentLost
from typedpipe.runs.source import RunSource

if TYPE_CHECKING:
    from markdown_it.renderer import RendererHTML
    from markdown_it.token import Token

LARGEST = {"system.Markdown": 1 << 20, "system.HTML": 16 << 20}
"""Larger files are listed, but not shown."""
BUDGET = 64 << 20
"""Maximum total size of the documents in one report."""
_HEIGHT = """<script>
{
  const say = () => parent.postMessage({typedpipeHeight: document.documentElement.offsetHeight}, "*");
  addEventListener("load", say);
  new ResizeObserver(say).observe(document.documentElement);
}
</script>"""
"""The frame reports its height; the report needs nothing else from it."""
_GUARD = "for(const n of Object.getOwnPropertyNames(self))/RTC/.test(n)&&Reflect.deleteProperty(self,n);"
_STRICT = re.compile(r"""(?:\s|/\*.*?\*/|//[^\n]*\n)*(["'])use strict\1""", re.DOTALL)
_RUNS = re.compile(r"|module|(text|application)/(x-)?(java|ecma)script", re.IGNORECASE)
"""Types of scripts that a browser runs; others, such as ``speculationrules``, are data, or would load something."""


@dataclass(frozen=True, slots=True)
class Document:
    """A readable artifact: its schema title and text, or in ``why`` the reason why it is not shown."""

    output: Output
    title: str
    text: str
    why: str


@dataclass(slots=True)
class Documents:
    """Documents to show, and the permissions that the page needs for them."""

    parts: list[Markup] = field(default_factory=list[Markup])
    scripts: set[str] = field(default_factory=set[str])
    """CSP sources of the scripts inside frames."""
    framed: bool = False

    @property
    def markup(self) -> Markup | None:
        return joined(self.parts) if self.parts else None

    def add(self, document: Document) -> None:
        """Add one document."""
        output = document.output
        if document.why:
            shown = tag("p", document.why, class_="quiet")
        elif document.title == "system.Markdown":
            shown = tag("div", markdown(document.text), class_="markdown")
        else:
            shown = self._frame(document.text, output.label)
        head = tag("h3", tag("a", output.label, href=f"#{anchor(output.task)}"))
        self.parts.append(tag("div", head, shown, class_="document"))

    def _frame(self, text: str, label: str) -> Markup:
        text = guarded(text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "�") + _HEIGHT)
        self.framed = True
        self.scripts.update(digest(script) for script in scripts_in(text) if _is_guarded(script))
        source = Markup(text.encode("utf-8", "replace").decode())  # escaped as an attribute, otherwise unchanged
        return tag("iframe", srcdoc=source, sandbox="allow-scripts", title=label, loading="lazy", class_="frame")


def documents(content: Content) -> Documents:
    """All Markdown and HTML artifacts of a run."""
    found = Documents()
    for document in read_documents(content):
        found.add(document)
    return found


def read_documents(content: Content) -> list[Document]:
    """All Markdown and HTML artifacts of a run as text, or the reasons why they cannot be shown."""
    room = BUDGET
    found: list[Document] = []
    for title, largest in LARGEST.items():
        for output in content.artifacts(title):
            text, why, count = _read(content.source, output, min(largest, room))
            room -= count
            found.append(Document(output, title, text, why))
    return found


def _read(source: RunSource, output: Output, largest: int) -> tuple[str, str, int]:
    """The text, the reason why there is none, and its size in bytes."""
    place = output.stored.place
    try:
        count = source.files(output.stored).get("")
        if count is None:
            return "", f"Not shown, because it is a directory: {place}", 0
        if count > largest:
            return "", f"Not shown, because it is too large for the report ({size(count)}): {place}", 0
        with source.open(output.stored) as file:
            return file.read().decode("utf-8-sig", "replace"), "", count
    except ContentLost as error:
        if error.why == "reference":
            return "", f"Stored at {place}, not on this machine.", 0
        why = os.strerror(errno.ENOENT) if error.why == "gone" else "it was modified"
        return "", f"Not shown, because it cannot be read: {why}: {place}", 0
    except OSError as error:
        return "", f"Not shown, because it cannot be read: {error.strerror or error}: {place}", 0


def digest(script: str) -> str:
    """A script as a source in a Content-Security-Policy.

    >>> digest("")
    "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='"
    """
    return f"'sha256-{base64.b64encode(sha256(script.encode()).digest()).decode()}'"


def scripts_in(text: str) -> list[str]:
    """The scripts in a page.

    >>> scripts_in("<p>x</p><script>a < b</script><script src=y></script>")
    ['a < b']
    """
    parser = _Scripts()
    parser.feed(text)
    parser.close()
    return parser.found


def guarded(text: str) -> str:
    """A page whose scripts start with a guard against what the page's policy does not cover.

    >>> guarded("<script>1</script>").endswith("Reflect.deleteProperty(self,n);1</script>")
    True
    """
    parser = _Scripts()
    parser.feed(text)
    parser.close()
    lines = [0, *(match.end() for match in re.finditer("\n", text))]
    parts: list[str] = []
    done = 0
    for line, column, length in parser.starts:
        start = lines[line - 1] + column + length
        strict = _STRICT.match(text, start)  # a directive must come first
        parts += [text[done:start], '"use strict";' if strict else "", _GUARD]
        done = start
    return "".join([*parts, text[done:]])


def _is_guarded(script: str) -> bool:
    return script.removeprefix('"use strict";').startswith(_GUARD)


class _Scripts(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self.found: list[str] = []
        self.starts: list[tuple[int, int, int]] = []
        """Line, column and length of the start tag of each script that a browser runs."""
        self._open: list[str] | None = None

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        if tag == "script":
            self._open = []
            if _RUNS.fullmatch((dict(attrs).get("type") or "").strip()):
                self.starts.append((*self.getpos(), len(self.get_starttag_text() or "")))

    def handle_data(self, data: str) -> None:
        if self._open is not None:
            self._open.append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag == "script" and self._open is not None:
            if any(self._open):
                self.found.append("".join(self._open))
            self._open = None


# ------------------------------------------------------------------------------------------------ Markdown


def markdown(text: str) -> Markup:
    r"""Convert Markdown to HTML: embedded HTML stays text, links open in a new page, external images become links.

    >>> markdown("**bold** <script>x</script>")
    '<p><strong>bold</strong> &lt;script&gt;x&lt;/script&gt;</p>\n'
    """
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
    parser.add_render_rule("image", _image)
    parser.add_render_rule("link_open", _link)
    parser.add_render_rule("heading_open", _heading)
    parser.add_render_rule("heading_close", _heading)
    parser.add_render_rule("softbreak", lambda *_: "\n")
    return Markup(parser.render(visible(text)))


def _image(self: RendererHTML, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    token = tokens[index]
    source = str(token.attrGet("src") or "")
    words = self.renderInlineAsText(token.children or [], options, env)
    if source.startswith("data:image/"):
        return tag("img", src=source, alt=words)
    return tag("a", words or source, href=source, rel="noopener noreferrer", target="_blank")


def _link(self: RendererHTML, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    token = tokens[index]
    if not str(token.attrGet("href") or "").startswith("#"):
        token.attrSet("rel", "noopener noreferrer")
        token.attrSet("target", "_blank")
    return self.renderToken(tokens, index, options, env)


def _heading(self: RendererHTML, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    """Render headings of a document one level below those of the report."""
    token = tokens[index]
    token.tag = f"h{min(6, int(token.tag[1]) + 3)}"
    return self.renderToken(tokens, index, options, env)
