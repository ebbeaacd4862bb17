"""The engine: a single thread that starts the tasks offered by the scheduler, follows them, and emits events.

It waits in a single call (``selectors``) for exiting processes, signals and timers. One heap holds the ready tasks,
another the timers, so that the cost per task does not depend on the number of tasks.
"""

from __future__ import annotations

import heapq
import itertools
import selectors
import signal
import threading
from collections.abc import Mapping
from pathlib import Path

from typedpipe.diagnostics.errors import PipelineError
from typedpipe.ir import nodes as ir
from typedpipe.local.failpoints import reach
from typedpipe.local.failure import CONTRACT_BROKEN, delay, exit_code, reason, recurs
from typedpipe.local.inbox import Inbox
from typedpipe.local.pending import Pending, Tracked
from typedpipe.local.recorder import Found, RunRecorder, Wait
from typedpipe.local.result import TaskResult, before
from typedpipe.local.runners.attempt import Attempt, Specs, TaskRefused, folder_of
from typedpipe.local.runners.interrupts import on_interrupt
from typedpipe.local.runners.launcher import KILL, Exited, Launch
from typedpipe.local.runners.logs import Tail
from typedpipe.local.scheduling.frame import Listener, NodeResult, TaskRun
from typedpipe.local.scheduling.scheduler import Scheduler
from typedpipe.local.settings import BLOCKED, COMMIT_SECONDS, ELSEWHERE_SECONDS, TAIL_SECONDS, TURN, Clock, Settings
from typedpipe.local.store.problems import first_message
from typedpipe.local.store.requests import take_request
from typedpipe.runs import events
from typedpipe.runs.model import TaskState, Value


