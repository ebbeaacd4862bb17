"""One launcher for all places of a run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from typedpipe.local.launch import Launcher, launcher
from typedpipe.local.runners.placement import Placement


def launcher_for(
    placements: Mapping[str, Placement], *, nonce: str, objects: Path | None = None, debug: bool = False
) -> Launcher:
    """The launcher of a run.

    Args:
        placements: From :func:`placements`.
        nonce: Marks every process and container of the run, so that what survives a double kill can be found.
        objects: The folder of stored artifacts, which containers see read-only.
        debug: With ``inprocess``: a debugger where an exception comes up.
    """
    return launcher(nonce)
