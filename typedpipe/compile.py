"""``python -m typedpipe.compile``: the same as ``typedpipe compile``."""

from __future__ import annotations

from typedpipe.cli import compile_main

if __name__ == "__main__":
    compile_main()
