"""The process that forks tasks: run by path, with any Python, standard library only, never imported by the engine.

``zygote.py FD [MODULE[:NAME,…] …]`` is single-threaded, in its own session. It loads the modules, forks one process per
task, reaps it, kills the task's orphans, and reports over a SOCK_SEQPACKET socket. If the engine exits, the socket
closes, and the zygote kills everything that it started.

Each task is a subreaper because daemons of a live task then stay below it: any child of the zygote that is not a task
belongs to a task that ended, and can be killed without guessing.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib.util
import json
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Generator
from types import FrameType
from typing import Any

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
TRACKER_SECONDS = 5.0
TRACKER = b"resource_tracker import main"
"""Part of the command of Python's resource trackers, and of those of joblib."""


def load_child() -> Any:
    """Load ``child.py`` from its file: importing the package would import the DSL."""
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "child.py")
    spec = importlib.util.spec_from_file_location("typedpipe_child", path)
    if spec is None or spec.loader is None:
        raise ImportError(path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _wake(_number: int, _frame: FrameType | None) -> None:
    """Do nothing: a handler must exist for ``signal.set_wakeup_fd`` to write."""


class Zygote:
    """Forks tasks on request and reports their ends."""

    def __init__(self, channel: socket.socket) -> None:
        self.channel = channel
        self.prctl = ctypes.CDLL(None, use_errno=True).prctl
        self.child = load_child()
        self.runtime = self.child.load_runtime()
        self.specs: dict[str, dict[str, Any]] = {}
        self.tasks: dict[int, tuple[str, str]] = {}
        """Process id of each live task → its ticket, and its job when it is a command, which cannot say that it is done."""
        self.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        self.wake_read, self.wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.signal(signal.SIGCHLD, _wake)
        signal.set_wakeup_fd(self.wake_write, warn_on_full_buffer=False)

    def serve(self, modules: list[str]) -> None:
        preload(modules)
        self.send("ready", "")
        gc.collect()
        gc.freeze()
        poll = select.poll()
        poll.register(self.channel.fileno(), select.POLLIN)
        poll.register(self.wake_read, select.POLLIN)
        while True:
            for fd, _ in poll.poll():
                if fd == self.wake_read:
                    drain(self.wake_read)
                elif not self.receive():
                    self.kill_everything()
                    return
            self.reap()

    def receive(self) -> bool:
        """Handle one request; return False if the engine has exited."""
        try:
            packet = self.channel.recv(1 << 16)
        except OSError:
            return False
        if not packet:
            return False
        order, ticket, *rest = json.loads(packet)
        if order == "start":
            self.start(ticket, *rest)
        elif order == "kill":
            self.kill(ticket, *rest)
        return True

    def send(self, *message: object) -> None:
        try:
            self.channel.send(json.dumps(message).encode())
        except OSError:
            pass  # the engine has exited; the next receive returns it

    def start(self, ticket: str, job: str, log: str, spec: str) -> None:
        if spec and spec not in self.specs:
            try:
                self.specs[spec] = self.child.read_spec(spec)
                self.runtime.compile_source(self.specs[spec])
            except (OSError, ValueError, SyntaxError, RecursionError):
                pass  # the child gets the same error and logs it
        try:
            pid = os.fork()
        except OSError as error:
            self.send("refused", ticket, f"no process can be started: {error.strerror}")
            return
        if pid == 0:
            self.become_task(job, log)
        self.tasks[pid] = (ticket, "" if spec else job)
        self.send("started", ticket, pid)

    def become_task(self, job: str, log: str) -> None:
        code = 1
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.default_int_handler)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            os.setsid()
            self.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
            self.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
            self.channel.close()
            os.close(self.wake_read)
            os.close(self.wake_write)
            attach(log)
            reseed()
            code = self.child.guarded(job, self.runtime, self.specs)
        finally:
            self.child.leave(code, self.runtime)

    def kill(self, ticket: str, number: int) -> None:
        for pid, (owner, _) in self.tasks.items():
            if owner == ticket:
                if number != signal.SIGKILL:  # ``reap`` kills the rest of the group
                    signal_group(pid, number)
                signal_one(pid, number)  # it may not have created its group yet

    def reap(self) -> None:
        """Collect ended tasks, then kill their orphans; report only then, so that outputs no longer change."""
        ended: list[tuple[str, int]] = []
        while True:
            try:
                seen = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:
                break
            if seen is None:
                break
            if seen.si_pid in self.tasks:  # still a zombie, so its id, and its group's, cannot be reused
                if seen.si_code != os.CLD_EXITED:
                    end_group(seen.si_pid)
                signal_group(seen.si_pid, signal.SIGKILL)
            pid, status = os.waitpid(seen.si_pid, 0)
            ticket, job = self.tasks.pop(pid, ("", ""))
            if ticket:
                ended.append((ticket, os.waitstatus_to_exitcode(status)))
            if job and status == 0:
                self.child.finish(os.path.dirname(job))
        if ended:
            self.kill_strays()
        for ticket, code in ended:
            self.send("exited", ticket, code)

    def kill_strays(self) -> None:
        """Kill the processes that were reparented because their task ended; their children come next."""
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            strays = [pid for pid in children() if pid not in self.tasks]
            if not strays:
                return
            for pid in strays:
                signal_group(pid, signal.SIGKILL)
                signal_one(pid, signal.SIGKILL)
            for pid in strays:
                wait_until(pid, deadline)

    def kill_everything(self) -> None:
        for pid in self.tasks:
            signal_group(pid, signal.SIGKILL)
            signal_one(pid, signal.SIGKILL)
        self.tasks.clear()
        self.kill_strays()


