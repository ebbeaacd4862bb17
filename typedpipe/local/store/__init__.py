"""The store of runs on disk: a directory with an index per run, artifacts by content, and the cache."""

from __future__ import annotations
