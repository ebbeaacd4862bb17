"""Tasks that fork, replace their streams, configure logging, or leave special files: as in a plain script, everywhere."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import textwrap
import threading
import time
from itertools import product
from pathlib import Path

import pytest
from bench import Bench
from local_samples import DATASET, component, graph, out, pipeline, task

from typedpipe.diagnostics.model import Diagnostics
from typedpipe.local import run
from typedpipe.local.options import Runner
from typedpipe.local.runners import launcher_for, placements
from typedpipe.local.runners.attempt import Attempt
from typedpipe.types.model import INT, STR

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="uses fork and special files")
RUNNERS: list[Runner] = ["process", "inprocess"]


# ------------------------------------------------------------------------------------------------- special files

SPECIAL = {
    "a pipe": "os.mkfifo({path})",
    "a socket": "os.chdir(os.path.dirname({path})); socket.socket(socket.AF_UNIX).bind(os.path.basename({path}))",
    "a device": "os.symlink('/dev/zero', {path})",
}
PLACES = {"at the top": "o.path", "inside": "o.path + '/x'", "deep": "o.path + '/a/b/x'"}


@LINUX
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # the sample leaves its socket open
@pytest.mark.parametrize(("kind", "where"), list(product(SPECIAL, PLACES)))
def test_special_files_are_refused_at_once(kind: str, where: str, tmp_path: Path) -> None:
    path = PLACES[where]
    source = f"""
        def make(out):
            import os, socket
            o = out
            os.makedirs(os.path.dirname({path}), exist_ok=True)
            {SPECIAL[kind].format(path=path)}
    """
    make = component("make", source, {}, DATASET)
    result = run(pipeline(graph(task("m", make)), make), {}, folder=tmp_path, runner="inprocess", timeout=120)
    message = result.tasks["m"].message
    assert message.startswith("error[TP506]: component `make`, output `out`: cannot read the output: "), message
    assert message.endswith(f" is {kind}; create it outside the artifact")


@LINUX
@pytest.mark.parametrize("target", ["pipe", "/dev/zero"])
def test_a_parameter_is_not_read_from_a_special_file(target: str, tmp_path: Path) -> None:
    """Of a container: opening a pipe, or reading a device, would stop the engine."""
    from typedpipe.ir.nodes import Component, ContainerImpl, OutputPort
    from typedpipe.local.runners.attempt import TaskRefused

    impl = ContainerImpl(("sh",), ())
    made = Component("c", (), (OutputPort("n", INT, "path"),), impl, "busybox")
    raw = tmp_path / "out/raw"
    raw.mkdir(parents=True)
    os.mkfifo(tmp_path / "pipe")
    (raw / "n").symlink_to(tmp_path / target)
    with pytest.raises(TaskRefused, match="the output `n` is not a file"):
        Attempt(str(tmp_path), made, {}, {}).outputs()


# ---------------------------------------------------------------------------------------------------- streams

TEE = "class Tee:\n    def __init__(self, to): self.to = to\n    def write(self, text): self.to.write(text)"
REPLACED = {
    "no flush": "sys.stdout = Tee(sys.stdout)",
    "no flush on stderr": "sys.stderr = Tee(sys.stderr)",
    "None": "sys.stdout = sys.stderr = None",
    "in memory": "sys.stdout = sys.stderr = io.StringIO()",
    "closed stdout": "sys.stdout.close()",
    "closed stderr": "sys.stderr.close()",
    "a number": "sys.stdout = sys.stderr = 3",
    "flush raises": "sys.stdout = Tee(sys.stdout); sys.stdout.flush = lambda: 1 / 0",
    "detached": "sys.stdout.detach() if hasattr(sys.stdout, 'detach') else None",
}
ENDS = {"return 1": "", "raise ValueError('the reason')": "ValueError: the reason", "return 'text'": "TP503"}


@pytest.mark.parametrize(("how", "end"), list(product(REPLACED, ENDS)))
def test_a_task_may_replace_its_streams(how: str, end: str, tmp_path: Path) -> None:
    source = f"{TEE}\n\ndef tee():\n    import io, sys\n    {REPLACED[how]}\n    {end}\n"
    tee = component("tee", source, {}, INT)
    streams = sys.stdout, sys.stderr
    for runner in RUNNERS:
        where = tmp_path / runner
        result = run(pipeline(graph(task("t", tee)), tee), {}, folder=where, runner=runner, timeout=120)
        found = result.tasks["t"]
        assert (found.state, ENDS[end] in found.message) == ("FAILED" if ENDS[end] else "SUCCEEDED", True), found
        if ENDS[end]:
            assert found.log is not None
            assert ENDS[end] in found.log.read_text()
    assert (sys.stdout, sys.stderr) == streams


def test_streams_without_a_zygote(tmp_path: Path) -> None:
    """On systems without fork, too, where the interpreter itself would fail at its end with exit code 120."""
    tee = component(
        "tee", f"{TEE}\n\ndef tee():\n    import sys\n    sys.stdout = Tee(sys.stdout)\n    return 1\n", {}, INT
    )
    places = placements(pipeline(graph(task("t", tee)), tee), None, Diagnostics())
    launcher = launcher_for(places, nonce="0", zygotes=False)
    try:
        assert Bench(launcher, tmp_path).result(tee) == 1
    finally:
        launcher.close()


# ------------------------------------------------------------------------------------------------------ forks

FORKS = {
    "pool": "with mp.get_context('fork').Pool(2) as p: n = sum(p.map(abs, [1, -2]))",
    "process": "p = mp.get_context('fork').Process(target=print); p.start(); p.join(); n = 3 + p.exitcode",
    "executor": "with ProcessPoolExecutor(2, mp.get_context('fork')) as p: n = sum(p.map(abs, [1, -2]))",
    "sys.exit": "if (pid := os.fork()) == 0: sys.exit(3)\n    n = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])",
    "return": "if (pid := os.fork()) == 0: return 8\n    n = 3 + os.waitpid(pid, 0)[1]",
    "raise": "if (pid := os.fork()) == 0: raise KeyError('in the child')\n"
    "    n = 2 + os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])",
}


def program(folder: Path, body: str) -> subprocess.CompletedProcess[str]:
    """Run a program in its own session: pytest itself should not be forked."""
    text = "import multiprocessing as mp, os, sys\nfrom concurrent.futures import ProcessPoolExecutor\n"
    text += "from typedpipe import component, pipeline\n" + textwrap.dedent(body)
    (folder / "flow.py").write_text(text)
    return subprocess.run(
        [sys.executable, "flow.py"], cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )


@LINUX
@pytest.mark.parametrize(("kind", "runner"), list(product(FORKS, RUNNERS)))
def test_a_task_may_fork(kind: str, runner: Runner, tmp_path: Path) -> None:
    head = (
        "@component\ndef forks() -> int:\n    import multiprocessing as mp, os, sys\n"
        "    from concurrent.futures import ProcessPoolExecutor\n"
    )
    tail = "\n    return n\n@pipeline\ndef main() -> int: return forks().output\n"
    tail += f"run = main.run(runner={runner!r})\nprint(run.outputs, run.tasks['forks'].state, run.tasks['forks'].log)\n"
    done = program(tmp_path, f"{head}    {FORKS[kind]}{tail}")
    assert (done.returncode, done.stdout.split()[:2]) == (0, ["3", "SUCCEEDED"]), done
    assert ("KeyError: 'in the child'" in done.stdout) == (kind == "raise")


BESIDE = {
    "process": "p = mp.Process(target=print, args=('child',)); p.start(); p.join(); print(p.exitcode)",
    "pool": "with mp.Pool(2) as p: print(p.map(abs, [-1]))",
    "executor": "with ProcessPoolExecutor(2) as p: print(list(p.map(abs, [-1])))",
    "sys.exit": "if (pid := os.fork()) == 0: sys.exit(0)\n    print(os.waitpid(pid, 0)[1])",
    "wait": "if (pid := os.fork()) == 0:\n        try: r.wait()\n        except RuntimeError: os._exit(7)\n"
    "    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))",
    "terminate": "p = mp.Process(target=time.sleep, args=(60,)); p.start(); p.terminate(); p.join(); print(p.exitcode)",
}


@LINUX
@pytest.mark.parametrize("kind", BESIDE)
def test_a_program_may_fork_beside_its_run(kind: str, tmp_path: Path) -> None:
    body = f"""