def preload(modules: list[str]) -> None:
    """Preload modules once for all tasks. Their output is discarded; one that fails here fails again in the task."""
    if not modules:
        return
    kept = os.dup(1), os.dup(2)
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)
    with away():
        for module in modules:
            name, _, names = module.partition(":")
            with contextlib.suppress(BaseException):
                __import__(name, None, None, names.split(",") if names else [])
        if "numpy" in sys.modules:
            with contextlib.suppress(BaseException):
                __import__("numpy.random")  # numpy itself loads it lazily, and children are reseeded
    for number, copy in enumerate(kept, 1):
        sys.stdout.flush()
        sys.stderr.flush()
        os.dup2(copy, number)
        os.close(copy)
    os.close(null)


@contextlib.contextmanager
def away() -> Generator[None]:
    """Enter a directory without the user's files, as a task has it: modules may read configuration from where they are."""
    before = os.open("/", os.O_RDONLY)
    with contextlib.suppress(OSError):  # the working directory may be gone
        here = os.open(".", os.O_RDONLY)
        os.dup2(here, before)
        os.close(here)
    os.chdir(os.path.dirname(os.path.abspath(__file__)))
    try:
        yield
    finally:
        os.fchdir(before)
        os.close(before)


def reseed() -> None:
    """Give a forked task its own random numbers; Python's own generator does this by itself."""
    random = sys.modules.get("numpy.random")
    if random is not None:
        try:
            random.seed()
        except Exception:  # not numpy's
            return


def children() -> list[int]:
    """Child processes of this process."""
    try:
        with open(f"/proc/self/task/{os.getpid()}/children", encoding="ascii") as file:
            return [int(word) for word in file.read().split()]
    except OSError:
        return []


def wait_until(pid: int, deadline: float) -> None:
    while time.monotonic() < deadline:
        try:
            if os.waitpid(pid, os.WNOHANG)[0]:
                return
        except ChildProcessError:
            return
        time.sleep(0.001)


def end_group(leader: int) -> None:
    """Kill the rest of a killed task's group; its resource trackers have time to remove what it left."""
    members = [pid for pid in processes() if pid != leader and group_of(pid) == leader]
    deadline = time.monotonic() + TRACKER_SECONDS
    while members and time.monotonic() < deadline:
        for pid in members:
            command = command_of(pid)
            if command and TRACKER not in command:  # it has none for an instant while it is being started
                signal_one(pid, signal.SIGKILL)
        time.sleep(0.002)
        members = [pid for pid in members if not ended(pid)]


def processes() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def group_of(pid: int) -> int:
    try:
        return os.getpgid(pid)
    except OSError:
        return -1


def command_of(pid: int) -> bytes:
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read()
    except OSError:
        return b""


def ended(pid: int) -> bool:
    """Whether a process has exited. Its parent has, too, so this process has adopted it, and reaps it."""
    try:
        return os.waitpid(pid, os.WNOHANG)[0] != 0
    except ChildProcessError:
        return True


def signal_group(pid: int, number: int) -> None:
    if pid == os.getpgrp():
        return
    try:
        os.killpg(pid, number)
    except (ProcessLookupError, PermissionError):
        pass


def signal_one(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except (ProcessLookupError, PermissionError):
        pass


def drain(fd: int) -> None:
    try:
        while os.read(fd, 4096):
            pass
    except BlockingIOError:
        pass


def attach(log: str) -> None:
    """Redirect stdout and stderr to one file (a single descriptor keeps their order) and stdin from nothing."""
    out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
    null = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    os.dup2(null, 0)
    os.dup2(out, 1)
    os.dup2(out, 2)
    os.close(out)
    os.close(null)


if __name__ == "__main__":
    Zygote(socket.socket(fileno=int(sys.argv[1]))).serve(sys.argv[2:])
