"""The exception that carries diagnostics to whoever called.

It stands above the renderer, because its text is what the terminal prints.
"""

from __future__ import annotations

from collections.abc import Iterable

from typedpipe.diagnostics.model import Diagnostic


class PipelineError(Exception):
    """The user's pipeline has mistakes. ``diagnostics`` has all of them; ``str()`` prints them as the terminal does."""

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics = tuple(diagnostics)
        super().__init__(self.diagnostics)

    def __str__(self) -> str:
        from typedpipe.diagnostics.text import render_all  # the renderer reads files; an import of typedpipe does not

        return "\n" + render_all(self.diagnostics, color=False)
