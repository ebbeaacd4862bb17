"""Output of tasks: large, without newline, bytes that are not text."""

from __future__ import annotations

import fcntl
import os
import pty
import resource
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest
from local_samples import component, graph, pipeline, task

from tests.faults.living import COMMAND, typedpipe, write
from typedpipe.local import run
from typedpipe.runs import events
from typedpipe.types.model import INT

FLOOD = component(
    "flood",
    """
    def flood(size, line):
        import os
        piece = (b"x" * (line - 1) + b"\\n" if line else b"x") * (1_000_000 // (line or 1))
        for _ in range(size // len(piece)):
            left = piece
            while left:
                left = left[os.write(1, left):]
    """,
    {"size": INT, "line": INT},
)


class Counting:
    """A listener that keeps nothing."""

    def __init__(self) -> None:
        self.size = self.largest = 0

    def __call__(self, event: events.Event) -> None:
        if isinstance(event, events.LogChunk):
            self.size += len(event.data)
            self.largest = max(self.largest, len(event.data))


def peak_mb() -> float:
    """The most memory that this process ever had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform == "linux" else 1 << 20)


def flooded(folder: Path, size: int, line: int) -> Counting:
    counting = Counting()
    result = run(pipeline(graph(task("f", FLOOD, size=size, line=line)), FLOOD), {}, folder=folder, on_event=counting)
    assert result.succeeded, result.message
    log = result.tasks["f"].log
    assert log is not None
    assert (counting.size, log.stat().st_size) == (size, size)
    return counting


@pytest.mark.parametrize("line", [100, 0], ids=["lines of 100", "one line without end"])
def test_memory_of_the_engine_does_not_grow_with_the_log(line: int, tmp_path: Path) -> None:
    flooded(tmp_path, 1_000_000, line)  # what is loaded late is loaded
    before = peak_mb()
    counting = flooded(tmp_path, 200_000_000 if line else 20_000_000, line)
    assert counting.largest <= 1 << 16
    assert peak_mb() - before < 16


@pytest.mark.heavy
@pytest.mark.parametrize(("size", "line"), [(1_000_000_000, 80), (300_000_000, 0)], ids=["1 GB", "300 MB line"])
def test_a_gigabyte_and_an_endless_line(size: int, line: int, tmp_path: Path) -> None:
    flooded(tmp_path, 1_000_000, line)
    before = peak_mb()
    flooded(tmp_path, size, line)
    assert peak_mb() - before < 16


SHOUT = """
@dsl.component
def shout() -> int:
    import os
    os.write(1, b"plain\\n")
    os.write(1, bytes(range(256)))
    os.write(2, b"\\xff\\xfe no text \\x1b[2J\\x1b]0;title\\x07\\r\\n")
    os.write(1, b"x" * 5_000_000)
    os.write(1, b"\\nno newline at the end")
    return 1

@dsl.pipeline
def p() -> int:
    return shout().output
"""


def test_a_pipe_gets_what_was_printed(tmp_path: Path) -> None:
    write(tmp_path, SHOUT)
    done = typedpipe(tmp_path, "run", "pipeline.py")
    assert done.returncode == 0, done.stderr[-2000:]
    assert "plain" in done.stderr
    assert "no newline at the end" in done.stderr
    assert "1" in done.stdout


def test_a_terminal_gets_no_byte_that_commands_it(tmp_path: Path) -> None:
    write(tmp_path, SHOUT)
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))  # one without a size gets plain lines
    environment = {**os.environ, "TERM": "xterm", "CI": ""}
    with subprocess.Popen(
        [*COMMAND, "run", "pipeline.py"], cwd=tmp_path, env=environment, stdout=theirs, stderr=theirs
    ) as process:
        os.close(theirs)
        shown = b"".join(iter(lambda: read(ours), b""))
    os.close(ours)
    assert process.returncode == 0, shown[-2000:]
    assert b"no newline at the end" in shown
    assert b"\x1b[2J" not in shown
    assert b"\x1b]0;title" not in shown
    assert b"\x07" not in shown


def read(fd: int) -> bytes:
    """The next bytes of a terminal; Linux says with an error that its other end is closed."""
    try:
        return os.read(fd, 1 << 16)
    except OSError:
        return b""
