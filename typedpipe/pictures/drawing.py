"""The drawing of a pipeline: positions of its boxes, frames, titles and arrows. A pen creates elements from them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, TypeVar

from typedpipe.pictures.boxes import Box
from typedpipe.pictures.layout import PAD, TITLE, Layout, Placed

T = TypeVar("T")


class Pen(Protocol[T]):
    """Creates elements at positions. ``box`` and ``frame`` know the state of a box and its link."""

    def box(self, box: Box, item: Placed, x: float, y: float) -> list[T]:
        """A box without inner boxes."""
        ...

    def frame(self, box: Box, item: Placed, x: float, y: float, inside: list[T]) -> list[T]:
        """A box around others."""
        ...

    def arrow(self, steps: Sequence[Step]) -> T:
        """An arrow along steps."""
        ...


class Step:
    """A letter of an SVG path, and the numbers after it."""

    __slots__ = ("letter", "numbers")

    def __init__(self, letter: str, *numbers: float) -> None:
        self.letter = letter
        self.numbers = numbers

    def text(self, number: Callable[[float], str]) -> str:
        """The step as written in a path.

        >>> Step("M", 1.0, 2.0).text(str)
        'M1.0 2.0'
        """
        return self.letter + " ".join(map(number, self.numbers))


def draw(layout: Layout, left: float, top: float, pen: Pen[T], *, arrows_first: bool = False) -> list[T]:
    """Elements of a layout. Later ones are on top."""
    arrows = [pen.arrow(list(_steps(arrow, left, top))) for arrow in layout.arrows]
    parts: list[T] = []
    for item in layout.items:
        if item.box is not None:
            parts += _box(item, item.box, (left + item.x, top + item.y), pen, arrows_first)
    return arrows + parts if arrows_first else parts + arrows


def _box(item: Placed, box: Box, corner: tuple[float, float], pen: Pen[T], arrows_first: bool) -> list[T]:
    x, y = corner
    if item.inside is None:
        return pen.box(box, item, x, y)
    left = x + (item.wide - item.inside.wide) / 2
    return pen.frame(box, item, x, y, draw(item.inside, left, y + TITLE + PAD, pen, arrows_first=arrows_first))


def _steps(path: Sequence[Placed], left: float, top: float) -> Iterator[Step]:
    start = path[0]
    x, y = left + start.middle, top + start.y + start.high
    yield Step("M", x, y)
    for item in path[1:]:
        to_x, to_y = left + item.middle, top + item.y
        half = (y + to_y) / 2
        yield Step("C", x, half, to_x, half, to_x, to_y)
        x, y = to_x, to_y
        if item.box is None:
            y += item.high
            yield Step("L", x, y)
