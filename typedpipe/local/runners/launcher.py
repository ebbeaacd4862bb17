"""Task processes as seen by the engine: starting, signaling, and reporting their end.

:class:`ZygoteLauncher` forks from a warm process (Linux); :class:`SpawnLauncher` starts an interpreter per task and
works everywhere. ``runners`` has further launchers with the same protocol.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from typedpipe.local.forks import close_in_forks
from typedpipe.local.processes.variables import inherited
from typedpipe.local.runners.orphans import NONCE, kill_marked

CHILD = str(Path(__file__).with_name("child.py"))
ZYGOTE = str(Path(__file__).with_name("zygote.py"))
PYTHON = (sys.executable, "-E", "-P", "-u")
KILL = getattr(signal, "SIGKILL", signal.SIGTERM)


@dataclass(frozen=True, slots=True)
class Launch:
    """One attempt to start. ``ticket`` identifies it; ``job`` and ``log`` are files; ``spec`` is a shared file."""

    ticket: str
    job: str
    log: str
    spec: str = ""
    component: str = ""
    """Key of the component in the pipeline, which determines the task's placement."""
    own_env: bool = False
    """The task has environment variables of its own: it gets no process that loaded modules before they were set."""
    data: Mapping[str, Any] | None = None
    """The contents of ``job``, for ``inprocess``: then neither the file nor its directory has to exist."""


@dataclass(frozen=True, slots=True)
class Exited:
    """The end of a task. ``code`` is negative for a signal, as in ``subprocess``; None if it could not be followed."""

    ticket: str
    code: int | None
    message: str = ""
    texts: Mapping[str, str] | None = None
    """Texts of parameter outputs and descriptors by key, if kept in memory instead of ``out/p``."""


class Launcher(Protocol):
    """The engine's interface to a runner's processes."""

    generation: int
    """Increases when :meth:`fileno` returns a new descriptor."""

    def fileno(self) -> int:
        """A descriptor that is readable when :meth:`reports` has entries."""
        ...

    def start(self, launch: Launch) -> Exited | None:
        """Start a task; return its end if it has already ended."""
        ...

    def signal(self, ticket: str, number: int) -> None:
        """Signal the task and its process group."""
        ...

    def reports(self) -> Iterable[Exited]:
        """Tasks that ended since the last call; does not wait."""
        ...

    def close(self) -> None:
        """Stop all running tasks and wait for their end."""
        ...


class Inbox:
    """Queue of ended tasks, written by any thread and read by the engine's."""

    def __init__(self) -> None:
        self._read, self._write = socket.socketpair()
        self._read.setblocking(False)
        self._write.setblocking(False)
        self._ended: list[Exited] = []
        self._lock = threading.Lock()

    def fileno(self) -> int:
        """A descriptor that is readable when the inbox has entries."""
        return self._read.fileno()

    def put(self, exited: Exited) -> None:
        with self._lock:
            self._ended.append(exited)
            if len(self._ended) > 1:
                return  # it is readable already
        try:
            self._write.send(b"x")
        except OSError:
            pass  # closed: the run is over

    def take(self) -> list[Exited]:
        """Entries since the last call; does not wait."""
        with self._lock:
            ended, self._ended = self._ended, []
            if ended:
                try:
                    self._read.recv(64)
                except BlockingIOError:
                    pass
        return ended

    def close(self) -> None:
        self._read.close()
        self._write.close()


@dataclass(frozen=True, slots=True)
class Interpreter:
    """A Python to run tasks with: this one, or that of a virtual environment in ``folder``."""

    command: tuple[str, ...] = PYTHON
    folder: str = ""
    variables: Mapping[str, str] = field(default_factory=dict[str, str])
    """Environment variables of the run. They may be secrets, and are in no file and no command line."""

    def environment(self, mark: str) -> dict[str, str]:
        """Environment variables of its processes."""
        found = {**inherited(Path(self.folder) if self.folder else None), "PYTHONUNBUFFERED": "1"}
        if self.folder:
            scripts = os.path.dirname(self.command[0])
            found |= {"VIRTUAL_ENV": self.folder, "PATH": scripts + os.pathsep + os.environ.get("PATH", os.defpath)}
        return {**found, **self.variables, NONCE: mark}


HERE = Interpreter()


