"""The store: its runs, artifacts and cache."""

from __future__ import annotations

import json
import os
import platform
import shutil
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from typedpipe.diagnostics.errors import PipelineError
from typedpipe.diagnostics.model import NOWHERE, Diagnostic, Label
from typedpipe.files import write_whole
from typedpipe.ir import nodes as ir
from typedpipe.local.failpoints import reach
from typedpipe.local.store.cache_table import CacheTable, cache_database
from typedpipe.local.store.catalog import AnyRun, Catalog
from typedpipe.local.store.database import FORMAT
from typedpipe.local.store.index import INDEX, RunFolder, begin
from typedpipe.local.store.locks import (
    Engine,
    Held,
    Lock,
    is_running,
    read_engine,
    take_lock,
    this_engine,
    write_engine,
)
from typedpipe.local.store.model import Labels, StoredRun, UnreadableRun
from typedpipe.local.store.names import check_name
from typedpipe.local.store.objects import SCRATCH, Objects
from typedpipe.local.store.problems import cannot_read, newer
from typedpipe.local.store.record import read_record, read_run, tags_of
from typedpipe.local.store.regular import regular
from typedpipe.local.store.tree import remove
from typedpipe.runs.problems import os_problem, problem
from typedpipe.runs.source import choose_run
from typedpipe.version import __version__

DEFAULT = ".typedpipe"


LONGEST = 504
"""Longest path of a database, in bytes: SQLite's limit of 512 includes the endings of its own files next to it."""


def root_path(folder: Path | str | None) -> Path:
    """Absolute path of the store: the given one, ``TYPEDPIPE_HOME``, or ``.typedpipe`` in the working directory.

    Raises:
        PipelineError: TP600, the working directory was removed.
    """
    place = folder or os.path.expanduser(os.environ.get("TYPEDPIPE_HOME", "")) or DEFAULT
    try:
        return Path(os.path.abspath(place))
    except FileNotFoundError:
        raise cannot_read(place, "the working directory was removed") from None


def open_root(folder: Path | None = None, *, create: bool = False, durable: bool = False) -> Root:
    """Open a store. A missing one has no runs, unless it is to be created.

    Args:
        folder: Its directory. Default: ``TYPEDPIPE_HOME``, or ``.typedpipe`` in the working directory.
        create: Create it if it does not exist.
        durable: Sync each artifact and commit to disk, so that results also survive a power cut.

    Raises:
        PipelineError: TP197, it cannot be created; TP600, it is no readable directory; TP602, it has a newer version.
    """
    path = root_path(folder)
    if create:
        _create(path)
    found = os.path.join(path, "format.json")
    try:
        with open(found, encoding="utf-8", opener=regular) as file:
            data: Any = json.load(file)
        number = data["format"]
    except (FileNotFoundError, NotADirectoryError):
        if path.exists() and not path.is_dir():
            raise cannot_read(path, "it is not a directory") from None
        return Root(path, durable=durable)
    except OSError as error:
        raise cannot_read(path, error.strerror or str(error)) from None
    except (ValueError, KeyError, TypeError):
        raise cannot_read(found, 'it is corrupted; it should contain {"format": 1}') from None
    if not isinstance(number, int) or number > FORMAT:
        raise newer(path, number, FORMAT)
    return Root(path, durable=durable)


def _create(path: Path) -> None:
    try:
        os.makedirs(path / "runs", exist_ok=True)
        os.makedirs(path / "objects", exist_ok=True)
        for name, text in ((".gitignore", "*\n"), ("format.json", json.dumps({"format": FORMAT}) + "\n")):
            if not os.path.exists(path / name):
                write_whole(path / name, text)
    except OSError as error:
        raise cannot_make(path, error) from None


def cannot_make(path: Path, error: OSError, pipeline: ir.Pipeline | None = None) -> PipelineError:
    message = f"the run directory {path} cannot be created: {error.strerror or error}"
    place = Label(NOWHERE if pipeline is None else pipeline.span)
    return PipelineError([Diagnostic("TP197", message, place, help="choose a writable directory with `--folder`")])


def _too_long(folder: Path, pipeline: ir.Pipeline) -> PipelineError:
    message = (
        f"the path of the run directory {folder} is too long: SQLite opens files with paths of at most {LONGEST} bytes"
    )
    help_ = "choose a shorter directory with `--folder`"
    return PipelineError([Diagnostic("TP197", message, Label(pipeline.span), help=help_)])


