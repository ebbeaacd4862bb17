"""Processes of tasks: warm ones, fresh ones, and orphans of tasks and engines."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from bench import Bench
from local_samples import ADD, ECHO, SLEEP, component, graph, pipeline, task

from typedpipe.diagnostics.errors import PipelineError
from typedpipe.diagnostics.model import Diagnostics
from typedpipe.ir.nodes import Loop, Pipeline
from typedpipe.local.runners import launcher_for, placements, reap
from typedpipe.local.runners.calls import uses
from typedpipe.local.runners.launcher import Exited, Inbox, Interpreter, Launcher, SpawnLauncher, ZygoteLauncher
from typedpipe.local.runners.orphans import NONCE
from typedpipe.types.model import ANY, INT, STR

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="the zygote is for Linux")


def made(ir: Pipeline, nonce: str = "", **more: object) -> Launcher:
    report = Diagnostics()
    found = placements(ir, None, report)
    if report.has_errors:
        raise PipelineError(report)
    return launcher_for(found, nonce=nonce or os.urandom(8).hex(), **more)  # type: ignore[arg-type]  # by name


@pytest.mark.parametrize("zygotes", [pytest.param(True, marks=LINUX), False])
def test_both_ways_give_the_same(zygotes: bool, tmp_path: Path) -> None:
    launcher = made(pipeline(graph(task("a", ADD, a=1, b=2))), zygotes=zygotes)
    bench = Bench(launcher, tmp_path)
    try:
        assert bench.result(ADD, a=1, b=2) == 3
        assert json.loads((tmp_path / "1" / "result.json").read_text()) == {"code": 0}
    finally:
        launcher.close()


@pytest.mark.parametrize("zygotes", [pytest.param(True, marks=LINUX), False])
def test_a_task_that_does_not_return_leaves_no_result(zygotes: bool, tmp_path: Path) -> None:
    quit_ = component("quit", "def quit():\n    import os\n    os._exit(0)\n")
    launcher = made(pipeline(graph(task("q", quit_)), quit_), zygotes=zygotes)
    bench = Bench(launcher, tmp_path)
    try:
        assert bench.wait(bench.start(quit_)).code == 0
        assert not (tmp_path / "1" / "result.json").exists()
    finally:
        launcher.close()


DAEMON = component(
    "daemon",
    """
    def daemon(path):
        import os, subprocess, sys, time
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)
        code = "import os, sys, time\\nopen(sys.argv[1], 'w').write(str(os.getpid()))\\ntime.sleep(60)"
        subprocess.Popen([sys.executable, "-c", code, path], start_new_session=True)
        while not (os.path.exists(path) and open(path).read()):
            time.sleep(0.01)
    """,
    {"path": STR},
)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@LINUX
def test_a_daemon_of_a_fresh_process_is_found_by_its_mark(tmp_path: Path) -> None:
    launcher = made(pipeline(graph(task("d", DAEMON, path="x")), DAEMON), zygotes=False)
    bench = Bench(launcher, tmp_path)
    try:
        note = tmp_path / "pid"
        assert bench.wait(bench.start(DAEMON, path=str(note))).code == 0
        assert not alive(int(note.read_text()))
    finally:
        launcher.close()


@LINUX
def test_reap_finds_what_a_double_kill_left(tmp_path: Path) -> None:
    hold = component(
        "hold",
        """
        def hold(path):
            import os, subprocess, time
            child = subprocess.Popen(["sleep", "600"], start_new_session=True)
            open(path, "w").write(str(child.pid))
            os.setsid() if os.getpid() != os.getsid(0) else None
            time.sleep(600)
        """,
        {"path": STR},
    )
    nonce, other = os.urandom(8).hex(), os.urandom(8).hex()
    launcher = made(pipeline(graph(task("h", hold, path="x")), hold), nonce)
    stranger = subprocess.Popen(["sleep", "600"], env={**os.environ, NONCE: other + ".0"})
    bench = Bench(launcher, tmp_path)
    note = tmp_path / "pid"
    ticket = bench.start(hold, path=str(note))
    deadline = time.monotonic() + 120
    while not (note.exists() and note.read_text()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    zygote = next(pid for pid in children() if b"zygote.py" in Path(f"/proc/{pid}/cmdline").read_bytes())
    os.kill(zygote, signal.SIGKILL)
    child = int(note.read_text())
    assert alive(child)  # its task died with the zygote, it did not
    assert reap(nonce) >= 1
    assert not alive(child)
    assert stranger.poll() is None
    assert reap("") == 0
    assert bench.wait(ticket).code is None
    launcher.close()
    stranger.kill()
    stranger.wait()


def children() -> list[int]:
    return [int(pid) for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()]


@LINUX
def test_a_fork_bomb_ends_with_its_task(tmp_path: Path) -> None:
    bomb = component(
        "bomb",
        """
        def bomb():
            import os, time
            for _ in range(5):
                if os.fork() == 0:
                    os.setsid()
                    for _ in range(3):
                        os.fork()
                    while True:
                        time.sleep(1)
        """,
    )
    nonce = os.urandom(8).hex()
    launcher = made(pipeline(graph(task("b", bomb)), bomb), nonce)
    bench = Bench(launcher, tmp_path)
    assert bench.wait(bench.start(bomb)).code == 0
    launcher.close()
    assert reap(nonce) == 0


@LINUX
def test_a_python_that_is_not_there_is_said_for_each_task(tmp_path: Path) -> None:
    launcher = ZygoteLauncher("x", Interpreter(("/no/such/python",)))
    exited = Bench(launcher, tmp_path).start(ECHO, x=1), *launcher.reports()
    assert exited[1] == Exited("1", None, "no process can be started with /no/such/python: No such file or directory")
    launcher.close()


@LINUX
def test_a_python_that_ends_at_once_is_not_started_for_ever(tmp_path: Path) -> None:
    launcher = ZygoteLauncher("x", Interpreter(("/bin/false",)))
    bench = Bench(launcher, tmp_path)
    assert "exits immediately: /bin/false" in bench.wait(bench.start(ECHO, x=1)).message
    assert "exits immediately" in bench.wait(bench.start(ECHO, x=1)).message
    launcher.close()


# --------------------------------------------------------------------------------------------- preloading

DRAW = component(
    "draw",
    """
    def draw():
        import sys
        loaded = "numpy" in sys.modules
        import numpy
        return [loaded, int(numpy.random.randint(1 << 30))]
    """,
    {},
    ANY,
)


@LINUX
def test_heavy_imports_are_loaded_once_and_random_numbers_differ(tmp_path: Path) -> None:
    launcher = made(pipeline(graph(task("a", DRAW), task("b", DRAW)), DRAW))
    bench = Bench(launcher, tmp_path)
    try:
        first = bench.result(DRAW)  # does not wait for the process that loads
        assert isinstance(first, list) and first[0] is False
        seen: list[int] = []
        deadline = time.monotonic() + 120
        while len(seen) < 3 and time.monotonic() < deadline:
            found = bench.result(DRAW)
            assert isinstance(found, list)
            seen += [found[1]] if found[0] else []
        assert len(set(seen)) == 3
        own = bench.result(DRAW, {"OMP_NUM_THREADS": "1"})
        assert isinstance(own, list) and own[0] is False  # it must be able to say so before numpy is loaded
    finally:
        launcher.close()


def test_a_loop_uses_its_components_often() -> None:
    from typedpipe.ir.nodes import Const

    body = Loop("l", Const("[1]", ANY), "item", INT, graph(task("s", SLEEP, s=0.1)))
    assert uses(pipeline(graph(body, task("a", ADD, a=1, b=1)))) == {"add": 1, "sleep": 2}


@LINUX
def test_a_module_that_prints_or_fails_does_no_harm(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "loud.py").write_text(
        "print('loud')\nimport os\nos.write(1, b'x')\nopen(os.environ['SEEN'], 'w').close()\nraise SystemExit(3)\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("SEEN", str(tmp_path / "seen"))
    launcher = ZygoteLauncher("x", Interpreter((sys.executable, "-u")), ["loud", "no_such_module", "json"])
    bench = Bench(launcher, tmp_path)
    try:
        assert bench.result(ECHO, x=1) == 1
    finally:
        launcher.close()
    assert (tmp_path / "seen").exists()
    assert capfd.readouterr().out == ""


def test_the_inbox_wakes_once_and_gives_all() -> None:
    import select

    inbox = Inbox()
    for number in range(3):
        inbox.put(Exited(str(number), 0))
    assert select.select([inbox.fileno()], [], [], 0)[0]
    assert [exited.ticket for exited in inbox.take()] == ["0", "1", "2"]
    assert not select.select([inbox.fileno()], [], [], 0)[0]
    assert inbox.take() == []
    inbox.close()
    inbox.put(Exited("late", 0))


@LINUX
def test_a_fresh_process_ends_with_its_engine(tmp_path: Path) -> None:
    launcher = SpawnLauncher("mark")
    bench = Bench(launcher, tmp_path)
    bench.start(SLEEP, s=600.0)
    (process,) = launcher._processes.values()
    time.sleep(0.3)
    assert process.stdin is not None and process.poll() is None
    process.stdin.close()  # what the system does when the engine is killed
    assert process.wait(timeout=120) != 0
    launcher.close()