class ZygoteLauncher:
    """Tasks forked by one warm process, which has preloaded ``modules`` (each ``name`` or ``name:part,part``)."""

    def __init__(self, mark: str = "", python: Interpreter = HERE, modules: Sequence[str] = ()) -> None:
        self.generation = 0
        self.ready = False
        """It has loaded its modules, and starts tasks at once."""
        self._mark = mark or os.urandom(16).hex()
        self._python = python
        self._modules = tuple(modules)
        self._process: subprocess.Popen[bytes] | None = None
        self._tickets: dict[str, None] = {}
        self._broken = ""
        """Why it cannot start at all; then each task hears that."""
        self._open()

    def _open(self) -> None:
        self.ready = self._asked = False
        self._channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        close_in_forks(self._channel)
        close_in_forks(theirs)
        for end in (self._channel, theirs):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        self._process = None
        try:
            if not self._broken:
                self._process = self._popen(theirs)
        except OSError as error:
            self._broken = f"no process can be started with {self._python.command[0]}: {error.strerror}"
        self._theirs = theirs
        if self._process is not None:
            theirs.close()

    def _popen(self, theirs: socket.socket) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [*self._python.command, ZYGOTE, str(theirs.fileno()), *self._modules],
            pass_fds=(theirs.fileno(),),
            stdin=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for the engine, which decides
            env=self._python.environment(self._mark),
        )

    def fileno(self) -> int:
        return self._channel.fileno()

    def start(self, launch: Launch) -> None:
        self._tickets[launch.ticket] = None
        self._asked = True
        if self._broken:
            self._theirs.send(json.dumps(["refused", launch.ticket, self._broken]).encode())
            return
        self._send("start", launch.ticket, launch.job, launch.log, launch.spec)

    def signal(self, ticket: str, number: int) -> None:
        if ticket in self._tickets:
            self._send("kill", ticket, int(number))

    def _send(self, *message: object) -> None:
        try:
            self._channel.send(json.dumps(message).encode())
        except OSError:
            pass  # the zygote has exited: ``reports`` sees its end and reports what was lost

    def reports(self) -> Iterable[Exited]:
        while True:
            try:
                packet = self._channel.recv(1 << 16, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return
            except OSError:
                packet = b""
            if not packet:
                yield from self._bury()
                return
            kind, ticket, *rest = json.loads(packet)
            if kind == "ready":
                self.ready = True
            elif kind == "exited":
                self._tickets.pop(ticket, None)
                yield Exited(ticket, rest[0])
            elif kind == "refused":
                self._tickets.pop(ticket, None)
                yield Exited(ticket, None, rest[0])

    def _bury(self) -> Iterable[Exited]:
        """Handle the death of the zygote (killed, or out of memory): its tasks are dead or killed; start another."""
        lost, why = list(self._tickets), "the process that starts tasks was killed (out of memory?)"
        if not self.ready and not self._modules:
            why = self._broken = f"the process that starts tasks exits immediately: {' '.join(self._python.command)}"
        elif not self.ready:
            self._modules = ()  # perhaps one of them caused it
        self._end()
        self._open()
        self.generation += 1
        for ticket in lost:
            yield Exited(ticket, None, why)

    def _end(self) -> None:
        self._tickets.clear()
        with suppress(OSError):  # the zygote has exited
            self._channel.shutdown(socket.SHUT_RDWR)
        self._channel.close()  # the end of file makes the zygote kill its tasks and exit
        self._theirs.close()
        process = self._process
        if process is None:
            return
        if not self._asked:
            process.kill()  # it has no tasks, and may be loading modules for seconds
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.returncode != 0 and self._asked:
            kill_marked(self._mark)

    def close(self) -> None:
        self._end()


class SpawnLauncher:
    """One fresh interpreter per task; a thread waits for each, because not every system has a descriptor to select on.

    A task that has ended leaves nothing behind: its process group is killed, and all processes with its mark.
    """

    def __init__(self, mark: str = "", python: Interpreter = HERE, inbox: Inbox | None = None) -> None:
        self.generation = 0
        self._inbox = inbox or Inbox()
        self._mark = mark or os.urandom(16).hex()
        self._python = python
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._threads: list[threading.Thread] = []

    def fileno(self) -> int:
        return self._inbox.fileno()

    def start(self, launch: Launch) -> None:
        mark = f"{self._mark}.{launch.ticket}"
        try:
            with open(launch.log, "ab") as log:
                process = subprocess.Popen(
                    [*self._python.command, CHILD, launch.job],
                    stdin=subprocess.PIPE,  # end of file tells the task that the engine has exited
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                    env=self._python.environment(mark),
                )
        except OSError as error:
            self._inbox.put(Exited(launch.ticket, None, f"no process can be started: {error.strerror}"))
            return
        assert process.stdin is not None
        close_in_forks(process.stdin)
        self._processes[launch.ticket] = process
        thread = threading.Thread(target=self._follow, args=(launch.ticket, process, mark), daemon=True)
        self._threads = [t for t in self._threads if t.is_alive()] + [thread]
        thread.start()

    def _follow(self, ticket: str, process: subprocess.Popen[bytes], mark: str) -> None:
        code = process.wait()
        kill_marked(mark)
        signal_process(process, KILL)
        if process.stdin is not None:
            process.stdin.close()
        self._processes.pop(ticket, None)
        self._inbox.put(Exited(ticket, code))

    def signal(self, ticket: str, number: int) -> None:
        process = self._processes.get(ticket)
        if process is not None and number == KILL:
            process.kill()  # ``_follow`` kills what is left of its group
        elif process is not None:
            signal_process(process, number)

    def reports(self) -> Iterable[Exited]:
        return self._inbox.take()

    def close(self) -> None:
        for process in list(self._processes.values()):
            signal_process(process, KILL)
        for thread in self._threads:
            thread.join(timeout=10)
        self._inbox.close()


def signal_process(process: subprocess.Popen[bytes], number: int) -> None:
    """Signal a process and, where supported, its process group."""
    try:
        if hasattr(os, "killpg"):
            os.killpg(process.pid, number)
        else:
            process.send_signal(number)
    except (ProcessLookupError, PermissionError):
        pass


def launcher(mark: str = "", python: Interpreter = HERE, inbox: Inbox | None = None) -> Launcher:
    """The fastest launcher that this system supports."""
    return ZygoteLauncher(mark, python) if sys.platform == "linux" else SpawnLauncher(mark, python, inbox)
