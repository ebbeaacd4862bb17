"""Reading of runs: one interface for a local store, a cluster, a service."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any, BinaryIO, Generic, Literal, Protocol, TypeAlias, TypeVar

from typedpipe.diagnostics.errors import PipelineError
from typedpipe.ir import nodes as ir
from typedpipe.runs import events
from typedpipe.runs.model import ArtifactRef, BrokenRun, Run, RunState, Task
from typedpipe.runs.paths import nearest_path
from typedpipe.runs.problems import problem

T = TypeVar("T")
AnyRun: TypeAlias = Run | BrokenRun
ListedState: TypeAlias = RunState | Literal["BROKEN"]
LAST = "last"
"""Refers to the newest run."""
_BLOCK = 1 << 16


@dataclass(frozen=True, slots=True)
class Query:
    """Selection of runs to list; ``limit`` is at least 1, ``token`` is the ``next`` of the previous page."""

    pipeline: str | None = None
    state: ListedState | None = None
    limit: int | None = None
    token: str = ""
    order: Literal["newest", "oldest"] = "newest"
    tags: Mapping[str, str] = field(default_factory=dict[str, str])
    """Tags that a run must have; of one with the value "", any value counts."""

    def takes(self, run: AnyRun) -> bool:
        """Whether the query selects a run."""
        if isinstance(run, BrokenRun):
            return self.pipeline is None and self.state in (None, "BROKEN") and not self.tags
        if any(name not in run.tags or (text and run.tags[name] != text) for name, text in self.tags.items()):
            return False
        return self.pipeline in (None, run.pipeline) and self.state in (None, run.state)


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """A part of a listing; ``next`` is "" on the last page."""

    items: Sequence[T]
    next: str = ""


@dataclass(slots=True)
class Cursor:
    """Position in a run's events up to which a reader has seen them. Feed it each event; it converts to JSON data.

    >>> cursor = Cursor()
    >>> cursor.take(events.LogChunk("train", 1, 0, b"loss", 5.0))
    >>> Cursor.of(cursor.data()).logs
    {'train#1': 4}
    """

    begun: bool = False
    session: int = 0
    """Number of resumes among the events: ``RunStarted`` after the first one."""
    attempts: dict[str, int] = field(default_factory=dict[str, int])
    """The last attempt of each task that has started."""
    logs: dict[str, int] = field(default_factory=dict[str, int])
    """Number of bytes seen of each log, by task and attempt."""
    retried: dict[str, int] = field(default_factory=dict[str, int])
    finished: dict[str, str] = field(default_factory=dict[str, str])

    def take(self, event: events.Event) -> None:
        match event:
            case events.RunStarted():
                self.session += self.begun
                self.begun = True
            case events.TaskStarted():
                self.attempts[event.task] = event.attempt
                self.finished.pop(event.task, None)
            case events.TaskRetried():
                self.retried[event.task] = event.attempt
            case events.LogChunk():
                self.logs[log_key(event.task, event.attempt)] = event.offset + len(event.data)
            case events.TaskFinished():
                self.finished[event.task] = event.state
            case _:
                pass

    def data(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("begun", "session", "attempts", "logs", "retried", "finished")}

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Cursor:
        """The inverse of :meth:`data`."""
        copied = json.loads(json.dumps(dict(data)))
        return cls(**{name: copied[name] for name in cls.__slots__ if name in copied})


def log_key(task: str, attempt: int) -> str:
    return f"{task}#{attempt}"


class RunSource(Protocol):
    """A source of runs. Errors are coded: TP600 unreadable source, TP603 no such run, TP604 corrupted record."""

    @property
    def place(self) -> str:
        """Location of the source for people: a path, an address."""
        ...

    def runs(self, query: Query = ...) -> Page[AnyRun]:
        """Runs in the requested order; those that cannot be read hold the reason.

        Raises:
            ValueError: the limit is less than 1, or the token is not from this source.
        """
        ...

    def run(self, name: str | None = None) -> Run:
        """One run: by its name, a unique prefix of its name, or the newest.

        Raises:
            PipelineError: TP603, there is none, or several; TP604, its record cannot be read.
        """
        ...

    def tasks(self, run: Run) -> Sequence[Task]:
        """All tasks, in the order of their first appearance."""
        ...

    def metrics(self, run: Run) -> Mapping[str, Any]:
        """Metrics of a run, as :func:`typedpipe.runs.metrics.metrics_of` returns them.

        Raises:
            PipelineError: TP604, the record of its tasks is corrupted.
        """
        ...

    def pipeline(self, run: Run) -> ir.Pipeline:
        """The closed IR stored with the run.

        Raises:
            PipelineError: it cannot be read.
        """
        ...

    def log(self, run: Run, task: str, attempt: int, offset: int = 0) -> Iterator[bytes]:
        """Output of an attempt (stdout and stderr) so far, from a byte offset on; nothing beyond its end.

        Raises:
            FileNotFoundError: it is missing; ``filename`` is its former path.
        """
        ...

    def log_size(self, run: Run, task: str, attempt: int) -> int:
        """Current size of the log in bytes.

        Raises:
            FileNotFoundError: see :meth:`log`.
        """
        ...

    def files(self, artifact: ArtifactRef) -> Mapping[str, int]:
        """Files of a directory, by relative path, with their sizes; for a single file, ``{"": size}``.

        Raises:
            ContentLost: TP609, the content is missing or has changed.
        """
        ...

    def open(self, artifact: ArtifactRef, path: str = "") -> BinaryIO:
        """The content of a file artifact, or of a file in a directory artifact.

        Raises:
            ContentLost: TP609, the content is missing or has changed.
            OSError: the artifact has no such file.
        """
        ...

    def watch(self, run: Run, after: Cursor | None = None) -> Iterator[events.Event]:
        """Events of a run until it has ended, without those that ``after`` has seen.

        A source that polls reports what tasks and logs show; it need not know the number of items of a loop.
        """
        ...


# --------------------------------------------------------------------------------------- shared by all sources


def choose_run(name: str | None, names: Collection[str], newest: Callable[[], str], place: str) -> str:
    """Full name of a run, from its name, a unique prefix, or None and ``last`` for the newest.

    Raises:
        PipelineError: TP603, there is none, or several.
    """
    if name is not None and name in names:
        return name
    if name is None or name == LAST:
        if not names:
            raise problem("TP603", f"there are no runs in `{place}`", help="choose another directory with `--folder`")
        return newest()
    starting = sorted(item for item in names if item.startswith(name)) if name else []
    if len(starting) == 1:
        return starting[0]
    if starting:
        listed = ", ".join(f"`{item}`" for item in starting[:4]) + (" and more" if len(starting) > 4 else "")
        raise problem("TP603", f"{len(starting)} run names start with `{name}`: {listed}", help="use a longer prefix")
    raise no_run(name, place, names)


def no_run(name: str, place: str, names: Collection[str] = ()) -> PipelineError:
    """TP603, with the nearest of the names that there are."""
    from typedpipe.diagnostics.words import nearest

    near = nearest(name, list(names))
    help_ = f"did you mean `{near}`?" if near else "to list the runs, use `typedpipe runs ls`; `last` is the newest run"
    return problem("TP603", f"there is no run `{name}` in `{place}`", help=help_)


def choose_task(run: str, name: str, tasks: Sequence[Task]) -> Task:
    """One of a run's tasks, by its path in the run.

    Raises:
        PipelineError: TP607, there is none.
    """
    known = {found.name: found for found in tasks}
    if name in known:
        return known[name]
    if not name:
        listed = ", ".join(f"`{run}/{task}`" for task in list(known)[:4]) + (" and more" if len(known) > 4 else "")
        help_ = f"name one of its tasks: {listed}" if known else "the run has no tasks"
        raise problem("TP607", f"`{run}` is a run, not a task", help=help_)
    near = nearest_path(name, known)
    said = f"did you mean `{run}/{near}`?" if near else f"to list the tasks, use `typedpipe runs show {run}`"
    raise problem("TP607", f"the run `{run}` has no task `{name}`", help=said)


def choose_page(found: Sequence[AnyRun], query: Query) -> Page[AnyRun]:
    """A page of a listing of all runs. A token names the last run of the previous page, which may be removed by now.

    Raises:
        ValueError: the limit is less than 1, or the token is invalid.
    """
    if query.limit is not None and query.limit < 1:
        raise ValueError(f"a page has at least one run, not {query.limit}")
    ordered = sorted(found, key=_age, reverse=query.order == "newest")
    if query.token:
        time, gap, name = query.token.partition(" ")
        if not gap:
            raise ValueError(f"{query.token!r} is no token of a page")
        last = (float(time), name)
        ordered = [run for run in ordered if (_age(run) < last if query.order == "newest" else _age(run) > last)]
    taken = [run for run in ordered if query.takes(run)]
    if query.limit is None or len(taken) <= query.limit:
        return Page(taken)
    taken = taken[: query.limit]
    return Page(taken, f"{taken[-1].created!r} {taken[-1].name}")


def _age(run: AnyRun) -> tuple[float, str]:
    return run.created, run.name


def inside(folder: str, path: str) -> str:
    """Path of a file of an artifact below a directory; "" is the directory itself.

    Raises:
        FileNotFoundError: the path is not a plain relative path below the directory.

    >>> inside("/tmp/a", "part/1")
    '/tmp/a/part/1'
    """
    relative = PurePosixPath(path)
    plain = not path or (str(relative) == path and path != os.curdir and not relative.is_absolute())
    if not plain or os.pardir in relative.parts or (os.sep != "/" and os.sep in path):
        raise FileNotFoundError(errno.ENOENT, "there is no such file in the artifact", path)
    return "/".join((folder, *relative.parts))


def log_tail(source: RunSource, run: Run, task: str, attempt: int, lines: int) -> int:
    """Offset of the last ``lines`` lines of a log.

    Raises:
        FileNotFoundError: the log is missing.
    """
    size = source.log_size(run, task, attempt)
    return tail_offset(size, lambda offset, count: read_log(source, run, task, attempt, (offset, count)), lines)


def tail_offset(size: int, read: Callable[[int, int], bytes], lines: int) -> int:
    r"""Offset of the last ``lines`` lines of the content that ``read(offset, count)`` returns; it is read from its end.

    >>> text = b"one\ntwo\nthree\n"
    >>> tail_offset(len(text), lambda offset, count: text[offset : offset + count], 2)
    4
    """
    at, left = size, lines
    while at > 0:
        start = max(0, at - _BLOCK)
        block = read(start, at - start)
        stop = len(block) - 1 if at == size and block.endswith(b"\n") else len(block)
        while (found := block.rfind(b"\n", 0, stop)) >= 0 and left > 0:
            left -= 1
            stop = found
            if not left:
                return start + found + 1
        at = start
    return 0 if lines else size


def read_log(source: RunSource, run: Run, task: str, attempt: int, part: tuple[int, int]) -> bytes:
    """Read part of a log; ``part``: its offset, and the maximum number of bytes.

    Raises:
        FileNotFoundError: the log is missing.
    """
    offset, count = part
    data = b""
    for piece in source.log(run, task, attempt, offset):
        data += piece
        if len(data) >= count:
            break
    return data[:count]
