"""The version of typedpipe, for modules that stand below the package's own front page."""

from __future__ import annotations

__version__ = "0.1.0"
