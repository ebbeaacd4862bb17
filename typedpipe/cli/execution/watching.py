"""Shared parts of `run`, `resume` and `spin`: a run and its followers, i.e. the display, `--events`, `-o json`."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TextIO, TypeAlias, cast

import click

from typedpipe.cli import exits
from typedpipe.cli.diagnostics import stop, stop_on_errors
from typedpipe.cli.execution.options import Shows
from typedpipe.cli.phases import Phases
from typedpipe.diagnostics.cells import shown
from typedpipe.diagnostics.errors import PipelineError
from typedpipe.diagnostics.model import NOWHERE, Diagnostics
from typedpipe.types.json_text import json_text, valid_json

if TYPE_CHECKING:
    from typedpipe.ir import nodes as ir
    from typedpipe.local.result import RunResult
    from typedpipe.runs.events import Event

OnEvent: TypeAlias = "Callable[[Event], None]"
SMALLEST = (40, 8)
"""A smaller terminal (columns, lines) gets plain lines."""


def watch(
    pipeline: ir.Pipeline, shows: Shows, phases: Phases, place: Path, start: Callable[[OnEvent], RunResult]
) -> None:
    """Run a pipeline, display it, print its outputs, and end the command with its exit code.

    Args:
        pipeline: The closed IR to run.
        shows: The display settings.
        phases: The phase messages so far.
        place: The directory of runs, which contains a directory per run.
        start: Runs the pipeline to its end, and passes events to its argument.
    """
    from typedpipe.cli.execution.ending import write_ending

    started = False
    try:
        with ExitStack() as stack:
            display = _display(pipeline, shows, place)
            sinks: list[Callable[[Event], object]] = []
            if display is not None:
                stack.callback(display.close)
                sinks.append(display)
            if shows.form == "json":
                sinks.append(Lines(sys.stdout, "stdout", place))
            if shows.events:
                sinks.append(stack.enter_context(_events_file(shows.events, place)))

            def on_event(event: Event) -> None:
                nonlocal started
                phases.end()
                started = started or type(event).__name__ == "RunStarted"
                for sink in sinks:
                    sink(event)

            result = start(on_event)
    except PipelineError as error:
        phases.end()
        # After the start, for example because the disk became full; TP606: another process has the run.
        failed = started or error.diagnostics[0].code == "TP606"
        stop(error, otherwise=exits.FAILED if failed else exits.MISTAKES)
        raise
    if display is not None:
        display.unless_gone(lambda: write_ending(pipeline, result, sys.stderr))
    elif not result.succeeded and shows.form != "json":  # there, the result says why
        with suppress(OSError):
            write_ending(pipeline, result, sys.stderr)
    _print_result(result, shows.form)
    _leave(result)


class Display:
    """A live or plain display. If its reader exits (``typedpipe run … 2>&1 | head``), the run continues."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self._gone = False

    def __call__(self, event: Event) -> None:
        self.unless_gone(lambda: self._inner(event))

    def close(self) -> None:
        """Restore the terminal."""
        self.unless_gone(self._inner.close)

    def unless_gone(self, show: Callable[[], None]) -> None:
        """Show something, unless the reader has exited."""
        if self._gone:
            return
        try:
            show()
        except OSError:
            self._gone = True
            _silence(sys.stderr)


def _silence(stream: TextIO) -> None:
    """Discard the buffers of a stream without a reader, instead of failing again."""
    try:
        number = stream.fileno()
    except (OSError, ValueError):
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, number)
    os.close(nowhere)


def _leave(result: RunResult) -> None:
    if result.state == "CANCELED":
        exits.leave(exits.INTERRUPTED)
    if result.succeeded:
        return
    exits.leave(exits.TIMED_OUT if result.timed_out else exits.FAILED)


# ----------------------------------------------------------------------------------------------------- displays


def chosen_display(shows: Shows, stream: TextIO) -> str:
    """``live``, ``plain`` or ``quiet``: the resolved value of ``auto``."""
    if shows.display != "auto":
        return shows.display
    if shows.form == "json" and sys.stdout.isatty():
        return "quiet"  # both would write to the same terminal
    if shows.in_process or not stream.isatty() or os.environ.get("TERM") in {"dumb", "unknown"} or _in_ci():
        return "plain"
    columns, lines = _size(stream)
    return "live" if columns >= SMALLEST[0] and lines >= SMALLEST[1] else "plain"


