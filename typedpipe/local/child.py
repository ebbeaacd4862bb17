"""The process that starts tasks: run by its path, standard library only, never imported by the engine.

``child.py zygote FD`` is the zygote: single-threaded, of its own session; it forks one process a task, reaps it, kills
what the task left behind, and reports over a SOCK_SEQPACKET socket. ``child.py once JOB`` runs one job where there is
no fork. When the engine goes away the socket ends, and the zygote kills all that it started.

Why each task is a subreaper of its own: daemons of a live task stay below it, so whatever is the zygote's child and
not a task belongs to a task that ended, and is killed without guessing.
"""

from __future__ import annotations

import atexit
import gc
import importlib.util
import json
import os
import select
import shutil
import signal
import socket
import sys
import threading
import time
import traceback
from types import FrameType
from typing import Any

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
CONTRACT_BROKEN = 2
Specs = dict[str, Any]


def load_runtime() -> Any:
    """The runtime that also travels into the pod, from its file: importing the package would import the DSL."""
    path = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "runtime", "task.py")
    spec = importlib.util.spec_from_file_location("typedpipe_task", path)
    if spec is None or spec.loader is None:
        raise ImportError(path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["typedpipe_task"] = module
    spec.loader.exec_module(module)
    return module


# ------------------------------------------------------------------------------------------------- one job


def place(source: str, target: str) -> None:
    """Let an artifact be seen at ``target`` without copying it where the system can link."""
    os.makedirs(os.path.dirname(target), exist_ok=True)
    try:
        os.symlink(source, target)
    except (OSError, NotImplementedError):  # Windows without the right to make links
        if os.path.isdir(source):
            shutil.copytree(source, target, symlinks=True)
        else:
            shutil.copy2(source, target)


def prepare(job: dict[str, Any]) -> None:
    """Make the task's folders and put its input artifacts there."""
    root = job["root"]
    for name in ("in", "out", "work"):
        os.mkdir(os.path.join(root, name))
    folders: list[str] = job["folders"]
    for folder in folders:
        os.makedirs(os.path.join(root, folder), exist_ok=True)
    links: list[tuple[str, str]] = job["links"]
    for source, target in links:
        place(source, os.path.join(root, target))
    os.chdir(os.path.join(root, "work"))
    os.environ.update(job["env"])
    # PWD of the shell that started the engine is not where the task is.
    os.environ["PWD"] = os.getcwd()


def perform(path: str, runtime: Any, specs: Specs) -> int:
    """Run the job that the file describes, in this process; its exit code."""
    with open(path, encoding="utf-8") as file:
        job = json.load(file)
    try:
        prepare(job)
    except OSError as error:
        return refuse(job, f"the work folder of the task cannot be made: {error}")
    if job["argv"]:
        return execute(job)
    spec = specs.get(job["spec"])
    if spec is None:
        with open(job["spec"], encoding="utf-8") as file:
            spec = json.load(file)
    code = runtime.main(spec, job["parameters"], job["root"])
    return code if isinstance(code, int) else 0


def execute(job: dict[str, Any]) -> int:
    """Become the command of a container component."""
    sys.stdout.flush()
    sys.stderr.flush()
    try:
        os.execvp(job["argv"][0], job["argv"])
    except OSError as error:
        return refuse(job, f"the command `{job['argv'][0]}` cannot be started: {error.strerror}")


def refuse(job: dict[str, Any], message: str) -> int:
    """Say in the log and in the node's message why the job could not run."""
    print(message, file=sys.stderr, flush=True)
    try:
        with open(job["env"]["TYPEDPIPE_TERMINATION_LOG"], "w", encoding="utf-8") as file:
            file.write(message)
    except OSError:
        pass  # the log has it
    return CONTRACT_BROKEN


def _wake(_number: int, _frame: FrameType | None) -> None:
    """A handler has to be there for ``signal.set_wakeup_fd`` to write."""


def leave(code: int) -> None:
    """End a forked child as an interpreter ends: threads, exit functions, buffers. ``os._exit`` alone skips them."""
    try:
        threading._shutdown()  # type: ignore[attr-defined]  # what Py_Finalize calls; there is no public name
        atexit._run_exitfuncs()  # pyright: ignore[reportPrivateUsage]  # as above
    except BaseException:  # an exit function of the user's may raise anything, and the child has to end
        traceback.print_exc()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            pass
    os._exit(code & 0xFF)


def guarded(path: str, runtime: Any, specs: Specs) -> int:
    """``perform`` with whatever it raises turned into an exit code."""
    try:
        return perform(path, runtime, specs)
    except SystemExit as error:
        if error.code is None or isinstance(error.code, int):
            return error.code or 0
        print(error.code, file=sys.stderr)
        return 1
    except BaseException:  # the child must not fall back into the zygote's loop
        traceback.print_exc()
        return 1


# --------------------------------------------------------------------------------------------- the zygote


class Zygote:
    """Forks tasks on request and reports their ends."""

    def __init__(self, channel: socket.socket) -> None:
        import ctypes

        self.channel = channel
        self.prctl = ctypes.CDLL(None, use_errno=True).prctl
        self.runtime = load_runtime()
        self.specs: Specs = {}
        self.tasks: dict[int, str] = {}
        """Process id of each live task → its ticket."""
        self.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        self.wake_read, self.wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.signal(signal.SIGCHLD, _wake)
        signal.set_wakeup_fd(self.wake_write, warn_on_full_buffer=False)

    def serve(self) -> None:
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
        """Take one request; False when the engine is gone."""
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
            pass  # the engine is gone; the next receive says so

    def start(self, ticket: str, job: str, log: str, spec: str) -> None:
        if spec and spec not in self.specs:
            try:
                with open(spec, encoding="utf-8") as file:
                    self.specs[spec] = json.load(file)
                self.runtime.compile_source(self.specs[spec])
            except (OSError, ValueError, SyntaxError, RecursionError):
                pass  # the child meets the same and says so into its log
        try:
            pid = os.fork()
        except OSError as error:
            self.send("refused", ticket, f"no process can be started: {error.strerror}")
            return
        if pid == 0:
            self.become_task(job, log)
        self.tasks[pid] = ticket
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
            code = guarded(job, self.runtime, self.specs)
        finally:
            leave(code)

    def kill(self, ticket: str, number: int) -> None:
        for pid, owner in self.tasks.items():
            if owner == ticket:
                signal_group(pid, number)
                signal_one(pid, number)  # it may not have made its group yet

    def reap(self) -> None:
        """Take the ends of tasks, then end what they left; only then report, so that outputs are at rest."""
        ended: list[tuple[str, int]] = []
        while True:
            try:
                seen = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:
                break
            if seen is None:
                break
            if seen.si_pid in self.tasks:  # still a zombie, so that its number, and its group's, is not another's
                signal_group(seen.si_pid, signal.SIGKILL)
            pid, status = os.waitpid(seen.si_pid, 0)
            ticket = self.tasks.pop(pid, None)
            if ticket is not None:
                ended.append((ticket, os.waitstatus_to_exitcode(status)))
        if ended:
            self.kill_strays()
        for ticket, code in ended:
            self.send("exited", ticket, code)

    def kill_strays(self) -> None:
        """Kill the processes that came to us because their task ended; their children come next."""
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


def children() -> list[int]:
    """The processes whose parent is this one."""
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
    """Send stdout and stderr to one file (one descriptor keeps their order) and read nothing."""
    out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
    null = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    os.dup2(null, 0)
    os.dup2(out, 1)
    os.dup2(out, 2)
    os.close(out)
    os.close(null)


def main(arguments: list[str]) -> int:
    if arguments[0] == "zygote":
        Zygote(socket.socket(fileno=int(arguments[1]))).serve()
        return 0
    return guarded(arguments[1], load_runtime(), {})


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