import time
@component
def slow(path: str) -> int:
    import os, time
    while not os.path.exists(path): time.sleep(0.01)
    return 1
@pipeline
def main(path: str) -> int: return slow(path=path).output
if __name__ == "__main__":
    r = main.run(path=os.path.abspath("go"))
    {BESIDE[kind]}
    open("go", "w").close()
    print("outputs", r.outputs)
"""
    done = program(tmp_path, body)
    assert done.returncode == 0, done
    assert done.stdout.endswith("outputs 1\n")
    if kind == "wait":
        assert done.stdout.startswith("7\n")


@LINUX
def test_a_child_does_not_hold_what_the_engine_has_open(tmp_path: Path) -> None:
    """It outlives the engine, which is killed: its zygote ends, and the run is not locked."""
    body = """
import time
from pathlib import Path
@component
def slow() -> int:
    import time
    time.sleep(60)
    return 1
@pipeline
def main() -> int: return slow().output
r = main.run(folder="store", name="it")
while not r.tasks or r.tasks["slow"].folder is None or not (r.tasks["slow"].folder / "work").exists(): time.sleep(0.01)
mine = [int(p) for p in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()]
mine += [int(p) for t in Path("/proc/self/task").iterdir() for p in (t / "children").read_text().split()]
if os.fork() == 0:
    os.close(1); os.close(2)
    while not os.path.exists("end"): time.sleep(0.01)
    os._exit(0)
