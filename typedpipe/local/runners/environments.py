"""Environments of Python packages, one for each distinct set of requirements, shared by all projects of the user."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Environment:
    """An environment that stands."""

    key: str
    folder: Path
    python: str
    """Its interpreter."""
    resolved: tuple[str, ...] = ()
    """What is installed: ``name==version``, sorted."""
