"""One job of one task in a separate process: run by path, with any Python, standard library only.

``child.py JOB`` runs one job on systems without fork. If the engine exits, the pipe on its stdin closes, and the child
exits too. ``zygote.py`` forks processes that run jobs; ``inprocess`` runs them in the engine's process: a job means the
same in all of them.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import shutil
import signal
import stat
import sys
import threading
import time
import traceback
from collections.abc import Callable
from typing import Any

CONTRACT_BROKEN = 2
TRACKER_SECONDS = 5.0
"""Time for a resource tracker to end; it does not end while a process that the task left has its pipe."""
Specs = dict[str, Any]


def load_runtime() -> Any:
    """Load the runtime, which is also shipped to pods, from its file: importing the package would import the DSL."""
    package = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    path = os.path.join(package, "runtime", "task.py")
    spec = importlib.util.spec_from_file_location("typedpipe_task", path)
    if spec is None or spec.loader is None:
        raise ImportError(path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["typedpipe_task"] = module
    spec.loader.exec_module(module)
    return module


# ------------------------------------------------------------------------------------------------- one job


def place(source: str, target: str) -> None:
    """Make an artifact visible at ``target``, without copying it if the system supports links."""
    os.makedirs(os.path.dirname(target), exist_ok=True)
    try:
        os.symlink(source, target)
    except (OSError, NotImplementedError):  # Windows without permission to create links
        if os.path.isdir(source):
            shutil.copytree(source, target, symlinks=True)
        else:
            shutil.copy2(source, target)


def give_copy(source: str, target: str) -> None:
    """Copy an artifact for a command, as it gets one in a pod: tools such as ``find`` do not follow links, and change files.

    Its owner can change the copy. Only imported artifacts have links: they are replaced by what they point to, except those
    to nothing or to a directory above them.
    """
    os.makedirs(os.path.dirname(target), exist_ok=True)
    _copy(source, target, frozenset())


def _copy(source: str, target: str, around: frozenset[tuple[int, int]]) -> None:
    if os.path.islink(source) and not os.path.exists(source):
        os.symlink(os.readlink(source), target)
        return
    found = os.stat(source)
    itself = (found.st_dev, found.st_ino)
    if itself in around:
        os.symlink(os.readlink(source), target)
    elif stat.S_ISDIR(found.st_mode):
        os.mkdir(target)
        for name in os.listdir(source):
            _copy(os.path.join(source, name), os.path.join(target, name), around | {itself})
        os.chmod(target, stat.S_IMODE(found.st_mode) | 0o700)
    elif stat.S_ISREG(found.st_mode):
        copy_file(source, target)
        os.chmod(target, stat.S_IMODE(found.st_mode) | 0o600)
    else:
        raise OSError(f"`{source}` is not a file or directory")


def copy_file(source: str, target: str) -> None:
    """Copy a file's content: file systems that can, such as XFS and Btrfs, share it until one of the files changes."""
    copied = 0
    if sys.platform == "linux":
        with contextlib.suppress(OSError), open(source, "rb") as old, open(target, "wb") as new:
            while count := os.copy_file_range(old.fileno(), new.fileno(), 1 << 30):
                copied += count
            if copied:  # the files of some systems, such as /proc, can only be read
                return
    shutil.copyfile(source, target)


def mount_point(source: str, target: str) -> None:
    """Create an empty file or directory, which a container engine covers by the artifact."""
    os.makedirs(target if os.path.isdir(source) else os.path.dirname(target), exist_ok=True)
    if not os.path.isdir(source):
        with open(target, "wb"):
            pass


def prepare(job: dict[str, Any]) -> None:
    """Create the task's directories and its input artifacts; then change to its working directory."""
    lay_out(job, give_copy if job["argv"] else place)
    os.chdir(os.path.join(job["root"], "work"))
    os.environ.update(job["env"])
    # PWD is inherited from the shell that started the engine and does not match the task's directory.
    os.environ["PWD"] = os.getcwd()


def lay_out(job: dict[str, Any], give: Callable[[str, str], None] = place) -> None:
    """Create the task's directories and, with ``give``, each of its input artifacts."""
    root = job["root"]
    for name in ("in", "out", "work") if job["links"] or job["folders"] else ("out", "work"):
        os.mkdir(os.path.join(root, name))
    folders: list[str] = job["folders"]
    for folder in folders:
        os.makedirs(os.path.join(root, folder), exist_ok=True)
    links: list[tuple[str, str]] = job["links"]
    for source, target in links:
        give(source, os.path.join(root, target))


