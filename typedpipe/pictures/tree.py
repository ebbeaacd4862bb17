"""A pipeline as a tree of text."""

from __future__ import annotations

from collections.abc import Iterator

from typedpipe.diagnostics.cells import shown
from typedpipe.pictures.boxes import Box, Picture


def draw_tree(picture: Picture) -> str:
    """Draw the tree: each task with its upstream tasks and its outputs."""
    lines = [shown(f"{picture.title}({', '.join(picture.inputs)})")]
    lines += _draw(picture.boxes, "", bool(picture.outputs))
    lines += [
        f"└─ = {shown(output)}" if last else f"├─ = {shown(output)}" for output, last in _with_last(picture.outputs)
    ]
    return "\n".join(lines) + "\n"


def _with_last(items: tuple[str, ...]) -> Iterator[tuple[str, bool]]:
    for number, item in enumerate(items):
        yield item, number == len(items) - 1


def _draw(boxes: list[Box], indent: str, more: bool) -> list[str]:
    lines: list[str] = []
    for number, box in enumerate(boxes):
        last = number == len(boxes) - 1 and not more
        outputs = f" -> {box.outputs}" if box.outputs else ""
        sources = f"  after {', '.join(box.sources)}" if box.sources else ""
        lines.append(f"{indent}{'└─' if last else '├─'} {shown(box.title + outputs + sources)}")
        lines += _draw(box.children, indent + ("   " if last else "│  "), more=False)
    return lines
