"""Faults of tasks: killed tasks, tasks that do not end, daemons, endless logs, full and closed disks."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from local_samples import ECHO, SAVE, SLEEP, STATUS, component, graph, out, pipeline, task

from tests.faults.living import alive, appears, until
from typedpipe.diagnostics.errors import PipelineError
from typedpipe.ir.nodes import ExitHandler, Graph, Options
from typedpipe.local import run
from typedpipe.local.options import RunOptions
from typedpipe.local.preparation import prepare
from typedpipe.local.runners.launcher import Launcher, SpawnLauncher, ZygoteLauncher
from typedpipe.runs import events
from typedpipe.types.model import ANY, INT, STR

SAMPLES = Path(__file__).parents[1] / "unit" / "local"
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="the zygote is for Linux")


def go(body: Graph, *more: object, folder: Path, launch: Any = None, **settings: Any):
    """Run with a launcher of the test's own."""
    ir = pipeline(body, *more)  # type: ignore[arg-type]  # components
    prepared = prepare(ir, {}, RunOptions(jobs=8, folder=folder, **settings))
    if launch is not None:
        prepared._engine._settings = replace(prepared._engine._settings, launch=launch)
    return prepared.execute()


def test_a_task_killed_from_outside(tmp_path: Path) -> None:
    die = component("die", "def die():\n    import os\n    os.kill(os.getpid(), 9)\n")
    result = run(pipeline(graph(task("d", die), task("e", ECHO, x=1)), die), {}, folder=tmp_path)
    assert result.state == "FAILED"
    assert (result.tasks["d"].exit_code, result.tasks["d"].message) == (137, "killed by SIGKILL (out of memory?)")
    assert result.tasks["e"].state == "SUCCEEDED"


def test_a_task_that_ignores_sigterm_is_killed_at_its_timeout(tmp_path: Path) -> None:
    deaf = component(
        "deaf",
        "def deaf():\n    import signal, time\n    signal.signal(15, signal.SIG_IGN)\n    time.sleep(60)\n",
    )
    start = time.monotonic()
    body = graph(task("d", deaf, (), Options(timeout_seconds=0.5)))
    result = go(body, deaf, folder=tmp_path, grace=0.3)
    assert time.monotonic() - start < 10
    assert result.tasks["d"].message == "timed out after 0.5 s"


