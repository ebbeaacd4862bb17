"""Programs run by fault-injection tests, and their live processes."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

MARK = "TYPEDPIPE_FAULT_TEST"
"""In the environment of all that a test starts."""
COMMAND = (sys.executable, "-m", "typedpipe")


def marked(mark: str) -> list[int]:
    """The living processes, but this one, that carry the mark."""
    wanted, found = f"{MARK}={mark}".encode(), list[int]()
    for entry in os.listdir("/proc"):
        if entry.isdigit() and int(entry) != os.getpid():
            try:
                if wanted in Path(f"/proc/{entry}/environ").read_bytes().split(b"\0"):
                    found.append(int(entry))
            except OSError:
                continue
    return found


def zombies() -> list[int]:
    """Children of this process that ended and were not waited for."""
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text(encoding="ascii").split()
    return [int(pid) for pid in children if state(int(pid)) == "Z"]


def state(pid: int) -> str:
    """One letter, as ps has it; "" when there is no such process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except OSError:
        return ""


def alive(pid: int) -> bool:
    return state(pid) not in {"", "Z"}


def until(holds: Callable[[], object], seconds: float = 20) -> bool:
    """Wait for something to become true; whether it did."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def appears(path: Path) -> str:
    """Wait for a file with something in it."""
    assert until(lambda: path.exists() and path.read_text(encoding="utf-8")), f"{path} did not appear"
    return path.read_text(encoding="utf-8")


def write(folder: Path, text: str) -> Path:
    """A user's file: ``from typedpipe import dsl`` and what is given."""
    path = folder / "pipeline.py"
    path.write_text(
        "from __future__ import annotations\nfrom typedpipe import dsl\nfrom typedpipe.dsl import Dataset, Input\n"
        + dedent(text),
        encoding="utf-8",
    )
    return path


def start(folder: Path, *arguments: str, **environment: str) -> subprocess.Popen[str]:
    """`typedpipe …` in a folder, going on."""
    return subprocess.Popen(
        [*COMMAND, *arguments],
        cwd=folder,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",  # what tasks print need not be text
    )


def typedpipe(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """`typedpipe …` in a folder, to its end."""
    process = start(folder, *arguments, **environment)
    try:
        said, errors = process.communicate(timeout=90)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise
    return subprocess.CompletedProcess(process.args, process.returncode, said, errors)
