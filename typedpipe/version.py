"""The version of typedpipe, for modules below the package's ``__init__``."""

from __future__ import annotations

__version__ = "0.1.0"
