"""A second engine: Python components in threads of this process, with its runs in memory."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Literal

from memory_source import Kept, MemoryRuns

from typedpipe.diagnostics.errors import PipelineError
from typedpipe.diagnostics.model import NOWHERE, Diagnostics
from typedpipe.diagnostics.record import replace
from typedpipe.ir import nodes as ir
from typedpipe.local.python_values import outputs_of
from typedpipe.local.scheduling.frame import Listener, NodeResult, TaskRun
from typedpipe.local.scheduling.scheduler import Scheduler
from typedpipe.runs import events
from typedpipe.runs.engine import OnEvent, Options
from typedpipe.runs.model import Attempt, Run, RunEnd, Task
from typedpipe.runs.view import RunView
from typedpipe.runtime.task import compile_source, decode, encode
from typedpipe.types.data import to_data
from typedpipe.types.model import is_artifact


class MemoryRun:
    """The handle of a run, and the run itself: one thread walks, each task has a thread of its own."""

    def __init__(self, kept: Kept, arguments: Mapping[str, str], options: Options, on_event: OnEvent | None) -> None:
        assert kept.pipeline is not None
        pipeline, name = kept.pipeline, kept.run.name
        self.name = name
        self._kept = kept
        self.view = RunView(pipeline)
        self._pipeline = pipeline
        self._options = options
        self._on_event = on_event
        self._posted: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._ready: list[TaskRun] = []
        self._live: dict[str, TaskRun] = {}
        self._cancels = 0
        self._done = threading.Event()
        self._outputs: Mapping[str, object] = {}
        self._message = ""
        self._scheduler = Scheduler(pipeline, name, Listener(self._ready.append, self._group_ended, self._looped))
        threading.Thread(target=self._work, args=(arguments,), daemon=True).start()

    # ------------------------------------------------------------------------------------------- the handle

    @property
    def state(self) -> Literal["RUNNING"] | RunEnd:
        return self.view.state if self._done.is_set() else "RUNNING"

    @property
    def outputs(self) -> Mapping[str, object]:
        self.wait()
        return self._outputs

    def wait(self, timeout: float | None = None) -> bool:
        return self._done.wait(timeout)

    def cancel(self, times: int = 1) -> None:
        self._posted.put(lambda: self._cancel(times))

    # ---------------------------------------------------------------------------------------------- the run

    def _tell(self, event: events.Event) -> None:
        self.view(event)
        if self._on_event is not None:
            self._on_event(event)

    def _work(self, arguments: Mapping[str, str]) -> None:
        self._tell(events.RunStarted(self.name, self._pipeline.name, time.time()))
        self._scheduler.begin(arguments)
        while self._scheduler.result is None:
            if self._posted.empty():  # what has happened comes before what starts
                self._start_ready()
            if self._scheduler.result is None:
                self._posted.get()()
        result = self._scheduler.result
        state: RunEnd = "SUCCEEDED" if result.ok else "CANCELED" if self._cancels else "FAILED"
        if state == "SUCCEEDED":
            self._outputs = outputs_of(self._pipeline, result)
        now = time.time()
        outputs = result.outputs if result.ok else {}
        self._kept.run = replace(self._kept.run, state=state, finished=now, message=self._message, outputs=outputs)
        self._tell(events.RunFinished(self.name, state, self._message, now))
        self._done.set()

    def _start_ready(self) -> None:
        while self._ready and len(self._live) < (self._options.jobs or 8):
            run = self._ready.pop(0)
            if self._scheduler.killed or (self._scheduler.canceled and not run.protected):
                self._finish(run, NodeResult("OMITTED", message="the run was canceled"))
                continue
            self._live[run.name] = run
            component = self._pipeline.components[run.node.component]
            self._tell(events.TaskStarted(run.name, component.name, 1, time.time()))
            threading.Thread(target=self._call, args=(run, component), daemon=True).start()

    def _call(self, run: TaskRun, component: ir.Component) -> None:
        try:
            result = NodeResult("SUCCEEDED", called(component, run.values))
        except Exception as error:  # noqa: BLE001 - whatever a task raises
            result = NodeResult("FAILED", message=f"{type(error).__name__}: {error}")
        self._posted.put(lambda: self._ended(run, result))

    def _ended(self, run: TaskRun, result: NodeResult) -> None:
        if run.name in self._live:  # else it was canceled, and nobody waits for it any more
            self._finish(run, result)

    def _finish(self, run: TaskRun, result: NodeResult) -> None:
        begun = self._live.pop(run.name, None) is not None
        if result.state == "FAILED" and not self._message:
            self._message = f"{run.name}: {result.message}"
        code = {"SUCCEEDED": 0, "FAILED": 1}.get(result.state)
        component = run.node.component
        self._record(run.name, component, result, int(begun))
        self._tell(
            events.TaskFinished(run.name, component, result.state, int(begun), code, result.message, time.time())
        )
        self._scheduler.finish(run, result)

    def _record(self, name: str, component: str, result: NodeResult, attempts: int) -> None:
        now = time.time()
        tried = [Attempt(1, result.state, f"{self.name}/{name}", "", now, now)] if attempts else []
        order = len(self._kept.tasks)
        self._kept.tasks.append(
            Task(name, component, result.state, order, tried, result.message, finished=now, outputs=result.outputs)
        )

    def _cancel(self, times: int) -> None:
        self._cancels += times
        self._scheduler.canceled, self._scheduler.killed = True, self._cancels > 1
        self._tell(events.CancelStarted("canceled", self._cancels > 1, time.time()))
        for run in list(self._live.values()):
            if not run.protected or self._scheduler.killed:
                self._finish(run, NodeResult("CANCELED", message="the run was canceled"))

    def _group_ended(self, name: str, component: str, result: NodeResult) -> None:
        self._record(name, component, result, 0)
        self._tell(events.TaskFinished(name, component, result.state, 0, None, result.message, time.time()))

    def _looped(self, name: str, done: int, items: int) -> None:
        now = time.time()
        self._tell(events.LoopItemFinished(name, done, items, now) if done else events.LoopStarted(name, items, now))


def called(component: ir.Component, values: Mapping[str, Any]) -> dict[str, Any]:
    """The outputs of a component's function."""
    impl = component.impl
    assert isinstance(impl, ir.PythonImpl)
    space: dict[str, Any] = {"__name__": "task"}
    chunks = [[chunk.file, chunk.line, chunk.text, chunk.module] for chunk in impl.chunks]
    for code, _, _ in compile_source({"entry": impl.entry, "chunks": chunks}):
        exec(code, space)
    given = {port.name: decode(values[port.name], to_data(port.type)) for port in component.inputs}
    returned = space[impl.entry](**given)
    if not component.outputs:
        return {}
    (port,) = component.outputs
    return {port.name: encode(returned, to_data(port.type))}