print(*set(mine), flush=True)
os.kill(os.getpid(), 9)
"""
    done = program(tmp_path, body)
    zygotes = done.stdout.split()
    assert zygotes, done
    try:
        deadline = time.monotonic() + 120
        while any(os.path.exists(f"/proc/{pid}") for pid in zygotes) and time.monotonic() < deadline:
            time.sleep(0.01)
        assert not [pid for pid in zygotes if os.path.exists(f"/proc/{pid}")]
        from typedpipe.local.store.locks import is_running

        assert not is_running(str(tmp_path / "store/runs/it"))
    finally:
        (tmp_path / "end").touch()


# --------------------------------------------------------------------------------------------------- shared memory

SHARED = """
    def shares(then):
        import os, signal, time
        from multiprocessing import shared_memory
        block = shared_memory.SharedMemory(create=True, size=1000)
        print(block.name, flush=True)
        if then == 'raise':
            raise ValueError
        if then != 'return':
            os.kill(os.getpid(), int(then))
"""


@LINUX
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize(("then", "zygotes"), list(product(["return", "raise", "15", "9"], [True, False])))
def test_shared_memory_that_a_task_leaves_is_removed(then: str, zygotes: bool, tmp_path: Path) -> None:
    shares = component("shares", SHARED, {"then": STR})
    places = placements(pipeline(graph(task("s", shares, then=then)), shares), None, Diagnostics())
    launcher = launcher_for(places, nonce=os.urandom(8).hex(), zygotes=zygotes)
    bench = Bench(launcher, tmp_path)
    try:
        bench.wait(bench.start(shares, then=then))
        name = (tmp_path / "1/log").read_text().split()[0]
        assert not os.path.exists(f"/dev/shm/{name}")
    finally:
        launcher.close()


# --------------------------------------------------------------------------------------------------------- logging


def logs(name: str, *lines: str) -> str:
    return f"def {name}(n):\n    import logging, sys\n" + "".join(f"    {line}\n" for line in lines) + "    return n\n"


@pytest.fixture
def callers_logging() -> object:
    """The state of logging that a run must not change."""
    root = logging.getLogger()
    other = logging.getLogger("tests.other")
    other.setLevel(logging.NOTSET)

    def state() -> object:
        return root.handlers[:], root.level, root.parent, root.manager.disable, other.disabled, other.isEnabledFor(10)

    return state


def test_each_task_has_its_own_logging(tmp_path: Path, callers_logging: object) -> None:
    assert callable(callers_logging)
    before = callers_logging()
    configure = "logging.basicConfig(level=logging.INFO, format='%(name)s says %(message)s')"
    a = component("a", logs("a", configure, "logging.info('one')"), {"n": INT}, INT)
    b = component("b", logs("b", configure, "logging.getLogger('mine').info('two')"), {"n": INT}, INT)
    plain = component("plain", logs("plain", "logging.info('no')", "logging.warning('three')"), {"n": INT}, INT)
    silent = "logging.config.dictConfig({'version': 1, 'root': {'handlers': []}}); logging.disable(50)"
    vandal = component("vandal", logs("vandal", "import logging.config", silent), {"n": INT}, INT)
    body = graph(
        task("a", a, n=1), task("b", b, n=out("a")), task("plain", plain, n=out("b")), task("v", vandal, n=out("plain"))
    )
    found: dict[str, list[str]] = {}
    for runner in RUNNERS:
        result = run(pipeline(body, a, b, plain, vandal), {}, folder=tmp_path / runner, runner=runner, jobs=1)
        assert result.succeeded, result
        logged = [result.tasks[name].log for name in ("a", "b", "plain")]
        found[runner] = [path.read_text() if path is not None else "" for path in logged]
    assert found["inprocess"] == found["process"] == ["root says one\n", "mine says two\n", "WARNING:root:three\n"]
    assert callers_logging() == before


def test_callers_handlers_still_get_the_records(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    warns = component("warns", logs("warns", "logging.getLogger('x').warning('seen %d', n)"), {"n": INT}, INT)
    result = run(pipeline(graph(task("w", warns, n=1)), warns), {}, folder=tmp_path, runner="inprocess")
    assert [record.getMessage() for record in caplog.records] == ["seen 1"]
    assert result.tasks["w"].log is not None
    assert result.tasks["w"].log.read_text() == "seen 1\n"


def test_streams_that_outlive_their_task(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A thread's output belongs to its task; what a handler writes belongs to the task that runs, then to the caller."""
    keep = component(
        "keep",
        """
        def keep(n):
            import logging, sys, threading
            logging.getLogger('kept').addHandler(logging.StreamHandler(sys.stderr))
            sys.go = threading.Event()
            work = lambda to=sys.stdout: (sys.go.wait(), print('late', file=to))
            sys.thread = threading.Thread(target=work, daemon=True)
            sys.thread.start()
            return n
        """,
        {"n": INT},
        INT,
    )
    use = component("use", logs("use", "logging.getLogger('kept').warning('from use')"), {"n": INT}, INT)
    body = graph(task("k", keep, n=1), task("u", use, n=out("k")))
    kept = logging.getLogger("kept")
    try:
        result = run(pipeline(body, keep, use), {}, folder=tmp_path, runner="inprocess")
        kept.warning("from the caller")
        thread = sys.__dict__.pop("thread")
        assert isinstance(thread, threading.Thread)
        sys.__dict__.pop("go").set()
        thread.join()
    finally:
        kept.handlers.clear()
    texts = [path.read_text() for name in "ku" if (path := result.tasks[name].log) is not None]
    assert texts == ["late\n", "from use\n"]
    assert capsys.readouterr().err == "from the caller\n"