class Root:
    """A store. Created by :func:`open_root`; not thread-safe."""

    def __init__(self, path: Path, *, durable: bool = False) -> None:
        self.path = path
        self._durable = durable
        database = cache_database(str(path), durable=durable)
        self.objects = Objects(str(path), database, durable=durable)
        self.cache = CacheTable(str(path), database, self.objects)
        self.catalog = Catalog(path, self.objects, self._read)

    def close(self) -> None:
        try:
            self.cache.close()
        finally:
            self.catalog.close()

    # --------------------------------------------------------------------------------------------- reading

    def names(self) -> list[str]:
        """Names of all runs, in no particular order.

        Raises:
            PipelineError: TP600, the directory cannot be read.
        """
        try:
            with os.scandir(self.path / "runs") as found:
                return [entry.name for entry in found if entry.is_dir() and not entry.name.startswith(".")]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise cannot_read(self.path, error.strerror or str(error)) from None

    def runs(self) -> list[AnyRun]:
        """All runs, the newest first; those that cannot be read hold the reason."""
        return self.catalog.runs(self.names())

    def run(self, name: str | None = None) -> StoredRun:
        """One run: by its name, a unique prefix of its name, or the newest.

        Raises:
            PipelineError: TP603, there is none, or several; TP602 and TP604, its record cannot be read.
        """
        found = self._read(self.resolve(name))
        if isinstance(found, UnreadableRun):
            raise found.problem
        return found

    def resolve(self, name: str | None) -> str:
        """Full name of a run, from a name as in :meth:`run`."""
        names = self.names()
        return choose_run(name, names, lambda: self.catalog.newest(names), str(self.path))

    def _read(self, name: str) -> AnyRun:
        folder = self.path / "runs" / name
        try:
            return read_run(folder)
        except PipelineError as error:
            return UnreadableRun(name, str(folder), _touched(folder), error)

    # --------------------------------------------------------------------------------------------- writing

    def new_run(
        self,
        name: str,
        pipeline: ir.Pipeline,
        arguments: Mapping[str, str],
        settings: Mapping[str, Any],
        labels: Labels = Labels(),  # noqa: B008  # frozen
    ) -> RunFolder:
        """Create the directory of a run atomically, and hold the run.

        Args:
            name: Name of the run; it must not exist.
            pipeline: The closed IR to store with the run.
            arguments: Wire text by name; omitted ones are recorded with their defaults.
            settings: Settings of the run, as JSON data.
            labels: Its tags and note.

        Raises:
            PipelineError: TP197, the directory cannot be created; TP611, the name is not valid for a run.
        """
        from typedpipe.ir import wire

        folder = self.path / "runs" / name
        check_name(name, folder)
        if len(os.fsencode(folder / INDEX)) > LONGEST:
            raise _too_long(folder, pipeline)
        scratch = self.path / "runs" / f"{SCRATCH}{os.getpid()}-{os.urandom(4).hex()}"
        record = {
            "format": FORMAT,
            "run": name,
            "pipeline": pipeline.name,
            "created": time.time(),
            "arguments": {p.name: p.default.text for p in pipeline.graph.inputs if p.default} | dict(arguments),
            "settings": dict(settings),
            "python": platform.python_version(),
            "version": __version__,
        } | labels.data()
        guard: Lock | None = None
        try:
            guard = take_lock(str(self.path / "lock"), shared=True)
            for made in (scratch, scratch / "specs", scratch / "tasks"):
                os.mkdir(made)
            with open(scratch / "pipeline.ir", "wb") as file:
                file.write(wire.encode(pipeline))
            write_whole(scratch / "run.json", json.dumps(record, indent=1) + "\n")
            lock = take_lock(str(scratch / "lock"))
            engine = this_engine(os.urandom(8).hex())
            write_engine(str(scratch), engine)
            reach("run-made")
            os.rename(scratch, folder)
        except (OSError, Held) as error:
            if guard is not None:
                guard.release()
            shutil.rmtree(scratch, ignore_errors=True)
            raise self._cannot_make_run(folder, error, pipeline) from None
        index = begin(str(folder), str(self.path), (lock, guard), durable=self._durable)
        return RunFolder(folder, index, lock, engine.nonce, None, guard, self.catalog.enlist)

    @staticmethod
    def _cannot_make_run(folder: Path, error: OSError | Held, pipeline: ir.Pipeline) -> PipelineError:
        if isinstance(error, Held):
            error = OSError(0, "garbage collection of its artifacts is in progress (`typedpipe runs gc`); try again")
        return cannot_make(folder, error, pipeline)

    def reopen(self, run: StoredRun, last: Engine | None = None) -> RunFolder:
        """Take ownership of a run that has ended, or whose engine has exited, to continue it.

        Args:
            run: The run.
            last: The engine that had it when the caller decided what to do; None: any.

        Raises:
            PipelineError: TP606, another engine has it, or has had it since; TP601, the directory cannot be written;
                TP604, its index is corrupted.
        """
        folder = str(run.folder)
        guard: Lock | None = None
        try:
            guard = take_lock(str(self.path / "lock"), shared=True)
            lock = take_lock(os.path.join(folder, "lock"))
            if not lock.real and is_running(folder):
                raise Held(folder)  # noqa: TRY301  # as take_lock
            previous = read_engine(folder)
            if last is not None and previous != last:
                lock.release()
                guard.release()
                raise resumed_meanwhile(run.name)  # the locks are released above
            engine = this_engine(os.urandom(8).hex())
            write_engine(folder, engine)
        except Held:
            if guard is not None:
                guard.release()
            raise held(run.name, folder) from None
        except OSError as error:
            if guard is not None:
                guard.release()
            raise os_problem(folder, error) from None
        index = begin(folder, str(self.path), (lock, guard), durable=self._durable)
        return RunFolder(run.folder, index, lock, engine.nonce, previous, guard, self.catalog.enlist)

    def remove(self, run: AnyRun) -> None:
        """Remove a run: its record, logs and work files. :func:`typedpipe.local.store.garbage.collect` removes its
        artifacts.

        Raises:
            PipelineError: TP606, it is in progress; TP601, the directory cannot be written.
        """
        folder = str(run.folder)
        if is_running(folder):
            raise held(run.name, folder)
        scratch = self.path / "runs" / f"{SCRATCH}{os.getpid()}-{os.urandom(4).hex()}"
        try:
            os.rename(folder, scratch)
            remove(str(scratch))
        except OSError as error:
            raise os_problem(folder, error) from None

    def label(self, run: StoredRun, change: Labels, remove: Iterable[str] = (), *, keep_note: bool = True) -> Labels:
        """Change the tags and the note of a run; return the new ones.

        Args:
            run: The run.
            change: Tags to add, and the new note.
            remove: Names of tags to remove.
            keep_note: Whether a new note of "" keeps the old one.

        Raises:
            PipelineError: TP602 and TP604, its record cannot be read; TP601, it cannot be written.
        """

        def labeled(record: dict[str, Any]) -> dict[str, Any]:
            removed = set(remove)
            kept = {key: text for key, text in tags_of(record).items() if key not in removed}
            labels = Labels({**kept, **change.tags}, change.note or str((keep_note and record.get("note")) or ""))
            return {key: value for key, value in record.items() if key not in ("tags", "note")} | labels.data()

        record = self._change_record(run, labeled)
        return Labels(tags_of(record), str(record.get("note") or ""))

    def add_variables(self, run: StoredRun, names: Iterable[str]) -> None:
        """Record the names of environment variables that a resumed run has besides its own.

        Raises:
            PipelineError: TP602 and TP604, its record cannot be read; TP601, it cannot be written.
        """

        def added(record: dict[str, Any]) -> dict[str, Any]:
            settings = record["settings"]
            every = sorted({*(settings.get("environment") or ()), *names})
            return {**record, "settings": {**settings, "environment": every}}

        self._change_record(run, added)

    @staticmethod
    def _change_record(run: StoredRun, change: Callable[[dict[str, Any]], dict[str, Any]]) -> dict[str, Any]:
        path = run.folder / "run.json"
        try:
            lock = take_lock(str(run.folder / "labels.lock"), tries=250)  # two commands must not lose one's change
            try:
                record = change(read_record(run.folder))
                write_whole(path, json.dumps(record, indent=1) + "\n")
            finally:
                lock.release()
        except Held:
            raise held(run.name, str(run.folder)) from None
        except OSError as error:
            raise os_problem(path, error) from None
        return record

    def repair(self, name: str) -> int:
        """Rebuild the index of a run from its tasks' files; return the number of tasks found done.

        Raises:
            PipelineError: TP606, the run is in progress; TP603, there is none; TP604, more than the index is corrupted.
        """
        from typedpipe.local.store.rebuild import rebuild

        folder = self.path / "runs" / self.resolve(name)
        read_record(folder)
        if is_running(str(folder)):
            raise held(folder.name, str(folder))
        done = rebuild(folder, self.path, self.objects)
        self.cache.commit()
        return done


def held(run: str, folder: str) -> PipelineError:
    """The error for a run that another engine has."""
    engine = read_engine(folder)
    who = f"process {engine.pid}" + ("" if engine.here else f" on {engine.host.split()[0]}") if engine else "a process"
    return problem(
        "TP606",
        f"the run `{run}` is in progress: {who} is executing it",
        help="wait until it ends, or stop it there with Ctrl-C",
    )


def resumed_meanwhile(run: str) -> PipelineError:
    """The error for a run that another engine has had, and left, since its state was read."""
    return problem(
        "TP606",
        f"another process resumed the run `{run}` at the same time",
        help=f"to see its result, use `typedpipe runs show {run}`",
    )


def _touched(folder: Path) -> float:
    """Approximate creation time of a run whose record cannot be read."""
    try:
        return folder.stat().st_mtime
    except OSError:
        return 0.0
