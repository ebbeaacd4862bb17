"""Programs that are read by type checkers, not collected."""

from __future__ import annotations

collect_ignore = ["programs"]
