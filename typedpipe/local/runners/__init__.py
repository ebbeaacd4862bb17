"""Ways to run tasks: processes, this process, environments of their own, containers."""

from __future__ import annotations

from typedpipe.local.options import Runner
from typedpipe.local.runners.composite import launcher_for
from typedpipe.local.runners.place import placements
from typedpipe.local.runners.placement import Placement, facts, places
from typedpipe.local.survivors import kill_marked

__all__ = ["Placement", "Runner", "facts", "launcher_for", "placements", "places", "reap"]


def reap(nonce: str) -> int:
    """Kill the processes and remove the containers that a dead engine left; how many there were.

    Args:
        nonce: The engine's, as it was given to :func:`launcher_for`. Nothing else is touched.
    """
    from typedpipe.local.runners.client import remove_labelled
    from typedpipe.local.runners.command import LABEL

    return kill_marked(nonce) + remove_labelled(f"{LABEL}={nonce}") if nonce else 0
