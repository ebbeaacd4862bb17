"""Runners: separate processes, this process, virtual environments, containers."""

from __future__ import annotations

from typedpipe.local.options import Runner
from typedpipe.local.runners.composite import launcher_for
from typedpipe.local.runners.orphans import reap
from typedpipe.local.runners.place import placements
from typedpipe.local.runners.placement import Placement, facts, places

__all__ = ["Placement", "Runner", "facts", "launcher_for", "placements", "places", "reap"]
