"""Graph of a run: each box shows the result of its tasks and links to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from typedpipe.diagnostics.cells import shown
from typedpipe.pictures.boxes import Box, box_paths, picture
from typedpipe.pictures.drawing import Step, draw
from typedpipe.pictures.layout import LINE, PAD, Placed, lay_out
from typedpipe.report.content import Content, Group
from typedpipe.report.logs import cut
from typedpipe.report.markup import Markup, number, tag
from typedpipe.report.states import SIGNS, WORDS, summary, worst
from typedpipe.report.words import counted, duration
from typedpipe.runs.model import Task
from typedpipe.runs.paths import TaskPath, item_path

_LONGEST = 48
MOST = 1500
"""Maximum number of boxes drawn."""


@dataclass(frozen=True, slots=True)
class BoxLook:
    """Appearance of a box: its state, the anchor of its tasks, whether it is on the critical path."""

    state: str
    target: str = ""
    critical: bool = False


def graph(content: Content) -> Markup | None:
    """The drawing, or None if there is no pipeline to draw."""
    if content.pipeline is None:
        return None
    boxes = picture(content.pipeline).boxes
    drawing = _Drawing(content)
    drawing.dress(boxes)
    if not boxes or len(drawing.looks) > MOST:
        return None
    layout = lay_out(boxes)
    elements: list[Markup] = draw(layout, 2.0, 2.0, drawing, arrows_first=True)
    wide, high = layout.wide + 4, layout.high + 4
    head = tag("path", d="M0 0L8 4L0 8z", class_="arrowhead")
    marker = tag(
        "marker",
        head,
        id="head",
        viewBox="0 0 8 8",
        refX="7",
        refY="4",
        markerWidth="7",
        markerHeight="7",
        orient="auto",
    )
    return tag(
        "svg",
        tag("defs", marker),
        elements,
        viewBox=f"0 0 {number(wide)} {number(high)}",
        width=wide,
        height=high,
        class_="graph",
        role="img",
        aria_label=f"graph of the pipeline {content.run.pipeline}",
    )


def dressed_boxes(content: Content) -> list[tuple[str, Box, BoxLook]]:
    """Boxes of the drawing as data, each with its node's path; a box comes after its inner boxes."""
    if content.pipeline is None:
        return []
    boxes = picture(content.pipeline).boxes
    drawing = _Drawing(content)
    drawing.dress(boxes)
    return [(path, box, drawing.looks[id(box)]) for path, box in box_paths(boxes)]


class _Drawing:
    def __init__(self, content: Content) -> None:
        self._groups = {group.path: group for group in content.groups}
        self._critical = set(content.critical)
        self._items: dict[str, set[str]] = {}
        self._under: dict[str, list[Group]] = {}
        for group in content.groups:
            *around, _ = TaskPath.parse(group.path).prefixes()
            for above in around:
                self._under.setdefault(str(above), []).append(group)
        self.looks: dict[int, BoxLook] = {}

    def dress(self, boxes: Sequence[Box]) -> None:
        """Find the result of each box, and show it in its second line."""
        for path, box in box_paths(boxes):
            box.title = cut(box.title, _LONGEST)
            if box.kind == "arm":
                self._frame(box, [self.looks[id(child)] for child in box.children])
            elif box.children:
                self._group(box, path)
            else:
                self._leaf(box, path)

    def _leaf(self, box: Box, path: str) -> None:
        group = self._groups.get(path)
        if group is None:
            box.outputs = f"{SIGNS['omitted']} not run"
            self.looks[id(box)] = BoxLook("none")
            return
        state = worst(group.tasks)
        critical = any(task.name in self._critical for task in group.tasks)
        box.outputs = _line(group.tasks, state)
        self.looks[id(box)] = BoxLook(state, group.anchor, critical)

    def _group(self, box: Box, path: str) -> None:
        tasks = [task for group in self._under.get(path, []) for task in group.tasks]
        if box.kind == "loop" and tasks:
            items = len({item_path(task.name, path) for task in tasks})
            box.title += f" · {counted(items, 'item')}"
        self.looks[id(box)] = BoxLook(worst(tasks))

    def _frame(self, box: Box, inside: Sequence[BoxLook]) -> None:
        self.looks[id(box)] = BoxLook("none" if all(look.state == "none" for look in inside) else "succeeded")

    # ---------------------------------------------------------------------------------------------- drawing

    def frame(self, box: Box, item: Placed, x: float, y: float, inside: list[Markup]) -> list[Markup]:
        rect = tag("rect", x=x, y=y, width=item.wide, height=item.high, rx="8")
        title = tag("text", shown(box.title), x=x + PAD, y=y + PAD + 6, class_="title")
        return [tag("g", rect, title, inside, class_=f"frame-box {box.kind} g-{self.looks[id(box)].state}")]

    def box(self, box: Box, item: Placed, x: float, y: float) -> list[Markup]:
        look = self.looks[id(box)]
        middle = x + item.wide / 2
        parts = [
            tag("rect", x=x, y=y, width=item.wide, height=item.high, rx="8", class_="back"),
            tag("text", shown(box.title), x=middle, y=y + PAD / 2 + 13, class_="title mid"),
            tag("text", shown(box.outputs), x=middle, y=y + PAD / 2 + 11 + LINE, class_="said mid"),
        ]
        classes = f"box g-{look.state}{' critical' if look.critical else ''}"
        if not look.target:
            return [tag("g", parts, class_=classes)]
        return [tag("a", parts, href=f"#{look.target}", class_=classes)]

    def arrow(self, steps: Sequence[Step]) -> Markup:
        return tag("path", d="".join(step.text(number) for step in steps), class_="arrow", marker_end="url(#head)")


def _line(tasks: Sequence[Task], state: str) -> str:
    """Summary of the results of a node's tasks."""
    if len(tasks) > 1:
        return "  ".join(f"{SIGNS[look]} {count:,}" for look, count in summary(tasks))
    task = tasks[0]
    said = f"{SIGNS.get(state, '')} {'' if state == 'succeeded' else WORDS.get(state, state)}".strip()
    took = duration(task.finished - task.started) if task.finished is not None and task.started is not None else ""
    if task.reused or not took:
        return said
    tries = f" · {len(task.attempts)} attempts" if len(task.attempts) > 1 else ""
    return f"{said} {took}{tries}"
