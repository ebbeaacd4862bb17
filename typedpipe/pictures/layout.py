"""Layout of boxes: layers from top to bottom, few crossings, groups around their own layout."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

from typedpipe.diagnostics.cells import shown, width
from typedpipe.pictures.boxes import Box

CELL, LINE = 7.9, 18.0
"""Size of a character of the font."""
GAP_X, GAP_Y, PAD, TITLE = 26.0, 40.0, 14.0, 24.0
_SWEEPS = 6


@dataclass(slots=True)
class Placed:
    """A box with its position, or (without a box) a bend of a long arrow."""

    box: Box | None
    wide: float
    high: float
    inside: Layout | None = None
    x: float = 0.0
    y: float = 0.0

    @property
    def middle(self) -> float:
        return self.x + self.wide / 2


@dataclass(slots=True)
class Layout:
    """One scope: its placed boxes, and its arrows as the boxes and bends that they pass through."""

    items: list[Placed] = field(default_factory=list[Placed])
    arrows: list[list[Placed]] = field(default_factory=list[list[Placed]])
    wide: float = 0.0
    high: float = 0.0


def text_width(text: str) -> float:
    return width(shown(text)) * CELL


def lay_out(boxes: list[Box], stacked: bool = False) -> Layout:
    """Place the boxes of one scope; ``stacked`` ones (alternatives) are placed side by side."""
    placed = {box.name: _sized(box) for box in boxes}
    layers = [list(placed.values())] if stacked else _layers(boxes, placed)
    result = Layout(list(placed.values()))
    if not stacked:
        result.arrows = _arrows(boxes, placed, layers)
        _order(layers, result.arrows)
    _place(layers, result)
    return result


def _sized(box: Box) -> Placed:
    if not box.children:
        wide = max(text_width(box.title), text_width(box.outputs) * 0.85) + 2 * PAD
        return Placed(box, wide, LINE * (2 if box.outputs else 1) + PAD)
    inside = lay_out(box.children, box.stacked)
    wide = max(inside.wide, text_width(box.title)) + 2 * PAD
    return Placed(box, wide, inside.high + TITLE + 2 * PAD, inside)


def _layers(boxes: list[Box], placed: dict[str, Placed]) -> list[list[Placed]]:
    """Place each box one layer below its lowest source. Nodes come after their sources in the IR."""
    depth: dict[str, int] = {}
    waiting = boxes
    while waiting:
        rest: list[Box] = []
        for box in waiting:
            above = [source for source in box.sources if source in placed]
            if all(source in depth for source in above):
                depth[box.name] = 1 + max((depth[source] for source in above), default=-1)
            else:
                rest.append(box)
        if len(rest) == len(waiting):  # a cycle
            depth.update(dict.fromkeys((box.name for box in rest), 1 + max(depth.values(), default=-1)))
            break
        waiting = rest
    layers: list[list[Placed]] = [[] for _ in range(max(depth.values(), default=-1) + 1)]
    for box in boxes:
        layers[depth[box.name]].append(placed[box.name])
    return layers


def _arrows(boxes: list[Box], placed: dict[str, Placed], layers: list[list[Placed]]) -> list[list[Placed]]:
    """Give arrows that skip layers a bend in each, so that they pass next to the boxes and not through them."""
    level = {id(item): number for number, layer in enumerate(layers) for item in layer}
    arrows: list[list[Placed]] = []
    for box in boxes:
        for source in box.sources:
            if source not in placed:
                continue
            start, end = placed[source], placed[box.name]
            path = [start]
            for number in range(level[id(start)] + 1, level[id(end)]):
                bend = Placed(None, 8.0, 1.0)
                layers[number].append(bend)
                path.append(bend)
            arrows.append([*path, end])
    return arrows


def _order(layers: list[list[Placed]], arrows: list[list[Placed]]) -> None:
    """Reduce crossings: sort each layer by the mean position of its neighbors, down and up a few times."""
    above: dict[int, list[Placed]] = {}
    below: dict[int, list[Placed]] = {}
    for arrow in arrows:
        for start, end in pairwise(arrow):
            above.setdefault(id(end), []).append(start)
            below.setdefault(id(start), []).append(end)
    at = {id(item): float(number) for layer in layers for number, item in enumerate(layer)}
    for sweep in range(_SWEEPS):
        down = sweep % 2 == 0
        neighbours = above if down else below
        for layer in layers if down else reversed(layers):
            means = {
                id(item): _mean([at[id(other)] for other in neighbours.get(id(item), [])], at[id(item)])
                for item in layer
            }
            _sort(layer, means)
            at.update((id(item), float(number)) for number, item in enumerate(layer))


def _sort(layer: list[Placed], keys: dict[int, float]) -> None:
    layer.sort(key=lambda item: keys[id(item)])


def _mean(values: list[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise


def _place(layers: list[list[Placed]], result: Layout) -> None:
    widths = [sum(item.wide for item in layer) + GAP_X * (len(layer) - 1) for layer in layers]
    result.wide = max(widths, default=0.0)
    y = 0.0
    for layer, wide in zip(layers, widths, strict=True):
        high = max(item.high for item in layer)
        x = (result.wide - wide) / 2
        for item in layer:
            item.x, item.y = x, y + (high - item.high) / 2 if item.box else y
            if item.box is None:
                item.high = high
            x += item.wide + GAP_X
        y += high + GAP_Y
    result.high = y - GAP_Y if layers else 0.0
    _straighten(layers, result)


def _straighten(layers: list[list[Placed]], result: Layout) -> None:
    """Move boxes with free space towards their neighbors, so that arrows run straight down."""
    sources: dict[int, list[Placed]] = {}
    for arrow in result.arrows:
        for start, end in pairwise(arrow):
            sources.setdefault(id(end), []).append(start)
    for layer in layers[1:]:
        for _ in range(2):
            for number, item in enumerate(layer):
                wanted = _mean([source.middle for source in sources.get(id(item), [])], item.middle) - item.wide / 2
                left = layer[number - 1].x + layer[number - 1].wide + GAP_X if number else 0.0
                right = layer[number + 1].x - GAP_X - item.wide if number + 1 < len(layer) else result.wide - item.wide
                item.x = max(left, min(wanted, right))
