"""A run as the command line shows it, from the outside: lines, JSON, a pseudo-terminal."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from typedpipe.cli.execution import watching
from typedpipe.cli.execution.options import Shows, engine_keywords
from typedpipe.cli.execution.watching import chosen_display
from typedpipe.runs.events import LogChunk, from_data

SLOW = """\
import time
time.sleep(1.0)
print("imported")
from typedpipe import Metrics, Output, component, pipeline


@component
def train(rate: float, m: Output[Metrics]) -> float:
    m.log_metric("accuracy", 1 - rate)
    return rate


@component
def waits() -> None:
    import time
    print("waiting", flush=True)
    time.sleep(30)


@component
def broken(a: float) -> float:
    def inner(x: float) -> float:
        raise ValueError("no luck")
    print("\\xff before")
    return inner(a)


@pipeline
def good(rate: float = 0.25) -> float:
    return train(rate=rate).outputs["Output"]


@pipeline
def bad() -> None:
    broken(a=1.0)


@pipeline
def long() -> None:
    waits()
"""
COMMAND = [sys.executable, "-m", "typedpipe", "run"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "slow.py").write_text(SLOW)
    (tmp_path / "quick.py").write_text(SLOW.replace("time.sleep(1.0)", ""))
    return tmp_path


def call(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *arguments], cwd=cwd, capture_output=True, text=True, check=False, timeout=60)


def test_the_first_line_comes_before_the_import(folder: Path) -> None:
    wait = "while not os.path.exists('go'): time.sleep(0.01)"
    (folder / "slow.py").write_text("import os\n" + SLOW.replace("time.sleep(1.0)", wait))
    with subprocess.Popen(
        [*COMMAND, "slow.py:good"], cwd=folder, stderr=subprocess.PIPE, stdout=subprocess.PIPE
    ) as run:
        assert run.stderr is not None
        assert run.stderr.readline() == "loading slow.py:good …\n".encode()
        (folder / "go").touch()  # the import, which waits for this, has not ended
        run.communicate(timeout=60)
        assert run.returncode == 0


def test_metrics_are_a_table_also_from_the_cache(folder: Path) -> None:
    first = call("quick.py:good", cwd=folder)
    again = call("quick.py:good", cwd=folder)
    for done in (first, again):
        assert done.returncode == 0
        assert "metrics  accuracy\ntrain        0.75\n" in done.stderr
        assert done.stdout == "Output: 0.25\n"
    assert "train: cached" in again.stderr
    assert "1 of 1 tasks done (1 cached)" in again.stderr


def test_a_failure_says_what_to_type_next(folder: Path) -> None:
    done = call("quick.py:bad", cwd=folder)
    assert done.returncode == 1
    end = done.stderr[done.stderr.index("\nbroken failed (exit code 1") :]
    run = end.partition("\nrun ")[2].partition(" ")[0]
    assert f"typedpipe logs {run}/broken " in end
    assert f"typedpipe resume {run} " in end
    assert f"typedpipe spin {run}/broken --debug " in end
    assert '  |   File "quick.py", line 23, in inner' in end
    assert "  | ValueError: no luck" in end
    assert "/typedpipe/" not in end
    assert "child.py" not in end


def test_events_are_json_lines(folder: Path) -> None:
    done = call("quick.py:bad", "-o", "json", "--events", "events.jsonl", "--display", "quiet", cwd=folder)
    *told, result = map(json.loads, done.stdout.splitlines())
    written = [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]
    assert written == told
    assert [event["event"] for event in told if event["event"] != "LogChunk"] == [
        "RunStarted", "TaskStarted", "TaskFinished", "RunFinished",
    ]  # fmt: skip
    assert (result["event"], result["state"]) == ("RunResult", "FAILED")
    log = b"".join(event.data for event in map(from_data, told) if isinstance(event, LogChunk))
    assert log.startswith("ÿ before\nTraceback".encode())
    assert done.stderr == "imported\n"


def test_a_reader_that_goes_away_does_not_stop_the_run(folder: Path) -> None:
    done = subprocess.run(
        ["bash", "-c", f"{' '.join(COMMAND)} quick.py:good --events >(head -c 1 >/dev/null) --display plain"],
        cwd=folder, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0
    assert done.stdout == "Output: 0.25\n"


def test_nobody_has_to_look(folder: Path) -> None:
    (folder / "silent.py").write_text(SLOW.replace('print("imported")', ""))
    done = subprocess.run(
        ["bash", "-c", f"{' '.join(COMMAND)} silent.py:good 2> >(head -c 1 >/dev/null)"],
        cwd=folder, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "Output: 0.25\n")


def test_a_full_disk_does_not_stop_the_run(folder: Path) -> None:
    done = call("quick.py:good", "--events", "/dev/full", cwd=folder)
    assert done.returncode == 0
    assert done.stderr.count("events can no longer be written to /dev/full") == 1


def test_a_run_that_takes_too_long(folder: Path) -> None:
    assert call("quick.py:long", "--timeout", "0.5", cwd=folder).returncode == 124


@pytest.mark.parametrize(
    ("given", "terminal", "environment", "wanted"),
    [
        (Shows(), False, {}, "plain"),
        (Shows(), True, {}, "live"),
        (Shows(), True, {"TERM": "dumb"}, "plain"),
        (Shows(), True, {"CI": "true"}, "plain"),
        (Shows(), True, {"NO_COLOR": "1"}, "live"),
        (Shows(in_process=True), True, {}, "plain"),
        (Shows("quiet"), True, {}, "quiet"),
        (Shows("live"), True, {"CI": "true"}, "live"),
    ],
)
def test_the_display_that_is_chosen(
    monkeypatch: pytest.MonkeyPatch, given: Shows, terminal: bool, environment: dict[str, str], wanted: str
) -> None:
    for name in ("CI", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"TERM": "xterm", **environment}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(watching, "_size", lambda _: (80, 24))

    class Stream:
        def isatty(self) -> bool:
            return terminal

    assert chosen_display(given, Stream()) == wanted  # type: ignore[arg-type]  # all that is asked of it


def test_options_of_the_engine() -> None:
    values = {"runner": "venv", "cache": False, "env": ("A=1", "B="), "folder": "x", "run_name": "r", "debug": None}
    assert engine_keywords(values) == {
        "runner": "venv", "cache": False, "environment": {"A": "1", "B": ""}, "folder": Path("x"), "name": "r",
    }  # fmt: skip


@pytest.mark.parametrize("arguments", [("--env", "A"), ("--debug", "--runner", "venv"), ("--display", "loud")])
def test_options_that_are_typed_wrong(folder: Path, arguments: tuple[str, ...]) -> None:
    done = call("quick.py:good", *arguments, cwd=folder)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


# ------------------------------------------------------------------------------------------ on a real terminal


def on_a_terminal(folder: Path, command: list[str], act: Callable[[int, int, bytes], bool]) -> tuple[bytes, int]:
    """Run on a terminal of its own; ``act`` gets its descriptor, the process and the output, until it has acted."""
    pid, fd = pty.fork()
    if not pid:
        os.chdir(folder)
        os.environ.update({"TERM": "xterm-256color", "PYTHONPATH": str(Path(__file__).parents[3])})
        for name in ("CI", "NO_COLOR", "COLUMNS", "LINES"):
            os.environ.pop(name, None)
        os.execv(command[0], command)
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    seen, acted = b"", False
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        if select.select([fd], [], [], 0.1)[0]:
            try:
                data = os.read(fd, 65536)
            except OSError:
                break
            if not data:
                break
            seen += data
        acted = acted or act(fd, pid, seen)
    else:
        os.kill(pid, signal.SIGKILL)
    os.close(fd)
    return seen, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def cursor_is_back(seen: bytes) -> bool:
    return b"\x1b[?25l" in seen and seen.rfind(b"\x1b[?25h") > seen.rfind(b"\x1b[?25l")


def test_ctrl_c_on_a_terminal(folder: Path) -> None:
    def interrupt(fd: int, _pid: int, seen: bytes) -> bool:
        return b"waiting" in seen and bool(os.write(fd, b"\x03"))

    seen, code = on_a_terminal(folder, [*COMMAND, "quick.py:long"], interrupt)
    assert code == 130
    assert cursor_is_back(seen)
    assert b"stopping: canceled" in seen


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_gives_the_cursor_back(folder: Path, number: signal.Signals) -> None:
    def kill(_fd: int, pid: int, seen: bytes) -> bool:
        if b"waiting" not in seen:
            return False
        os.kill(pid, number)
        return True

    seen, code = on_a_terminal(folder, [*COMMAND, "quick.py:long"], kill)
    assert code in {130, -signal.SIGHUP}
    assert cursor_is_back(seen)


def test_an_exception_in_the_engine_gives_the_cursor_back(folder: Path) -> None:
    program = (
        "import typedpipe.local.engine as e, sys\n"
        "def fail(self, *a): raise RuntimeError('boom')\n"
        "e.Engine._loop = fail\n"
        "from typedpipe.cli.app import run_app\n"
        "sys.exit(run_app(['run', 'quick.py:good']))\n"
    )
    (folder / "program.py").write_text(program)
    seen, code = on_a_terminal(folder, [sys.executable, "program.py"], lambda *_: True)
    assert code == 70
    assert b"TP901" in seen
    assert b"boom" in seen
    assert cursor_is_back(seen)
