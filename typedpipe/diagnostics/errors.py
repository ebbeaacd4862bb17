"""The exception that carries diagnostics to the caller.

It is a layer above the renderer, because its text is the terminal output.
"""

from __future__ import annotations

from collections.abc import Iterable

from typedpipe.diagnostics.model import Diagnostic


class PipelineError(Exception):
    """The user's pipeline has errors. ``diagnostics`` holds all of them; ``str()`` formats them as in a terminal."""

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics = tuple(diagnostics)
        super().__init__(self.diagnostics)

    def __str__(self) -> str:
        from typedpipe.diagnostics.text import render_all  # the renderer reads files; importing typedpipe does not

        return "\n" + render_all(self.diagnostics, color=False)

    def _render_traceback_(self) -> list[str]:
        """Lines for a notebook."""
        from typedpipe.diagnostics.frames import notebook_lines

        return notebook_lines(self)
