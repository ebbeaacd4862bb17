"""What runs leave on disk: a folder a run with its index, artifacts by their content, and the cache."""

from __future__ import annotations
