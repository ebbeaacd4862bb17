"""Notebook display of pipelines and runs: pictures without scripts that load nothing from elsewhere."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Mapping
from typing import Any, Protocol
from xml.sax.saxutils import escape

from typedpipe.diagnostics.cells import shown
from typedpipe.ir import nodes as ir
from typedpipe.pictures.boxes import picture
from typedpipe.pictures.marks import marks
from typedpipe.pictures.mermaid import draw_mermaid
from typedpipe.pictures.svg import draw_svg
from typedpipe.pictures.tree import draw_tree
from typedpipe.runs.model import LOOKS, mark
from typedpipe.runs.view import RunView, TaskView
from typedpipe.types.artifacts import Artifact

_NONE: Mapping[str, str] = {}
SECONDS = 0.25
"""Minimum time between two updates of a picture."""


class Traced(Protocol):
    """A pipeline as a user defines it; None if it has errors."""

    @property
    def ir(self) -> ir.Pipeline | None: ...


def pipeline_bundle(pipeline: Traced) -> dict[str, str]:
    """The graph of a pipeline, by MIME type; text only if its definition has errors."""
    from typedpipe.compiler import driver
    from typedpipe.diagnostics.errors import PipelineError

    if pipeline.ir is None:
        return {"text/plain": repr(pipeline)}
    try:
        drawn = picture(driver.check(pipeline.ir))
    except PipelineError as problem:
        return {"text/plain": f"{pipeline!r}\n{problem}"}
    return {
        "text/plain": draw_tree(drawn),
        "text/html": _image(draw_svg(drawn), f"pipeline {drawn.title}"),
        "text/vnd.mermaid": draw_mermaid(drawn),
    }


def run_bundle(run: RunView, arguments: Mapping[str, str] = _NONE) -> dict[str, str]:
    """The graph of a run's pipeline with its arguments and the state of each task, by MIME type."""
    drawn, seen = picture(run.pipeline, arguments), run.tasks()
    found = marks(seen, run.loops(), time.time(), ended=run.ended)
    svg = draw_svg(drawn, found.of(drawn.boxes))
    head = f"<b>{_safe(run.run)}</b> {_safe(run.state.lower())}"
    failed = [task for task in seen.values() if task.state == "FAILED" and task.message][:3]
    said = "".join(f"<div style='color:#cf222e'>{_safe(task.name)}: {_safe(task.message)}</div>" for task in failed)
    html = f"<div>{head}</div>{said}{_image(svg, f'run {run.run}')}"
    plain = "\n".join([f"run {run.run}: {run.state.lower()}", *map(_line, seen.values())])
    return {"text/plain": plain, "text/html": html, "text/vnd.mermaid": draw_mermaid(drawn)}


def _line(task: TaskView) -> str:
    said = f": {shown(task.message)}" if task.message else ""
    return f"  {LOOKS[mark(task.state)].text_sign} {task.name}{said}"


def _image(svg: str, alt: str) -> str:
    """SVG as an image: its styles stay inside, and nothing in it can run."""
    from base64 import b64encode

    data = b64encode(svg.encode()).decode()
    return f'<img alt="{_safe(alt)}" style="max-width:100%" src="data:image/svg+xml;base64,{data}">'


def _safe(value: object) -> str:
    return escape(shown(str(value)), {'"': "&quot;", "'": "&#39;"})


def register() -> None:
    """Register the display of artifacts with IPython, if present."""
    shell = _shell()
    if shell is not None:
        from typedpipe.local.artifact_display import artifact_html

        shell.display_formatter.formatters["text/html"].for_type(Artifact, artifact_html)


# ------------------------------------------------------------------------------------------------- updates


def show_run(run: RunView, arguments: Mapping[str, str]) -> bool:
    """Show a run in IPython and keep the picture up to date until it has ended. False if IPython is not running."""
    shell = _shell()
    if shell is None:
        return False
    from importlib import import_module

    display = import_module("IPython.display").display
    shown_at = display(run_bundle(run, arguments), raw=True, display_id=True)
    if not run.ended and shown_at is not None:
        _Updates(run, arguments, shown_at).start()
    return True


def _shell() -> Any:
    module: Any = sys.modules.get("IPython")
    return module.get_ipython() if module is not None else None


class _Updates:
    """Redraws a run after its events, at most once per :data:`SECONDS`."""

    def __init__(self, run: RunView, arguments: Mapping[str, str], shown_at: Any) -> None:
        self._run = run
        self._arguments = arguments
        self._shown_at = shown_at
        self._changed = threading.Event()

    def start(self) -> None:
        self._run.listen(self._changed.set)
        threading.Thread(target=self._draw, name=f"typedpipe picture {self._run.run}", daemon=True).start()

    def _draw(self) -> None:
        while not self._run.ended:
            self._changed.wait(1.0)  # durations advance without events
            self._changed.clear()
            started = time.monotonic()
            self._shown_at.update(run_bundle(self._run, self._arguments), raw=True)
            time.sleep(
                max(SECONDS, 9 * (time.monotonic() - started))
            )  # a large graph costs a tenth of a core, not more
        self._shown_at.update(run_bundle(self._run, self._arguments), raw=True)
