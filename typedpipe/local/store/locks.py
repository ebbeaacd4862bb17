"""Ownership of a run: a lock that is released with its process, and a note about its owner.

``flock`` is tried first: it works across machines if the file system supports it, and ends with its process. Where it
is not available (Windows, some network file systems), the note decides: the process with that id and start time, on
this machine.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import time
from dataclasses import asdict, dataclass
from typing import Any

from typedpipe.local.forks import close_in_forks
from typedpipe.local.store.regular import regular

if sys.platform != "win32":
    import fcntl

_TRIES = 10
_PAUSE = 0.02
"""A reader that checks whether a run is alive holds its lock for an instant: an engine retries before it gives up."""


class Held(Exception):
    """Another process has the lock."""


@dataclass(slots=True, eq=False, weakref_slot=True)
class Lock:
    """A lock that is held until :meth:`release`, or the end of this process. ``fd`` is -1 without flock."""

    path: str
    fd: int

    def __post_init__(self) -> None:
        close_in_forks(self)  # a forked child would hold it beyond the end of this process

    @property
    def real(self) -> bool:
        return self.fd >= 0

    def release(self) -> None:
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    close = release


def take_lock(path: str, *, shared: bool = False, create: bool = True, tries: int = _TRIES) -> Lock:
    """Lock a file.

    Raises:
        Held: another process has it.
        OSError: the file cannot be opened.
    """
    flags = os.O_RDWR | os.O_CREAT if create else os.O_RDONLY
    fd = regular(path, flags)
    if sys.platform == "win32":
        os.close(fd)
        return Lock(path, -1)
    kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    for attempt in range(tries):
        try:
            fcntl.flock(fd, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            if attempt + 1 < tries:
                time.sleep(_PAUSE)
        except OSError:  # the file system has no locks
            os.close(fd)
            return Lock(path, -1)
        else:
            return Lock(path, fd)
    os.close(fd)
    raise Held(path)


@dataclass(frozen=True, slots=True)
class Engine:
    """The process that has a run. ``nonce`` is in the environment of all processes that it starts."""

    pid: int
    started: str
    """Distinguishes this process from a later one with the same id."""
    host: str
    nonce: str
    time: float

    @property
    def here(self) -> bool:
        return self.host == host_name()

    @property
    def alive(self) -> bool:
        """Whether the process exists; one on another machine cannot be checked and is assumed to."""
        return not self.here or (bool(self.started) and process_start(self.pid) == self.started)


def this_engine(nonce: str) -> Engine:
    pid = os.getpid()
    return Engine(pid, process_start(pid), host_name(), nonce, time.time())


def write_engine(folder: str, engine: Engine) -> None:
    path = os.path.join(folder, "engine.json")
    with open(f"{path}.new", "w", encoding="utf-8") as file:
        json.dump(asdict(engine), file)
    os.replace(f"{path}.new", path)


def read_engine(folder: str) -> Engine | None:
    """The last owner of the run; None if that cannot be read."""
    try:
        with open(os.path.join(folder, "engine.json"), encoding="utf-8", opener=regular) as file:
            data: Any = json.load(file)
        return Engine(
            int(data["pid"]), str(data["started"]), str(data["host"]), str(data["nonce"]), float(data["time"])
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def is_running(folder: str) -> bool:
    """Whether an engine has the run in this directory."""
    engine = read_engine(folder)
    try:
        lock = take_lock(os.path.join(folder, "lock"), shared=True, create=False, tries=1)
    except Held:
        return True
    except OSError:
        return engine is not None and engine.alive
    real = lock.real
    lock.release()
    return not real and engine is not None and engine.alive


def host_name() -> str:
    """Identity of this machine in this boot: process ids are valid only within it."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return f"{socket.gethostname()} {file.read().strip()}"
    except OSError:
        return socket.gethostname()


def process_start(pid: int) -> str:
    """Start time of a process, in the system's units; "" if there is no such process."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
        return "" if fields[0] in (b"Z", b"X") else fields[19].decode()
    except OSError:
        pass
    if os.path.exists("/proc/self/stat") or sys.platform == "win32":
        return "" if sys.platform != "win32" else "?"
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return ""
    except PermissionError:
        pass
    return "?"
