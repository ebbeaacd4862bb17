"""A pipeline as a mermaid flowchart, which GitHub and many editors draw."""

from __future__ import annotations

from typedpipe.diagnostics.cells import shown
from typedpipe.pictures.boxes import Box, Picture

_MEANT = {'"': "#quot;", "#": "#35;", "<": "#lt;", ">": "#gt;", "&": "#amp;", "`": "#96;", "\\": "#92;"}


def draw_mermaid(picture: Picture) -> str:
    """Draw the flowchart. User names are only labels; identifiers are generated, so no user text is syntax."""
    lines = ["---", f"title: {_quoted(picture.title)}", "---", "flowchart TD"]
    _draw(picture.boxes, "n", "  ", lines)
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    import json

    return json.dumps(shown(text))


def _label(text: str) -> str:
    return '"' + "".join(_MEANT.get(character, character) for character in shown(text)) + '"'


def _draw(boxes: list[Box], prefix: str, indent: str, lines: list[str]) -> None:
    names = {box.name: f"{prefix}{number}" for number, box in enumerate(boxes)}
    for box in boxes:
        name = names[box.name]
        if box.children:
            lines.append(f"{indent}subgraph {name}[{_label(box.title)}]")
            _draw(box.children, f"{name}_", indent + "  ", lines)
            lines.append(f"{indent}end")
        elif box.kind == "importer":
            lines.append(f"{indent}{name}[({_label(box.title)})]")
        else:
            lines.append(f"{indent}{name}[{_label(box.title)}]")
    for box in boxes:
        lines += [f"{indent}{names[source]} --> {names[box.name]}" for source in box.sources if source in names]
