"""A pipeline as SVG: one file, no script, no external font; light and dark."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from typedpipe.diagnostics.cells import shown
from typedpipe.pictures.boxes import Box, Picture
from typedpipe.pictures.drawing import Step, draw
from typedpipe.pictures.layout import LINE, PAD, Placed, lay_out, text_width
from typedpipe.pictures.states import State
from typedpipe.runs.model import LOOKS, Mark

_MARGIN = 20.0
_STYLE = (
    "text{font:13px ui-monospace,'DejaVu Sans Mono',Menlo,Consolas,monospace;fill:#1f2328}"
    ".o{font-size:11px;fill:#59636e}.t{font-weight:600}.h{font-size:15px;font-weight:600}"
    ".box{fill:#fff;stroke:#57606a}.importer{fill:#fff8e5;stroke:#9a6700}"
    ".loop{fill:#eef6ff;stroke:#0969da;stroke-dasharray:5 3}.branch{fill:#fbf2ff;stroke:#8250df;stroke-dasharray:5 3}"
    ".arm{fill:#fff;stroke:#c8b4ea}.exit{fill:#fff5f0;stroke:#bc4c00;stroke-dasharray:5 3}.call{fill:#f0faf2;stroke:#1a7f37}"
    ".a{fill:none;stroke:#57606a;stroke-width:1.3}.head{fill:#57606a}.page{fill:#fff}"
    "@media(prefers-color-scheme:dark){.page{fill:#0d1117}text{fill:#e6edf3}.o{fill:#9198a1}.box,.arm{fill:#161b22}"
    ".importer{fill:#272115}.loop{fill:#0c1a2b}.branch{fill:#1d1430}.exit{fill:#2a160c}.call{fill:#0c2113}"
    ".a,.box{stroke:#9198a1}.head{fill:#9198a1}}"
)
_CLASS = {"task": "box"}
_DRAWN: tuple[Mark, ...] = ("waiting", "running", "succeeded", "reused", "failed", "canceled", "omitted")


def draw_svg(picture: Picture, states: Mapping[int, State] | None = None) -> str:
    """Draw the picture. User text is only text in it.

    Args:
        picture: The boxes to draw.
        states: The state of each box by its id, for the picture of a run.
    """
    layout = lay_out(picture.boxes)
    head = [picture.title, *(f"in   {item}" for item in picture.inputs)]
    foot = [f"out  {item}" for item in picture.outputs]
    wide = max([layout.wide, *(text_width(line) * 1.1 for line in head + foot)]) + 2 * _MARGIN
    top = _MARGIN + LINE * len(head) + 14
    high = top + layout.high + (LINE * len(foot) + 14 if foot else 0) + _MARGIN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide:.0f} {high:.0f}" width="{wide:.0f}" height="{high:.0f}" '
        f'role="img" aria-label={_attribute(f"pipeline {picture.title}")}>',
        f"<style>{_STYLE}{'' if states is None else _state_style()}</style>",
        '<defs><marker id="h" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
        '<path class="head" d="M0 0L8 4L0 8z"/></marker></defs>',
        f'<rect class="page" width="{wide:.0f}" height="{high:.0f}"/>',
    ]
    parts += [_text(_MARGIN, _MARGIN + 12 + LINE * n, line, "h" if n == 0 else "o") for n, line in enumerate(head)]
    parts += draw(layout, (wide - layout.wide) / 2, top, _Pen(states or {}))
    parts += [_text(_MARGIN, top + layout.high + 26 + LINE * n, line, "o") for n, line in enumerate(foot)]
    return "\n".join([*parts, "</svg>"]) + "\n"


def _state_style() -> str:
    looks = [(mark, LOOKS[mark]) for mark in _DRAWN]
    light = "".join(f".s-{mark}{{stroke:{look.edge};fill:{look.light};stroke-width:1.6}}" for mark, look in looks)
    dark = "".join(f".s-{mark}{{fill:{look.dark}}}" for mark, look in looks)
    return f"{light}.s-omitted,.s-waiting{{stroke-dasharray:3 3}}@media(prefers-color-scheme:dark){{{dark}}}"


def _attribute(text: str) -> str:
    return '"' + escape(shown(text), {'"': "&quot;"}) + '"'


def _text(x: float, y: float, text: str, style: str, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{style}" text-anchor="{anchor}">{escape(shown(text))}</text>'


@dataclass(frozen=True, slots=True)
class _Pen:
    """Boxes of a stand-alone picture; ``states`` by the box's id."""

    states: Mapping[int, State]

    def box(self, box: Box, item: Placed, x: float, y: float) -> list[str]:
        parts = self._outline(box, item, x, y)
        middle = x + item.wide / 2
        parts.append(_text(middle, y + PAD / 2 + 13, box.title, "t", "middle"))
        if box.outputs:
            parts.append(_text(middle, y + PAD / 2 + 13 + LINE - 2, box.outputs, "o", "middle"))
        return parts

    def frame(self, box: Box, item: Placed, x: float, y: float, inside: list[str]) -> list[str]:
        return [*self._outline(box, item, x, y), _text(x + PAD, y + PAD + 6, box.title, "t"), *inside]

    def _outline(self, box: Box, item: Placed, x: float, y: float) -> list[str]:
        size = f'x="{x:.1f}" y="{y:.1f}" width="{item.wide:.1f}" height="{item.high:.1f}" rx="6"'
        state = self.states.get(id(box))
        kind = _CLASS.get(box.kind, box.kind)
        parts = [f'<rect class="{kind if state is None else f"{kind} s-{state.mark}"}" {size}/>']
        if state is not None and state.note:
            parts.append(_text(x + item.wide - 4, y - 3, state.note, "o", "end"))
        return parts

    def arrow(self, steps: Sequence[Step]) -> str:
        path = "".join(step.text(lambda number: f"{number:.1f}") for step in steps)
        return f'<path class="a" d="{path}" marker-end="url(#h)"/>'
