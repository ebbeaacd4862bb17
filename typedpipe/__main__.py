"""``python -m typedpipe``."""

from __future__ import annotations

from typedpipe.cli import main

if __name__ == "__main__":
    main()