@LINUX
def test_a_daemon_does_not_outlive_its_task(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    leave = component(
        "leave",
        """
        def leave(path):
            import os, subprocess, sys, time
            code = "import os, sys, time\\nos.setsid()\\nopen(sys.argv[1], 'w').write(str(os.getpid()))\\ntime.sleep(60)"
            subprocess.Popen(["sh", "-c", f'"{sys.executable}" -c "$0" "$1" & exit 0', code, path])
            while not (os.path.exists(path) and open(path).read()):
                time.sleep(0.01)
        """,
        {"path": STR},
    )
    look = component(
        "look",
        "def look(path):\n    import os\n    return os.path.exists('/proc/' + open(path).read())\n",
        {"path": STR},
        ANY,
    )
    start = time.monotonic()
    body = graph(
        task("l", leave, path=str(note)), task("k", look, ("l",), path=str(note)), outputs={"there": (out("k"), ANY)}
    )
    result = run(pipeline(body, leave, look), {}, folder=tmp_path)
    assert result.outputs == {"there": False}, result.message  # gone when its task has ended, not only with the run
    assert time.monotonic() - start < 20
    assert not alive(int(note.read_text()))


def test_binary_and_endless_output_comes_unaltered(tmp_path: Path) -> None:
    noise = component(
        "noise",
        """
        def noise():
            import os
            os.write(1, bytes(range(256)))
            os.write(2, b"err\\r\\n")
            os.write(1, b"x" * 3_000_000)
            print("last", end="")
        """,
    )
    got = bytearray()

    def take(event: events.Event) -> None:
        if isinstance(event, events.LogChunk):
            assert event.offset == len(got)
            assert len(event.data) <= 1 << 16
            got.extend(event.data)

    result = run(pipeline(graph(task("n", noise)), noise), {}, folder=tmp_path, on_event=take)
    want = bytes(range(256)) + b"err\r\n" + b"x" * 3_000_000 + b"last"
    assert bytes(got) == want
    log = result.tasks["n"].log
    assert log is not None and log.read_bytes() == want


def test_memory_stays_flat_with_300_mb_of_log(tmp_path: Path) -> None:
    flood = component(
        "flood", "def flood():\n    import os\n    for _ in range(300):\n        os.write(1, b'x' * 1_000_000)\n"
    )
    size = 0

    def take(event: events.Event) -> None:
        nonlocal size
        if isinstance(event, events.LogChunk):
            size += len(event.data)

    import tracemalloc

    tracemalloc.start()
    run(pipeline(graph(task("f", flood)), flood), {}, folder=tmp_path, on_event=take)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert size == 300_000_000
    assert peak < 10_000_000


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(PipelineError) as caught:
        run(pipeline(graph(task("e", ECHO, x=1))), {}, folder=tmp_path / "file")
    assert caught.value.diagnostics[0].code == "TP197"


def test_missing_output_and_oversize_parameter(tmp_path: Path) -> None:
    from local_samples import DATASET

    none = component("none", "def none(out):\n    pass\n", {}, DATASET)
    big = component("big", "def big():\n    return 'x' * 40_000\n", {}, STR)
    wrong = component("wrong", "def wrong():\n    return 'x'\n", {}, INT)
    body = graph(task("none", none), task("big", big, (), Options()), task("wrong", wrong))
    result = run(pipeline(body, none, big, wrong), {}, folder=tmp_path)
    assert {name: found.exit_code for name, found in result.tasks.items()} == {"none": 2, "big": 2, "wrong": 2}
    assert "TP504" in result.tasks["none"].message
    assert "TP505" in result.tasks["big"].message
    assert "TP503" in result.tasks["wrong"].message


def test_the_run_times_out_and_exits_run(tmp_path: Path) -> None:
    said = tmp_path / "said"
    body = graph(ExitHandler("h", graph(task("s", SLEEP, s=60.0)), task("bye", STATUS, path=str(said))))
    result = run(pipeline(body), {}, folder=tmp_path, timeout=0.5)
    assert (result.state, result.message) == ("FAILED", "the run exceeded its timeout of 0.5 s")
    assert said.read_text() == f"FAILED|{result.message}"
    assert (result.tasks["h/s"].state, result.tasks["h/s"].message) == ("CANCELED", result.message)


PROGRAM = """
import sys
sys.path.insert(0, {here!r})
from pathlib import Path
from local_samples import *
from typedpipe.ir.nodes import ExitHandler
from typedpipe.local import run
hold = component("hold", "def hold(path):\\n    import os, time\\n    open(path, 'w').write(str(os.getpid()))\\n    time.sleep(60)\\n", {{"path": STR}})
end = component("end", "def end(path):\\n    import time\\n    open(path, 'w').write('x')\\n    time.sleep({wait})\\n", {{"path": STR}})
body = graph(ExitHandler("h", graph(task("s", hold, path={pid!r})), task("bye", end, path={bye!r})), task("later", ECHO, ("h",), x=1))
result = run(pipeline(body, hold, end), {{}}, folder=Path({folder!r}))
print(result.state, sorted((t.name, t.state) for t in result.tasks.values()))
"""


def start_program(tmp_path: Path, wait: float) -> tuple[subprocess.Popen[str], int]:
    names = {"pid": str(tmp_path / "pid"), "bye": str(tmp_path / "bye"), "folder": str(tmp_path)}
    text = PROGRAM.format(here=str(SAMPLES), wait=wait, **names)
    process = subprocess.Popen([sys.executable, "-c", text], stdout=subprocess.PIPE, text=True)
    return process, int(appears(tmp_path / "pid"))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_one_signal_cancels_and_exits_run(number: int, tmp_path: Path) -> None:
    process, pid = start_program(tmp_path, 0)
    process.send_signal(number)
    said, _ = process.communicate(timeout=20)
    assert said.strip() == "CANCELED [('h/s', 'CANCELED'), ('bye', 'SUCCEEDED'), ('later', 'OMITTED')]".replace(
        "('h/s', 'CANCELED'), ('bye', 'SUCCEEDED')", "('bye', 'SUCCEEDED'), ('h/s', 'CANCELED')"
    )
    assert until(lambda: not alive(pid))


def test_two_signals_kill(tmp_path: Path) -> None:
    process, pid = start_program(tmp_path, 60)
    process.send_signal(signal.SIGINT)
    appears(tmp_path / "bye")
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=20)
    assert said.startswith("CANCELED [('bye', 'CANCELED')")
    assert until(lambda: not alive(pid))


@LINUX
def test_nothing_survives_the_engines_death(tmp_path: Path) -> None:
    process, pid = start_program(tmp_path, 0)
    process.kill()
    process.communicate()
    assert until(lambda: not alive(pid))


@LINUX
def test_the_zygote_is_killed_and_the_run_goes_on(tmp_path: Path) -> None:
    slayer = component(
        "slayer", "def slayer():\n    import os, time\n    os.kill(os.getppid(), 9)\n    time.sleep(60)\n"
    )
    body = graph(task("k", slayer), task("after", ECHO, (), Options(ignore_upstream_failure=True), x=out("k")))
    result = run(pipeline(body, slayer), {}, folder=tmp_path)
    assert "starts tasks was killed" in result.tasks["k"].message
    assert result.tasks["after"].state == "SUCCEEDED"


@pytest.mark.parametrize("launch", [ZygoteLauncher, SpawnLauncher])
def test_no_process_and_no_zombie_is_left(launch: type[Launcher], tmp_path: Path) -> None:
    body = graph(task("s", SAVE, text="x"), task("e", ECHO, ("s",), x=1), outputs={"o": (out("e"), ANY)})
    result = go(body, folder=tmp_path, launch=launch)
    assert result.outputs == {"o": 1}
    mine = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    commands = [Path(f"/proc/{pid}/cmdline").read_bytes() for pid in mine]
    assert not [command for command in commands if b"child.py" in command or b"zygote.py" in command]


def test_a_sleeping_task_takes_no_slot_of_the_cpu(tmp_path: Path) -> None:
    cores = os.cpu_count() or 1
    from local_samples import const

    greedy = Options(cpu_request=const(str(cores)))
    seen: list[tuple[str, str]] = []

    def note(event: events.Event) -> None:
        if isinstance(event, events.TaskStarted | events.TaskFinished):
            seen.append((event.task, type(event).__name__))

    body = graph(task("a", ECHO, (), greedy, x=1), task("b", ECHO, (), greedy, x=1), task("c", SLEEP, s=0.3))
    assert run(pipeline(body), {}, folder=tmp_path, on_event=note, cache=False).succeeded
    order = [name for name, what in seen if name in "ab"]
    assert order in (["a", "a", "b", "b"], ["b", "b", "a", "a"])
