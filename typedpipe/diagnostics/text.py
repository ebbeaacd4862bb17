"""Diagnostics for a terminal, in the style of rustc and ty.

error[TP201]: `total` needs `list[int]` for `xs`, but receives `list[str]`
--> pipeline.py:13:12
|
7 | def total(xs: list[int]) -> int:
|           ------------- declared here
...
13 |         xs=words(n=3).output,
|            ^^^^^^^^^^^^^^^^^ expected `list[int]`, found `list[str]`
help: convert in a component, or change the annotation of `xs`
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from typedpipe.diagnostics.cells import expand, shown
from typedpipe.diagnostics.model import Diagnostic, Label
from typedpipe.diagnostics.source import Source, read_source

WIDEST = 140
"""Longer source lines are cut to the part around the underlined range."""
_LEAD = 30
_MOST_LINES = 4

_BOLD, _RED, _YELLOW, _BLUE, _CYAN, _OFF = "\x1b[1m", "\x1b[1;31m", "\x1b[1;33m", "\x1b[1;34m", "\x1b[1;36m", "\x1b[0m"


def render_all(diagnostics: Iterable[Diagnostic], color: bool = False) -> str:
    """Render several diagnostics, separated by an empty line."""
    return "\n".join(render(diagnostic, color) for diagnostic in diagnostics)


def render(diagnostic: Diagnostic, color: bool = False) -> str:
    """Render one diagnostic, ending in a newline.

    >>> from typedpipe.diagnostics.model import Span
    >>> print(render(Diagnostic("TP184", "no pipeline here", Label(Span("gone.py", 3)), help="decorate one")), end="")
    error[TP184]: no pipeline here
     --> gone.py:3
    help: decorate one
    """
    paint = _Paint(color)
    kind = _RED if diagnostic.severity == "error" else _YELLOW
    head = paint(kind, f"{diagnostic.severity}[{diagnostic.code}]") + paint(_BOLD, f": {_sentence(diagnostic.message)}")
    lines = [head, *_snippets(diagnostic, paint, kind)]
    lines += [
        paint(_CYAN, "note: ") + _sentence(label.text)
        for label in diagnostic.others
        if not label.span.line and label.text
    ]
    lines += [_paragraph("note: ", note, paint) for note in diagnostic.notes]
    if diagnostic.help:
        lines.append(_paragraph("help: ", diagnostic.help, paint))
    return "\n".join(lines) + "\n"


@dataclass(frozen=True, slots=True)
class _Paint:
    on: bool

    def __call__(self, style: str, text: str) -> str:
        return f"{style}{text}{_OFF}" if self.on and text else text


def _sentence(text: str) -> str:
    return shown(" ".join(text.split("\n")))


def _paragraph(lead: str, text: str, paint: _Paint) -> str:
    lines = [shown(line) for line in text.split("\n")]
    return paint(_CYAN, lead) + ("\n" + " " * len(lead)).join(lines)


# ------------------------------------------------------------------------------------------------ snippets


@dataclass(frozen=True, slots=True)
class _Mark:
    """One underlined range of one line; ``end`` 0 is the end of the line, ``start`` 0 its first visible character."""

    start: int
    end: int
    text: str
    primary: bool


def _snippets(diagnostic: Diagnostic, paint: _Paint, kind: str) -> list[str]:
    by_file: dict[str, list[Label]] = {}
    if diagnostic.primary.span.file:
        by_file[diagnostic.primary.span.file] = [diagnostic.primary]
    for label in diagnostic.others:
        if label.span.line:
            by_file.setdefault(label.span.file, []).append(label)
    last = max(
        (max(label.span.line, label.span.end_line) for labels in by_file.values() for label in labels), default=0
    )
    gutter = len(str(last))
    lines: list[str] = []
    for number, (file, labels) in enumerate(by_file.items()):
        arrow = "-->" if number == 0 else ":::"
        lines.append(" " * gutter + paint(_BLUE, arrow) + " " + shown(str(labels[0].span)))
        source = read_source(file)
        found = _snippet(source, labels, diagnostic.primary, (gutter, paint, kind)) if source is not None else []
        said = [" " * gutter + paint(_BLUE, " = ") + _sentence(label.text) for label in labels if label.text]
        lines += found or said  # no such line: print at least the message
    return lines


def _snippet(source: Source, labels: list[Label], primary: Label, style: tuple[int, _Paint, str]) -> list[str]:
    gutter, paint, kind = style
    marks: dict[int, list[_Mark]] = {}
    for label in labels:
        for line, mark in _marks(source, label, label is primary):
            marks.setdefault(line, []).append(mark)
    if not marks:
        return []
    bar = " " * gutter + paint(_BLUE, " |")
    lines = [bar]
    before = 0
    for number in sorted(marks):
        if before and number > before + 2:
            lines.append(paint(_BLUE, "..."))
        elif before and number == before + 2:
            lines.append(_numbered(before + 1, source.line(before + 1), gutter, paint))
        before = number
        lines += _marked(source.line(number), marks[number], _numbered_lead(number, gutter, paint), (bar, paint, kind))
    return lines


def _marks(source: Source, label: Label, primary: bool) -> list[tuple[int, _Mark]]:
    span = label.span
    if not 0 < span.line <= len(source.lines):
        return []
    end_line = max(span.line, min(span.end_line or span.line, len(source.lines)))
    if end_line == span.line:
        end = span.end_column if span.end_line else (span.column + 1 if span.column else 0)
        return [(span.line, _Mark(span.column, end, label.text, primary))]
    if end_line - span.line >= _MOST_LINES:  # the first line is enough of a long range
        return [(span.line, _Mark(span.column, 0, label.text, primary))]
    marks = [(span.line, _Mark(span.column, 0, "", primary))]
    marks += [
        (number, _Mark(0, 0, "", primary)) for number in range(span.line + 1, end_line) if source.line(number).strip()
    ]
    return [*marks, (end_line, _Mark(0, span.end_column, label.text, primary))]


def _numbered_lead(number: int, gutter: int, paint: _Paint) -> str:
    return paint(_BLUE, f"{number:>{gutter}} |")


def _numbered(number: int, text: str, gutter: int, paint: _Paint) -> str:
    pieces, starts = expand(text)
    first, last = _window(starts, 0, 0)
    return f"{_numbered_lead(number, gutter, paint)} {_cut(pieces, first, last)}".rstrip()


def _marked(text: str, marks: list[_Mark], lead: str, style: tuple[str, _Paint, str]) -> list[str]:
    bar, paint, kind = style
    pieces, starts = expand(text)
    visible = len(text) - len(text.lstrip())
    ranges: list[tuple[int, int, _Mark]] = []
    for mark in marks:
        start = min(mark.start - 1 if mark.start else visible, len(pieces))
        end = min(mark.end - 1, len(pieces)) if mark.end else len(text.rstrip())
        ranges.append((start, max(end, start), mark))
    ranges.sort(key=lambda item: (not item[2].primary, item[0]))
    first, last = _window(starts, ranges[0][0], ranges[0][1])
    lines = [f"{lead} {_cut(pieces, first, last)}".rstrip()]
    shift = starts[first] - (1 if first else 0)
    for start, end, mark in ranges:
        begin, stop = starts[min(max(start, first), last)], starts[min(max(end, first), last)]
        sign, color = ("^", kind) if mark.primary else ("-", _BLUE)
        under = sign * max(stop - begin, 1)
        said = f"{under} {_sentence(mark.text)}" if mark.text else under
        lines.append(f"{bar} {' ' * (begin - shift)}{paint(color, said)}")
    return lines


def _window(starts: list[int], start: int, end: int) -> tuple[int, int]:
    """The range of characters of a line to show: all, or a window around the underlined range."""
    count = len(starts) - 1
    if starts[-1] <= WIDEST:
        return 0, count
    first = 0
    if starts[min(end, count)] > WIDEST:
        while first < start and starts[start] - starts[first] > _LEAD:
            first += 1
    last = first
    while last < count and starts[last + 1] - starts[first] <= WIDEST:
        last += 1
    return first, last


def _cut(pieces: list[str], first: int, last: int) -> str:
    return ("…" if first else "") + "".join(pieces[first:last]) + ("…" if last < len(pieces) else "")
