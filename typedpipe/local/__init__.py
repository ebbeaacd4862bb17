"""The local engine: runs closed IR locally, each task in its own process."""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typedpipe.local.checks import bind_arguments as bind_arguments, check_runnable as check_runnable
    from typedpipe.local.handle import Run as Run, RunTask as RunTask
    from typedpipe.local.result import RunFailed as RunFailed, RunResult as RunResult, TaskResult as TaskResult
    from typedpipe.local.run import run as run, run_or_raise as run_or_raise
    from typedpipe.local.session import DockerRunner as DockerRunner, SubprocessRunner as SubprocessRunner, init as init
else:
    _HOME = {
        "DockerRunner": "session",
        "Run": "handle",
        "RunFailed": "result",
        "RunResult": "result",
        "RunTask": "handle",
        "SubprocessRunner": "session",
        "TaskResult": "result",
        "bind_arguments": "checks",
        "check_runnable": "checks",
        "init": "session",
        "run": "run",
        "run_or_raise": "run",
    }

    def __getattr__(name: str) -> object:
        """Load attributes on first access: `from typedpipe import local` costs nothing."""
        if name not in _HOME:
            raise AttributeError(
                f"module 'typedpipe.local' has no attribute {name!r}", name=name, obj=sys.modules[__name__]
            )
        value = getattr(import_module(f"typedpipe.local.{_HOME[name]}"), name)
        globals()[name] = value
        return value

    class _Package(ModuleType):
        """Keeps ``local.run`` the function, although importing the module of that name would replace it."""

        def __setattr__(self, name: str, value: object) -> None:
            if name not in _HOME or not isinstance(value, ModuleType):
                super().__setattr__(name, value)

    sys.modules[__name__].__class__ = _Package


__all__ = [
    "DockerRunner",
    "Run",
    "RunFailed",
    "RunResult",
    "RunTask",
    "SubprocessRunner",
    "TaskResult",
    "bind_arguments",
    "check_runnable",
    "init",
    "run",
    "run_or_raise",
]
