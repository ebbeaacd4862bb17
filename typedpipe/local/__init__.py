"""The local engine: closed IR, run on this machine, each task in its own process."""

from __future__ import annotations

from typedpipe.local.checks import bind_arguments, check_runnable
from typedpipe.local.result import RunFailed, RunResult, TaskResult
from typedpipe.local.run import run, run_or_raise

__all__ = ["RunFailed", "RunResult", "TaskResult", "bind_arguments", "check_runnable", "run", "run_or_raise"]
