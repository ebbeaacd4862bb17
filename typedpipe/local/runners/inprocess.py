"""Tasks in the engine's own process and thread, for tests and debugging: no isolation, and the fastest way to run.

If the job is passed as data, a task that only has parameters and prints nothing touches no file: its texts are passed
on in memory, and all tasks of the run share one working directory.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import traceback
from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import Any

from typedpipe.local.processes.task_output import Logging, Output, enabled_loggers
from typedpipe.local.runners.child import finish, lay_out, read_spec, refuse
from typedpipe.local.runners.interrupts import INSIDE
from typedpipe.local.runners.launcher import Exited, Inbox, Launch
from typedpipe.local.store.regular import regular
from typedpipe.runtime import task as runtime

SAID = "TYPEDPIPE_TERMINATION_LOG"


class InProcessLauncher:
    """Runs a task when it is started, and returns its end."""

    def __init__(self, debug: bool = False, environment: Mapping[str, str] | None = None) -> None:
        self.generation = 0
        self._inbox = Inbox()
        self._debug = debug
        self._environment = environment or {}
        self._specs: dict[str, dict[str, Any]] = {}
        self._shared = ""
        self._loggers = enabled_loggers()

    def fileno(self) -> int:
        return self._inbox.fileno()

    def start(self, launch: Launch) -> Exited:
        return self._run(launch)

    def signal(self, ticket: str, number: int) -> None:
        """Do nothing: by the time this can be called, the task has ended."""

    def reports(self) -> Iterable[Exited]:
        return self._inbox.take()

    def close(self) -> None:
        self._inbox.close()
        for logger in self._loggers:
            logger.disabled = False
        if self._shared:
            os.environ.pop(SAID, None)

    def _run(self, launch: Launch) -> Exited:
        job = launch.data
        kept: dict[str, str] | None = None if job is None else {}
        if job is None:
            with open(launch.job, encoding="utf-8") as file:
                job = json.load(file)
        assert job is not None
        light = kept is not None and not job["links"] and not job["folders"]
        if light and not self._shared:
            self._share(launch.spec)
        logs = Logging()
        output = Output(launch.log)
        before = Before()
        inside = INSIDE.task
        try:
            try:
                spec = self._enter(job, launch.spec, light)
            except OSError as error:
                return Exited(launch.ticket, refuse(dict(job), f"the task directory cannot be created: {error}"))
            try:
                INSIDE.task = threading.current_thread() is threading.main_thread()
                runtime.main(spec, job["parameters"], job["root"], kept, alone=False)
            except SystemExit as stop:
                if isinstance(stop.__context__, KeyboardInterrupt):
                    return Exited(launch.ticket, 130, "interrupted")
                if self._debug:
                    post_mortem(stop.__context__, output.real)
                return Exited(launch.ticket, stop.code if isinstance(stop.code, int) else 1, self._said(job, kept))
            if kept is None:
                finish(job["root"])
            return Exited(launch.ticket, 0, texts=kept)
        finally:
            INSIDE.task = inside
            logs.restore()
            before.restore()
            output.end()

    def _share(self, spec: str) -> None:
        """Create the directory in which tasks without files run, and the path for the line about a failure."""
        self._shared = os.path.join(os.path.dirname(os.path.dirname(spec)), "work")
        os.makedirs(self._shared, exist_ok=True)
        os.environ[SAID] = os.path.join(self._shared, ".message")

    def _enter(self, job: Mapping[str, Any], path: str, light: bool) -> dict[str, Any]:
        """Enter the task's working directory; return its spec."""
        spec = self._specs.get(path)
        if spec is None:
            spec = self._specs[path] = read_spec(path)
        os.environ.update(self._environment)
        if light:
            os.chdir(self._shared)
            if len(job["env"]) > 1:
                os.environ.update({name: value for name, value in job["env"].items() if name != SAID})
        else:
            os.makedirs(job["root"], exist_ok=True)
            lay_out(dict(job))
            os.chdir(os.path.join(job["root"], "work"))
            os.environ.update(job["env"])
        return spec

    def _said(self, job: Mapping[str, Any], kept: dict[str, str] | None) -> str:
        """The one line about a failure, stored where other runners have it."""
        path = os.environ.get(SAID, "")
        try:
            with open(path, "rb", opener=regular) as file:
                said = file.read(4096).decode("utf-8", "replace").strip()
            if kept is not None and os.path.dirname(path) == self._shared:
                os.makedirs(job["root"], exist_ok=True)
                os.replace(path, job["env"][SAID])
        except OSError:
            return ""
        return said


class Before:
    """Process state to restore after the task: working directory, variables, arguments, and module finders."""

    def __init__(self) -> None:
        self._cwd = os.getcwd()
        self._argv, self._path, self._meta = sys.argv[:], sys.path[:], sys.meta_path[:]
        self._module, self._parts = sys.modules.get(runtime.MODULE), dict(runtime.parts)
        self._variables: dict[Any, Any] = os.environ._data.copy()  # type: ignore[attr-defined]  # noqa: SLF001  # os.environ.copy() takes a tenth of a task

    def restore(self) -> None:
        os.chdir(self._cwd)
        sys.argv[:], sys.path[:], sys.meta_path[:] = self._argv, self._path, self._meta
        now: dict[Any, Any] = os.environ._data  # type: ignore[attr-defined]  # noqa: SLF001  # as above
        if now != self._variables:
            decode, old = os.environ.decodevalue, self._variables
            for name in [name for name in now if old.get(name) != now[name]]:
                del os.environ[decode(name)]
            os.environ.update({decode(name): decode(value) for name, value in old.items() if name not in now})
        runtime.unload(self._parts)
        if self._module is None:
            sys.modules.pop(runtime.MODULE, None)
        else:
            sys.modules[runtime.MODULE] = self._module


def post_mortem(error: BaseException | None, terminal: Callable[[], None]) -> None:
    """Open the debugger where the user's code raised; a contract error has no such frame."""
    trace = None if error is None else users_part(error.__traceback__)
    if error is None or trace is None:
        return
    terminal()
    import pdb  # noqa: T100  # for --debug

    print("".join(traceback.format_exception(type(error), error.with_traceback(trace), trace)), file=sys.stderr, end="")
    pdb.post_mortem(trace)


def users_part(trace: TracebackType | None) -> TracebackType | None:
    """A traceback without the runtime's frames at its beginning; None if nothing is left."""
    while trace is not None and trace.tb_frame.f_code.co_filename == runtime.__file__:
        trace = trace.tb_next
    return trace
