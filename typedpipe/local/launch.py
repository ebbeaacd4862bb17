"""Processes of tasks as the engine sees them: start one, signal one, hear that one ended.

:class:`ZygoteLauncher` forks from a warm process (Linux); :class:`SpawnLauncher` starts an interpreter a task and works
everywhere. Environments and containers are further launchers of the same protocol.
"""

from __future__ import annotations

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

CHILD = str(Path(__file__).with_name("child.py"))
PYTHON = (sys.executable, "-E", "-P", "-u")
NONCE = "TYPEDPIPE_NONCE"
KILL = getattr(signal, "SIGKILL", signal.SIGTERM)


@dataclass(frozen=True, slots=True)
class Launch:
    """One attempt to start. ``ticket`` names it; ``job`` and ``log`` are files; ``spec`` is a file that many share."""

    ticket: str
    job: str
    log: str
    spec: str = ""
    component: str = ""
    """The component's key in the pipeline, which says where the task runs."""
    own_env: bool = False
    """The task sets variables: it gets no process that loaded modules before they were set."""


@dataclass(frozen=True, slots=True)
class Exited:
    """``code`` is negative for a signal, as in ``subprocess``; None when the process could not be followed."""

    ticket: str
    code: int | None
    message: str = ""


class Launcher(Protocol):
    """What the engine needs of a way to run processes."""

    generation: int
    """Grows when :meth:`fileno` has become another one."""

    def fileno(self) -> int:
        """Readable when :meth:`reports` has something."""
        ...

    def start(self, launch: Launch) -> None: ...

    def signal(self, ticket: str, number: int) -> None:
        """Signal the task and its process group."""
        ...

    def reports(self) -> Iterable[Exited]:
        """What ended since the last call; does not wait."""
        ...

    def close(self) -> None:
        """End whatever still runs, and wait for that."""
        ...


def environment(nonce: str) -> dict[str, str]:
    return {**os.environ, "PYTHONUNBUFFERED": "1", NONCE: nonce}


class ZygoteLauncher:
    """Tasks forked by one warm process."""

    def __init__(self, nonce: str = "") -> None:
        self.generation = 0
        self._nonce = nonce or secrets.token_hex(16)
        self._tickets: dict[str, None] = {}
        self._open()

    def _open(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        for end in (ours, theirs):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        self._process = subprocess.Popen(
            [*PYTHON, CHILD, "zygote", str(theirs.fileno())],
            pass_fds=(theirs.fileno(),),
            stdin=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for the engine, which decides
            env=environment(self._nonce),
        )
        theirs.close()
        self._channel = ours

    def fileno(self) -> int:
        return self._channel.fileno()

    def start(self, launch: Launch) -> None:
        self._tickets[launch.ticket] = None
        self._send("start", launch.ticket, launch.job, launch.log, launch.spec)

    def signal(self, ticket: str, number: int) -> None:
        if ticket in self._tickets:
            self._send("kill", ticket, int(number))

    def _send(self, *message: object) -> None:
        try:
            self._channel.send(json.dumps(message).encode())
        except OSError:
            pass  # the zygote is gone: ``reports`` reads its end and says what was lost

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
            if kind == "exited":
                self._tickets.pop(ticket, None)
                yield Exited(ticket, rest[0])
            elif kind == "refused":
                self._tickets.pop(ticket, None)
                yield Exited(ticket, None, rest[0])

    def _bury(self) -> Iterable[Exited]:
        """The zygote died (it was killed, or memory ran out): what it ran is dead or is killed now; start another."""
        lost = list(self._tickets)
        self._end()
        self._open()
        self.generation += 1
        for ticket in lost:
            yield Exited(ticket, None, "the process that starts tasks was killed (out of memory?)")

    def _end(self) -> None:
        self._tickets.clear()
        self._channel.close()  # its end of file makes the zygote kill what runs, and leave
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.returncode != 0:
            kill_marked(self._nonce)

    def close(self) -> None:
        self._end()


def kill_marked(nonce: str) -> None:
    """Kill the processes that carry the mark in their environment: those whose zygote was killed."""
    mark = f"{NONCE}={nonce}".encode()
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            if mark in (entry / "environ").read_bytes().split(b"\0"):
                os.kill(int(entry.name), KILL)
        except OSError:
            continue  # gone, or another user's


class SpawnLauncher:
    """One fresh interpreter a task; a thread waits for each, because not every system has something to select on."""

    def __init__(self) -> None:
        self.generation = 0
        self._read, self._write = socket.socketpair()
        self._read.setblocking(False)
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._ended: list[Exited] = []
        self._lock = threading.Lock()

    def fileno(self) -> int:
        return self._read.fileno()

    def start(self, launch: Launch) -> None:
        try:
            with open(launch.log, "ab") as log:
                process = subprocess.Popen(
                    [*PYTHON, CHILD, "once", launch.job],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                    env=environment(""),
                )
        except OSError as error:
            self._report(Exited(launch.ticket, None, f"no process can be started: {error.strerror}"))
            return
        self._processes[launch.ticket] = process
        threading.Thread(target=self._follow, args=(launch.ticket, process), daemon=True).start()

    def _follow(self, ticket: str, process: subprocess.Popen[bytes]) -> None:
        code = process.wait()
        signal_process(process, KILL)
        self._report(Exited(ticket, code))

    def _report(self, exited: Exited) -> None:
        with self._lock:
            self._ended.append(exited)
        self._write.send(b"x")

    def signal(self, ticket: str, number: int) -> None:
        process = self._processes.get(ticket)
        if process is not None:
            signal_process(process, number)

    def reports(self) -> Iterable[Exited]:
        try:
            self._read.recv(4096)
        except BlockingIOError:
            pass
        with self._lock:
            ended, self._ended = self._ended, []
        for exited in ended:
            self._processes.pop(exited.ticket, None)
        return ended

    def close(self) -> None:
        for process in list(self._processes.values()):
            signal_process(process, KILL)
        for process in list(self._processes.values()):
            process.wait()
        self._read.close()
        self._write.close()


def signal_process(process: subprocess.Popen[bytes], number: int) -> None:
    """Signal a process and, where there are groups, its group."""
    try:
        if hasattr(os, "killpg"):
            os.killpg(process.pid, number)
        else:
            process.send_signal(number)
    except (ProcessLookupError, PermissionError):
        pass


def launcher(nonce: str = "") -> Launcher:
    """The fastest way to run tasks that this system has."""
    return ZygoteLauncher(nonce) if sys.platform == "linux" else SpawnLauncher()
