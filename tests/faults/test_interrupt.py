"""`typedpipe run` that is canceled or killed: remaining work, and orphans."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from pathlib import Path

import pytest

from tests.faults.living import MARK, alive, appears, marked, start, typedpipe, until, write

HOLD = """
@dsl.component
def hold(place: str) -> int:
    import os, subprocess, sys, time
    # A child of the task's own, in a session of its own: what is easiest to forget.
    code = "import os, sys, time; open(sys.argv[1] + '/child', 'w').write(str(os.getpid())); time.sleep(120)"
    subprocess.Popen([sys.executable, "-c", code, place], start_new_session=True)
    while not os.path.exists(place + "/child"):
        time.sleep(0.01)
    with open(place + "/task", "w") as file:
        file.write(str(os.getpid()))
    time.sleep(120)
    return 1

@dsl.component
def bye(place: str, seconds: float):
    import time
    with open(place + "/bye", "w") as file:
        file.write("bye")
    time.sleep(seconds)

@dsl.pipeline
def p(place: str, seconds: float = 0.0):
    with dsl.ExitHandler(bye(place=place, seconds=seconds)):
        hold(place=place)
"""


def begun(folder: Path, *more: str) -> subprocess.Popen[str]:
    """A run whose task, and a child of that, live."""
    write(folder, HOLD)
    process = start(folder, "run", "pipeline.py", "--place", str(folder), *more)
    appears(folder / "task")
    return process


def pids(folder: Path) -> list[int]:
    return [int(appears(folder / name)) for name in ("task", "child")]


def all_gone(found: list[int]) -> bool:
    return until(lambda: not any(map(alive, found)), 10)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_once_ends_the_tasks_and_runs_the_exit_handler(number: int, tmp_path: Path) -> None:
    process = begun(tmp_path)
    found = pids(tmp_path)
    process.send_signal(number)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 130
    assert (tmp_path / "bye").read_text() == "bye"
    assert "Traceback" not in errors
    assert all_gone(found)


def test_twice_kills_the_exit_handler_too(tmp_path: Path) -> None:
    process = begun(tmp_path, "--seconds", "100")
    process.send_signal(signal.SIGINT)
    appears(tmp_path / "bye")
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Traceback" not in errors
    assert all_gone(pids(tmp_path))


def test_the_engine_is_killed_and_nothing_survives_it(tmp_path: Path) -> None:
    process = begun(tmp_path)
    found = pids(tmp_path)
    process.kill()
    process.communicate()
    assert all_gone(found)
    shown = typedpipe(tmp_path, "runs", "ls")
    assert re.search("interrupted", shown.stdout, re.IGNORECASE), shown.stdout + shown.stderr


def zygotes() -> list[int]:
    """The processes of this test that start tasks."""
    return [pid for pid in marked(os.environ[MARK]) if b"zygote.py" in Path(f"/proc/{pid}/cmdline").read_bytes()]


def test_engine_and_zygote_are_killed_together_and_the_next_command_cleans_up(tmp_path: Path) -> None:
    process = begun(tmp_path)
    found = pids(tmp_path)
    parent = int(Path(f"/proc/{found[0]}/stat").read_text().rpartition(")")[2].split()[1])
    process.send_signal(signal.SIGSTOP)  # so that it cannot see the other's end first
    os.kill(parent, signal.SIGKILL)
    process.kill()
    process.communicate()
    assert until(lambda: not alive(found[0]), 5)  # it dies with the process that started it
    assert alive(found[1])  # its child in a session of its own cannot: nobody is left who knows it
    (tmp_path / "other").mkdir()
    text = "@dsl.component\ndef f() -> int:\n    return 1\n\n@dsl.pipeline\ndef q() -> int:\n    return f().output\n"
    write(tmp_path / "other", text)
    done = typedpipe(tmp_path, "run", "other/pipeline.py")
    assert done.returncode == 0, done.stderr
    assert all_gone(found)
