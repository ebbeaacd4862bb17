"""Output of tasks, as the command line passes it on."""

from __future__ import annotations

import io
import time
import tracemalloc
from pathlib import Path

import pytest

from typedpipe.cli.execution.progress import HELD, Progress
from typedpipe.runs.events import LogChunk, RunNoted


def said(*chunks: tuple[str, bytes]) -> bytes:
    raw = io.BytesIO()
    progress = Progress(io.TextIOWrapper(raw, encoding="utf-8"), Path())
    for task, data in chunks:
        progress(LogChunk(task, 1, 0, data, 0.0))
    for task, _ in chunks:
        progress._flush(task)
    return raw.getvalue()


def test_lines_are_put_together_and_have_the_name() -> None:
    assert said(("a", b"one\ntw"), ("b", b"x\n"), ("a", b"o\n\n")) == b"a | one\nb | x\na | two\na | \n"


@pytest.mark.parametrize("data", [b"\xff\x00\r\x1b[31m", "ä€😀".encode(), b"a" * 200_000 + b"b\nc"])
def test_bytes_are_unaltered_however_they_are_cut(data: bytes) -> None:
    for size in (1, 7, 70_000):
        if len(data) // size > 50_000:
            continue
        pieces = [("t", data[at : at + size]) for at in range(0, len(data), size)]
        assert said(*pieces) == b"".join(b"t | " + line + b"\n" for line in data.split(b"\n"))


def test_a_terminal_gets_text_that_does_nothing_to_it() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    stream = Terminal()
    progress = Progress(stream, Path())
    hostile = b"\x1b[2J\x1b]52;c;aGk=\x07\x1b]0;title\x07one\x1b[31m\x08\n10%\r20%\n\x9b2Jtwo\n"
    progress(LogChunk("t", 1, 0, hostile, 0.0))
    assert stream.getvalue().replace("\x1b[36mt |\x1b[0m", "t |") == "t | one␈\nt | 20%\nt | \ufffd2Jtwo\n"


def test_what_is_to_be_known_of_a_run_is_said() -> None:
    stream = io.StringIO()
    progress = Progress(stream, Path())
    progress(RunNoted("pulling the image a:1", "", "", 0.0))
    progress(RunNoted("it is slow", "TP622", "warning[TP622]: it is slow\n  --> a.py:1:2\n", 0.0))
    assert stream.getvalue() == "pulling the image a:1 …\nwarning[TP622]: it is slow\n  --> a.py:1:2\n"


def test_a_long_line_goes_on_behind_the_name_when_another_task_speaks() -> None:
    long = b"x" * (HELD + 1)
    assert said(("a", long), ("b", b"y\n"), ("a", b"z\n")) == b"a | " + long + b"\nb | y\na | z\n"


def test_an_endless_line_needs_neither_memory_nor_square_time() -> None:
    class Nowhere(io.RawIOBase):
        def writable(self) -> bool:
            return True

        def write(self, data: object) -> int:
            return memoryview(data).nbytes  # type: ignore[arg-type]  # bytes of some kind

    progress = Progress(io.TextIOWrapper(io.BufferedWriter(Nowhere()), encoding="utf-8"), Path())
    tracemalloc.start()
    began = time.process_time()
    for _ in range(4000):
        progress(LogChunk("t", 1, 0, b"x" * 8192, 0.0))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2_000_000
    assert time.process_time() - began < 10  # 32 MB: quadratic would be minutes
