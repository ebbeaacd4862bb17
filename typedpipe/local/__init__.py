"""The local engine: closed IR, run on this machine, each task in its own process."""

from __future__ import annotations

from typedpipe.local.checks import bind_arguments, check_runnable
from typedpipe.local.result import RunResult, TaskResult
from typedpipe.local.run import run

__all__ = ["RunResult", "TaskResult", "bind_arguments", "check_runnable", "run"]
