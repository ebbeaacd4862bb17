"""Messages about the phases of the command before a run has its own."""

from __future__ import annotations

import sys
import threading
from typing import Self

from typedpipe.diagnostics.cells import shown

PATIENCE = 0.5
"""A phase shorter than this many seconds gets no line."""


class Phases:
    """Prints a line immediately, or when a phase takes long. Lines are complete: user output follows on a new line."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet
        self._timer: threading.Timer | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def say(self, text: str) -> None:
        """Print a line immediately."""
        self.end()
        if self._quiet:
            return
        try:
            sys.stderr.write(f"{shown(text)} …\n")
            sys.stderr.flush()
        except OSError:
            self._quiet = True

    def begin(self, text: str) -> None:
        """Print a line if the phase takes long."""
        self.end()
        self._timer = threading.Timer(PATIENCE, self._late, (text,))
        self._timer.daemon = True
        self._timer.start()

    def _late(self, text: str) -> None:
        self._timer = None
        self.say(text)

    def end(self) -> None:
        """End the phase."""
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()
