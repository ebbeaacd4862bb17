"""What the command is about, until the run says it itself."""

from __future__ import annotations

import sys
import threading
from typing import Self

from typedpipe.diagnostics.cells import shown

PATIENCE = 0.5
"""A phase that is over before so many seconds is not worth a line."""


class Phases:
    """Says a line at once, or when a phase takes long. A line is whole: what users print meanwhile goes below it."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet
        self._timer: threading.Timer | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def say(self, text: str) -> None:
        """A line at once."""
        self.end()
        if self._quiet:
            return
        try:
            sys.stderr.write(f"{shown(text)} …\n")
            sys.stderr.flush()
        except OSError:
            self._quiet = True

    def begin(self, text: str) -> None:
        """A line, if this is not over soon."""
        self.end()
        self._timer = threading.Timer(PATIENCE, self._late, (text,))
        self._timer.daemon = True
        self._timer.start()

    def _late(self, text: str) -> None:
        self._timer = None
        self.say(text)

    def end(self) -> None:
        """The phase is over."""
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()
