"""Compiling: checks, passes and backends. ``Compiler().compile(...)`` is spelt as in KFP."""

from __future__ import annotations

from typedpipe.compiler.api import Compiler

__all__ = ["Compiler"]