def _size(stream: TextIO) -> tuple[int, int]:
    try:
        columns, lines = os.get_terminal_size(stream.fileno())
    except (OSError, ValueError):
        return 0, 0
    return columns, lines


def _in_ci() -> bool:
    return os.environ.get("CI", "").lower() not in {"", "0", "false"}


def _display(pipeline: ir.Pipeline, shows: Shows, place: Path) -> Display | None:
    kind = chosen_display(shows, sys.stderr)
    if kind == "quiet":
        return None
    if kind == "live":
        if not sys.stderr.isatty():
            _refuse(
                "TP681", "the live display requires a terminal, but stderr is not a terminal", "remove `--display live`"
            )
        from typedpipe.cli.execution.live.screen import Screen

        return Display(Screen(pipeline, place, sys.stderr))
    from typedpipe.cli.execution.progress import Progress

    return Display(Progress(sys.stderr, place))


def _refuse(code: str, message: str, help_: str) -> None:
    report = Diagnostics()
    report.error(code, message, NOWHERE, help=help_)
    stop_on_errors(report, code=exits.USAGE)


# ------------------------------------------------------------------------------------------------------- events


class Lines:
    """Writes events as JSON lines, unbuffered. If the reader exits or the disk is full, the run continues."""

    def __init__(self, stream: TextIO, name: str, place: Path) -> None:
        self._stream = stream
        self._name = name
        self._place = place
        self._broken = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._stream.close()
        except OSError as error:
            self._fail(error)

    def __call__(self, event: Event) -> None:
        if self._broken:
            return
        try:
            self._stream.write(json.dumps(self._data(event)) + "\n")
            self._stream.flush()
        except OSError as error:
            self._fail(error)

    def _data(self, event: Event) -> dict[str, Any]:
        """An event as JSON data; for a local run, its start also contains the run directory."""
        from typedpipe.runs.events import RunStarted, to_data

        data = to_data(event)
        if isinstance(event, RunStarted):
            moment = data.pop("time")
            data |= {"folder": str(self._place / event.run), "time": moment}
        return data

    def _fail(self, error: OSError) -> None:
        if not self._broken:
            self._broken = True
            sys.stderr.write(f"events can no longer be written to {shown(self._name)}: {error.strerror}\n")


def _events_file(path: str, place: Path) -> Lines:
    try:
        return Lines(open(path, "w", encoding="utf-8"), path, place)
    except OSError as error:
        _refuse("TP680", f"the events cannot be written to `{path}`: {error.strerror}", "choose a writable file")
        raise


# ------------------------------------------------------------------------------------------------------- result


def _print_result(result: RunResult, form: str) -> None:
    if form != "json":
        for name, value in result.outputs.items():
            click.echo(f"{name}: {_readable(value)}")
        return
    data = {
        "event": "RunResult",
        "run": result.run,
        "state": result.state,
        "message": result.message,
        "folder": str(result.folder),
        "outputs": valid_json(_data(dict(result.outputs))),
    }
    click.echo(json_text(data))


def _readable(value: object) -> str:
    data: Any = _data(value)
    if isinstance(data, str):
        return shown(data)
    if hasattr(value, "__fspath__"):
        return shown(
            f"{data['type']} at {data['path']}" + (f" {json_text(data['metadata'])}" if data["metadata"] else "")
        )
    return json_text(data, ensure_ascii=False)


def _data(value: Any) -> Any:
    """An output as JSON data: artifacts by their type, path and metadata."""
    if hasattr(value, "__fspath__") and hasattr(value, "metadata"):
        kind = getattr(value, "schema_title", "")
        return {"type": kind, "path": value.__fspath__(), "metadata": value.metadata}
    if isinstance(value, dict):
        return {str(key): _data(item) for key, item in cast("dict[object, object]", value).items()}
    if isinstance(value, (list, tuple)):
        return [_data(item) for item in cast("list[object]", value)]
    if isinstance(value, (str, int, float, bool)) or value is None:
        return value
    return str(value)