class Engine:
    """One run of one checked pipeline."""

    def __init__(
        self, pipeline: ir.Pipeline, run: str, folder: Path, settings: Settings, recorder: RunRecorder
    ) -> None:
        self._pipeline = pipeline
        self._place = str(folder)
        self._folder = folder / "tasks"
        self._settings = settings
        self._recorder = recorder
        self._scheduler = Scheduler(pipeline, run, Listener(self._submit, self._ended, self._looped))
        self._specs = Specs(folder / "specs")
        self._pending = Pending()
        self._live: dict[str, Tracked] = {}
        self._tickets = itertools.count()
        self._machine = settings.machine()
        self.now = Clock()
        self._commit_at = 0.0
        self._more = False
        """Tasks may start at once that did not in this turn."""
        self._inbox = Inbox()
        self._interrupts = 0
        self._handled = 0
        self._reason = ""
        self.tasks: dict[str, TaskResult] = {}
        self.message = ""

    # ------------------------------------------------------------------------------------------ the run

    def run(self, arguments: Mapping[str, Value]) -> NodeResult:
        """Run to the end. All started processes are ended when this returns, even if it raises."""
        self._launcher = self._settings.launch()
        restore = on_interrupt(self.cancel)
        try:
            if self._settings.timeout is not None:
                self._pending.after(self._settings.timeout, self._time_is_up)
            self._scheduler.begin(arguments)
            with selectors.DefaultSelector() as selector:
                self._loop(selector)
        finally:
            self._launcher.close()
            restore()
            self._inbox.close()
        result = self._scheduler.result
        assert result is not None
        return result

    @property
    def canceled(self) -> bool:
        return self._reason == "cancel"

    @property
    def timed_out(self) -> bool:
        return self._reason == "timeout"

    def cancel(self) -> None:
        """Cancel the run: the first call stops tasks and runs exit handlers, the second kills all. Thread-safe."""
        self._interrupts += 1
        self._inbox.wake()

    def _loop(self, selector: selectors.BaseSelector) -> None:
        selector.register(self._inbox, selectors.EVENT_READ)
        watched = self._watch(selector, -1)
        if self._settings.follows_logs:
            self._pending.after(TAIL_SECONDS, self._follow_logs)
        take_request(self._place)  # one to the engine that had this run before it was resumed
        self._pending.after(ELSEWHERE_SECONDS, self._look_for_request)
        while self._start_ready():
            for key, _ in self._select(selector):
                if key.fileobj is self._inbox:
                    self._inbox.work()
                else:
                    generation = self._launcher.generation
                    for exited in self._launcher.reports():
                        self._exited(exited)
                    if self._launcher.generation != generation:
                        watched = self._watch(selector, watched)
            for action in self._pending.due():
                action()
            self._interrupted()

    def _select(self, selector: selectors.BaseSelector) -> list[tuple[selectors.SelectorKey, int]]:
        """Wait for the next event. Rows are committed before the engine sleeps, and periodically while it does not."""
        ready = selector.select(0)
        if not ready or self.now() >= self._commit_at:
            self._recorder.commit()
            self._commit_at = self.now() + COMMIT_SECONDS
        return ready if ready or self._more else selector.select(self._pending.wait())

    def _watch(self, selector: selectors.BaseSelector, old: int) -> int:
        """Listen to the launcher, which was restarted if its generation changed; return its socket."""
        if old >= 0:
            selector.unregister(old)
        fd = self._launcher.fileno()
        selector.register(fd, selectors.EVENT_READ)
        return fd

    def tell(self, event: events.Event) -> None:
        """Pass an event to the caller."""
        if self._settings.on_event is not None:
            self._settings.on_event(event)

    # ---------------------------------------------------------------------------------- calls of the scheduler

    def _submit(self, run: TaskRun) -> None:
        task = Tracked(run, next(self._pending.count))
        try:
            task.need = self._machine.need(run.settings)
        except ValueError as error:
            self._finish(task, "FAILED", str(error), CONTRACT_BROKEN)
            return
        self._offer(task)

    def _offer(self, task: Tracked) -> None:
        """Reuse existing outputs of a task, or schedule it."""
        found = None if self._scheduler.canceled else self._recorder.look_up(task)
        if isinstance(found, Found):
            self._finish(task, "SUCCEEDED", found.note, None, found.outputs, found)
        elif isinstance(found, Wait):
            self._pending.park(task, None if found.here else ELSEWHERE_SECONDS, self._offer)
        else:
            self._pending.push(task)

    def _ended(self, name: str, component: str, result: NodeResult) -> None:
        self.tasks[name] = TaskResult(name, component, result.state, message=result.message)
        self._remember(result.state, name, result.message)
        now = self.now()
        self._recorder.group_ended(name, component, result, now)
        self.tell(events.TaskFinished(name, component, result.state, 0, None, result.message, now))

    def _looped(self, name: str, done: int, items: int) -> None:
        now = self.now()
        self.tell(events.LoopItemFinished(name, done, items, now) if done else events.LoopStarted(name, items, now))

    def _remember(self, state: str, name: str, message: str) -> None:
        if state == "FAILED" and not self.message:
            self.message = f"{name}: {message}"

    # ---------------------------------------------------------------------------------------------- tasks

    def _start_ready(self) -> bool:
        """Start the tasks that can start; return whether there is anything left to wait for."""
        aside: list[Tracked] = []
        begun = 0
        while self._pending.ready and len(self._live) < self._settings.jobs and len(aside) < BLOCKED and begun < TURN:
            task = heapq.heappop(self._pending.ready)[2]
            if self._scheduler.killed or (self._scheduler.canceled and not task.run.protected):
                self._finish(task, "OMITTED" if not task.attempts else "CANCELED", self._scheduler.cause, None)
            elif not self._machine.fits(task.need):
                aside.append(task)
            else:
                self._start(task)
                begun += 1
        self._more = begun == TURN
        for task in aside:
            self._pending.push(task)
        return self._scheduler.result is None

    def _start(self, task: Tracked) -> None:
        run = task.run
        component = self._pipeline.components[run.node.component]
        if not task.attempts:
            task.earlier = self._recorder.attempts_of(run.name)
        task.attempts += 1
        task.stopped = ""
        task.attempt = attempt = Attempt(
            folder_of(self._folder, run.name, task.number), component, run.values, run.env, run.settings, run.name
        )
        now = self.now()
        task.started = task.started or now
        self.tell(events.TaskStarted(run.name, run.node.component, task.number, now, run.item))
        self._recorder.started(task, now)
        try:
            spec = self._specs.path(run.node.component, component)
            data = attempt.data(spec) if run.node.component in self._settings.in_memory else None
            if data is None:
                attempt.write(spec)
        except (TaskRefused, TypeError, ValueError) as error:
            self._ended_attempt(task, "FAILED", str(error), CONTRACT_BROKEN)
            return
        except OSError as error:
            self._ended_attempt(task, "FAILED", f"the run directory cannot be written: {error}", None)
            return
        task.tail = Tail(attempt.log) if self._settings.follows_logs else None
        ticket = str(next(self._tickets))
        self._live[ticket] = task
        self._machine.take(task.need)
        ended = self._launcher.start(
            Launch(ticket, attempt.job, attempt.log, spec, run.node.component, bool(run.env), data)
        )
        if ended is not None:
            self._interrupted()  # Ctrl-C ended the task: it is canceled, not failed
            self._exited(ended)
            return
        limit = run.node.options.timeout_seconds
        if limit is not None:
            self._pending.after(limit, lambda: self._stop(ticket, "timeout"))

    def _stop(self, ticket: str, why: str) -> None:
        """Ask a task to end, and kill it if it does not."""
        task = self._live.get(ticket)
        if task is None or task.stopped:
            return
        task.stopped = why
        self._launcher.signal(ticket, signal.SIGTERM)
        self._pending.after(self._settings.grace, lambda: self._launcher.signal(ticket, KILL))

    def _exited(self, exited: Exited) -> None:
        task = self._live.pop(exited.ticket)
        self._machine.give_back(task.need)
        self._read_log(task, 0)
        if task.tail is not None:
            task.tail.close()
        if task.attempt is not None:
            task.attempt.discard_inputs()
            if exited.texts is not None:
                task.attempt.texts = exited.texts
        changed = self._recorder.changed_inputs(task.run)
        if changed:
            names = ", ".join(f"`{name}`" for name in changed)
            message = f"the task modified its input {names}, or another process did meanwhile; copy an input before you modify it"
            self._ended_attempt(task, "FAILED", message, CONTRACT_BROKEN)
        elif exited.code == 0 and not task.stopped:
            self._succeeded(task)
        elif task.stopped == "cancel":
            self._ended_attempt(task, "CANCELED", self._scheduler.cause, exit_code(exited))
        else:
            self._failed(task, reason(task, exited), exit_code(exited))

    def _failed(self, task: Tracked, message: str, code: int | None) -> None:
        """Handle a failed attempt: schedule a retry, or fail the task."""
        retry = task.run.node.options.retry
        again = retry is not None and task.attempts <= retry.limit and not recurs(code, message)
        if retry is None or not again or (self._scheduler.canceled and not task.run.protected):
            self._ended_attempt(task, "FAILED", message, code)
            return
        now = self.now()
        self._recorder.ended(task, "FAILED", code, message, now)
        wait = delay(retry, task.attempts)
        self.tell(events.TaskRetried(task.run.name, task.number, message, wait, now))
        self._pending.park(task, wait, self._pending.push)

    def _succeeded(self, task: Tracked) -> None:
        attempt = task.attempt
        assert attempt is not None
        reach("attempt-ended")
        if attempt.to_be_read:  # its content has no digest yet: computing it takes as long as the disk needs
            threading.Thread(target=self._read_outputs, args=(task, attempt), daemon=True).start()
        else:
            self._collect(task, attempt)

    def _read_outputs(self, task: Tracked, attempt: Attempt) -> None:
        """Compute the digests of a container's outputs, in a separate thread."""
        attempt.read()
        self._inbox.post(lambda: self._collect(task, attempt))

    def _collect(self, task: Tracked, attempt: Attempt) -> None:
        try:
            outputs = self._recorder.publish(attempt.root, attempt.outputs(), attempt.stamps)
        except TaskRefused as error:
            self._ended_attempt(task, "FAILED", str(error), CONTRACT_BROKEN)
        except PipelineError as error:
            self._ended_attempt(task, "FAILED", first_message(error), CONTRACT_BROKEN)
        except OSError as error:
            self._ended_attempt(task, "FAILED", f"its outputs cannot be stored: {error}", None)
        else:
            self._ended_attempt(task, "SUCCEEDED", "", 0, outputs)

    def _ended_attempt(
        self,
        task: Tracked,
        state: TaskState,
        message: str,
        code: int | None,
        outputs: Mapping[str, Value] | None = None,
    ) -> None:
        """End the attempt and its task."""
        self._recorder.ended(task, state, code, message, self.now())
        self._finish(task, state, message, code, outputs)

    def _finish(
        self,
        task: Tracked,
        state: TaskState,
        message: str,
        code: int | None,
        outputs: Mapping[str, Value] | None = None,
        found: Found | None = None,
    ) -> None:
        """Finish the task: record it, emit its event, and let the scheduler continue."""
        run, attempt = task.run, task.attempt
        now = self.now()
        folder = attempt.root if attempt is not None else None
        result = TaskResult(
            run.name, run.node.component, state, task.number, code, message, folder, task.started, now, item=run.item
        )
        if found is not None:
            result = (result if found.record is None else before(found.record)).as_reused(found.reused)
        self.tasks[run.name] = result
        self._remember(state, run.name, message)
        outputs = outputs or {}
        waiting = self._recorder.finished(task, result, outputs, found)
        reused = found.reused if found is not None else ""
        component = run.node.component
        self.tell(
            events.TaskFinished(
                run.name, component, state, result.attempts, result.exit_code, message, now, reused, run.item
            )
        )
        self._scheduler.finish(run, NodeResult(state, outputs, message))
        for other in waiting:
            if self._pending.unpark(other):
                self._offer(other)
        if (
            state == "FAILED"
            and self._settings.fail_fast
            and not self._scheduler.canceled
            and not self._scheduler.ignored(run)
        ):
            self._end_early("failed", f"{run.name} failed, and the run stops at the first failure")

    # ----------------------------------------------------------------------------------------------- logs

    def _follow_logs(self) -> None:
        for task in list(self._live.values()):
            self._read_log(task)
        self._pending.after(TAIL_SECONDS, self._follow_logs)

    def _read_log(self, task: Tracked, limit: int | None = None) -> None:
        if task.tail is None:
            return
        for offset, data in task.tail.read() if limit is None else task.tail.read(limit):
            self.tell(events.LogChunk(task.run.name, task.number, offset, data, self.now()))

    # ----------------------------------------------------------------------------------------- ending early

    def _interrupted(self) -> None:
        while self._handled < self._interrupts:
            self._handled += 1
            if self._handled == 1:
                self._end_early("cancel", "canceled")
            else:
                self._kill_all()

    def _look_for_request(self) -> None:
        """Do what another process requests (:meth:`LocalEngine.cancel`)."""
        asked = take_request(self._place)
        if asked is not None:
            self._interrupts = max(self._interrupts, 2) if asked == "kill" else self._interrupts + 1
        self._pending.after(ELSEWHERE_SECONDS, self._look_for_request)

    def _time_is_up(self) -> None:
        self._end_early("timeout", f"the run exceeded its timeout of {self._settings.timeout:g} s")

    def _end_early(self, reason: str, message: str) -> None:
        if self._reason:
            return
        self._reason = reason
        self.message = message
        self._scheduler.canceled = True
        self._scheduler.interrupted = reason == "cancel"
        if reason != "cancel":
            self._scheduler.cause = message
        self.tell(events.CancelStarted(message, False, self.now()))
        for ticket, task in list(self._live.items()):
            if not task.run.protected:
                self._stop(ticket, "cancel")
        self._drop_waiting()

    def _drop_waiting(self) -> None:
        """Discard tasks that wait for a slot or for a retry."""
        for task in self._pending.drop():
            if task.run.protected and not self._scheduler.killed:
                self._pending.push(task)
            else:
                state: TaskState = "CANCELED" if task.attempts else "OMITTED"
                self._finish(task, state, self._scheduler.cause, None)

    def _kill_all(self) -> None:
        self.tell(events.CancelStarted("killed", True, self.now()))
        self._scheduler.killed = self._scheduler.canceled = True
        for ticket, task in list(self._live.items()):
            task.stopped = "cancel"
            self._launcher.signal(ticket, KILL)
        self._drop_waiting()