def read_spec(path: str) -> dict[str, Any]:
    """Read the spec of a component, whose tasks share the module file that spawned processes import."""
    with open(path, encoding="utf-8") as file:
        spec: dict[str, Any] = json.load(file)
    spec["lib"] = path[: -len(".json")] + ".lib"
    return spec


def finish(root: str) -> None:
    """Record that the task completed everything, so that a run can be resumed after its engine was killed."""
    path = os.path.join(root, "result.json")
    with open(path + ".new", "w", encoding="utf-8") as file:
        file.write('{"code": 0}')
    os.replace(path + ".new", path)


def perform(path: str, runtime: Any, specs: Specs, stays: bool = False) -> int:
    """Run the job in a file in this process; return its exit code. ``stays``: run a command as a separate process."""
    with open(path, encoding="utf-8") as file:
        job = json.load(file)
    try:
        prepare(job)
    except OSError as error:
        return refuse(job, f"the directory of the task cannot be prepared: {error}")
    if job["argv"]:
        return command(job) if stays else execute(job)
    spec = specs.get(job["spec"])
    if spec is None:
        spec = read_spec(job["spec"])
    runtime.main(spec, job["parameters"], job["root"], alone=True)
    finish(job["root"])
    return 0


def execute(job: dict[str, Any]) -> int:
    """Replace this process by the command of a container component."""
    sys.stdout.flush()
    sys.stderr.flush()
    try:
        os.execvp(job["argv"][0], job["argv"])
    except OSError as error:
        return refuse(job, f"the command `{job['argv'][0]}` cannot be started: {error.strerror}")


def command(job: dict[str, Any]) -> int:
    """Run the command of a container component; return its exit code as a shell reports it."""
    import subprocess

    try:
        code = subprocess.call(job["argv"], stdin=subprocess.DEVNULL)
    except OSError as error:
        return refuse(job, f"the command `{job['argv'][0]}` cannot be started: {error.strerror}")
    if code == 0:
        finish(job["root"])
    return code if code >= 0 else 128 - code


def refuse(job: dict[str, Any], message: str) -> int:
    """Report in the log and in the node's message why the job could not run."""
    print(message, file=sys.stderr, flush=True)
    try:
        with open(job["env"]["TYPEDPIPE_TERMINATION_LOG"], "w", encoding="utf-8") as file:
            file.write(message)
    except OSError:
        pass  # the log has it
    return CONTRACT_BROKEN


def leave(code: int, runtime: Any) -> None:
    """End a process as an interpreter ends: threads, exit functions, buffers. ``os._exit`` alone skips them."""
    try:
        runtime.end_program()  # a task that succeeded did so before its outputs were read: nothing is left then
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(Exception):  # the user's code may have replaced it by anything
                stream.flush()
        end_trackers()
    finally:  # a forked child must not fall back into the zygote's loop
        os._exit(code & 0xFF)


def end_trackers() -> None:
    """Let Python's resource trackers remove shared memory and semaphores that the task left, as after a script.

    They wait for the end of the task, but then the launcher kills everything that it has left.
    """
    for name, module in list(sys.modules.items()):
        tracker = getattr(module, "_resource_tracker", None) if name.endswith("resource_tracker") else None
        fd, pid = getattr(tracker, "_fd", None), getattr(tracker, "_pid", None)
        if isinstance(fd, int) and isinstance(pid, int):
            with contextlib.suppress(OSError):  # closed already; or not a child of this process
                os.close(fd)
                deadline = time.monotonic() + TRACKER_SECONDS
                while not os.waitpid(pid, os.WNOHANG)[0] and time.monotonic() < deadline:
                    time.sleep(0.005)


def guarded(path: str, runtime: Any, specs: Specs, stays: bool = False) -> int:
    """``perform``, with any exception converted to an exit code."""
    try:
        return perform(path, runtime, specs, stays)
    except SystemExit as error:
        if error.code is None or isinstance(error.code, int):
            return error.code or 0
        print(error.code, file=sys.stderr)
        return 1
    except BaseException:  # the child must not fall back into the zygote's loop
        traceback.print_exc()
        return 1


def die_with_engine() -> None:
    """End this task's processes when the engine exits: its end of the pipe on stdin is then closed."""
    pipe = os.dup(0)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)

    def wait() -> None:
        while os.read(pipe, 1):
            pass
        if hasattr(os, "killpg") and os.getpgrp() == os.getpid():
            os.killpg(0, signal.SIGKILL)
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


if __name__ == "__main__":
    die_with_engine()
    _runtime = load_runtime()
    leave(guarded(sys.argv[1], _runtime, {}, True), _runtime)