class MemoryEngine:
    """Runs Python components that take and return parameters."""

    name = "memory"

    def __init__(self, source: MemoryRuns) -> None:
        self._source = source
        self._runs: dict[str, MemoryRun] = {}

    def check(self, pipeline: ir.Pipeline, options: Options) -> Diagnostics:
        """Containers, artifacts and variables are unsupported."""
        report = Diagnostics()
        if options.environment:
            report.error("TP901", "this engine sets no variables", NOWHERE)
        for component in pipeline.components.values():
            types = [port.type for port in component.inputs] + [port.type for port in component.outputs]
            if isinstance(component.impl, ir.ContainerImpl) or any(map(is_artifact, types)):
                report.error("TP901", f"this engine cannot run `{component.name}`", component.span)
        return report

    def submit(
        self,
        pipeline: ir.Pipeline,
        arguments: Mapping[str, str],
        options: Options,
        on_event: OnEvent | None = None,
    ) -> MemoryRun:
        report = self.check(pipeline, options)
        if report.has_errors:
            raise PipelineError(report)
        name = options.name or f"{pipeline.name}-{len(self._runs) + 1}"
        given = {port.name: port.default.text for port in pipeline.graph.inputs if port.default} | dict(arguments)
        record = Run(name, pipeline.name, name, "RUNNING", time.time(), arguments=given)
        kept = self._source.kept[name] = Kept(record, pipeline=pipeline)
        run = self._runs[name] = MemoryRun(kept, arguments, options, on_event)
        return run

    def cancel(self, run: str, *, kill: bool = False) -> None:
        self._runs[run].cancel(2 if kill else 1)
