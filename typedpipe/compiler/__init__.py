"""Compilation: checks, passes and backends. ``Compiler().compile(...)`` has the same signature as in KFP."""

from __future__ import annotations

from typedpipe.compiler.api import Compiler

__all__ = ["Compiler"]
