"""Outputs written after the function has returned: what a plain script would write is stored, and anything else fails."""

from __future__ import annotations

import json
import subprocess
import sys
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from local_samples import DATASET, component, graph, out, pipeline, task

from typedpipe.ir.nodes import Component, Operand
from typedpipe.local import run
from typedpipe.local.options import Runner
from typedpipe.runtime import source_text
from typedpipe.types.model import INT, STR, Type

RUNNERS: list[Runner] = ["process", "inprocess"]
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="uses fork")
WHEN = {
    "in a thread": "threading.Thread(target=late).start()",
    "in a thread of a thread": "threading.Thread(target=lambda: threading.Thread(target=late).start()).start()",
    "by a timer": "threading.Timer(0.05, late).start()",
    "in a pool": "ThreadPoolExecutor(1).submit(late)",
    "at exit": "atexit.register(late)",
    "at exit of an object": "weakref.finalize(threading, late)",
    "in a process": "multiprocessing.get_context('fork').Process(target=late).start()",
    "in a process at exit": "atexit.register(lambda: subprocess.call(['sh', '-c', 'echo last >> $0', path]))",
    "at once": "late()",
}
"""Statements that write, at some time before a plain script would end."""
HOW = {
    "with a file closed": "open(path, 'a').write('last\\n')",
    "with a file left open": "sys.kept = open(path, 'a'); sys.kept.write('last\\n')",
    "in binary": "sys.kept = open(path, 'ab'); sys.kept.write(b'last\\n')",
    "with a file opened before": "early.write('last\\n')",
}
CONTINUING = [when for when in WHEN if "exit" not in when and "process" not in when and "pool" not in when]
"""Those that are over before a process that continues reads the outputs."""
PATHS = {
    "a path": "out.path",
    "a path in a directory": "out.path + '/deep/file'",
}


def make(name: str, when: str, how: str, path: str = "a path") -> Component:
    return component(
        f"make{name}",
        f"""
        def make{name}(out):
            import atexit, multiprocessing, os, subprocess, sys, threading, time, weakref
            from concurrent.futures import ThreadPoolExecutor
            path = {PATHS[path]}
            os.makedirs(os.path.dirname(path), exist_ok=True)
            early = sys.early = open(path, "w")
            early.write("first\\n")
            early.flush()

            def late():
                time.sleep({0.1 if "thread" in when or "pool" in when else 0})
                {how}
            {when}
        """,
        {},
        DATASET,
    )


READ = component(
    "read",
    """
    def read(data):
        import os
        path = data.path
        return open(path + "/deep/file" if os.path.isdir(path) else path).read()
    """,
    {"data": DATASET},
    STR,
)
FIRST = component("first", "def first(out):\n    open(out.path, 'w').write('first\\n')\n", {}, DATASET)


def stored(makers: list[Component], folder: Path, runner: Runner) -> tuple[list[Any], str]:
    """The text that a task after each maker reads, or the maker's message; and that after a task with less text."""
    nodes = [task("f", FIRST), task("s", READ, data=out("f", "out"))]
    outputs: dict[str, tuple[Operand, Type]] = {"other": (out("s"), STR)}
    for number, maker in enumerate(makers):
        nodes += [task(f"m{number}", maker), task(f"r{number}", READ, data=out(f"m{number}", "out"))]
        outputs[f"r{number}"] = (out(f"r{number}"), STR)
    body = graph(*nodes, outputs=outputs)
    result = run(pipeline(body, *makers, FIRST, READ), {}, folder=folder, runner=runner)
    found = [result.outputs.get(f"r{n}", result.tasks[f"m{n}"].message) for n in range(len(makers))]
    return found, str(result.outputs.get("other", "first\n"))


@LINUX
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # the samples leave files open
@pytest.mark.parametrize(("when", "runner"), [*product(WHEN, ["process"]), *product(CONTINUING, ["inprocess"])])
def test_what_a_script_would_write_is_stored(when: str, runner: Runner, tmp_path: Path) -> None:
    # A process that multiprocessing forks does not write its buffers, in a script either.
    ways = [how for how in HOW if when != "in a process" or how == "with a file closed"]
    cases = list(product(ways, PATHS))
    makers = [make(str(n), WHEN[when], HOW[how], where) for n, (how, where) in enumerate(cases)]
    found, other = stored(makers, tmp_path, runner)
    assert dict(zip(cases, found, strict=True)) == dict.fromkeys(cases, "first\nlast\n")
    assert other == "first\n"


@LINUX
@pytest.mark.parametrize("when", WHEN)
def test_a_pod_writes_the_same(when: str, tmp_path: Path) -> None:
    spec = {
        "component": "make", "entry": "make", "returns": "none", "inputs": [],
        "chunks": [["user.py", 1, make("", WHEN[when], HOW["with a file closed"]).impl.chunks[0].text]],  # type: ignore[union-attr]  # Python
        "outputs": [["out", "out", "artifact", ["artifact", "system.Dataset", "0.0.1", ["system.Artifact"]]]],
    }  # fmt: skip
    (tmp_path / "runtime.py").write_text(source_text(), "utf-8")
    (tmp_path / "job.json").write_text(json.dumps({"spec": spec, "parameters": [], "root": str(tmp_path)}), "utf-8")
    subprocess.run([sys.executable, str(tmp_path / "runtime.py"), str(tmp_path / "job.json")], check=True, timeout=60)
    assert json.loads((tmp_path / "out/p/tp-out").read_text("utf-8"))["size"] == len("first\nlast\n")


ARCHIVES = {
    "gzip": ("gzip.open(out.path, 'wt').write('text')", "gzip.open(data.path, 'rt').read()"),
    "bz2": ("bz2.open(out.path, 'wb').write(b'text')", "bz2.open(data.path, 'rt').read()"),
    "zip": ("zipfile.ZipFile(out.path, 'w').writestr('a', 'text')", "zipfile.ZipFile(data.path).read('a').decode()"),
}


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize(("kind", "runner"), list(product(ARCHIVES, RUNNERS)))
def test_an_archive_left_open_is_whole(kind: str, runner: Runner, tmp_path: Path) -> None:
    write, read = ARCHIVES[kind]
    call = write.index(").") + 1
    maker = component(
        "make",
        f"""
        def make(out):
            import bz2, gzip, sys, zipfile
            sys.kept = {write[:call]}
            sys.kept{write[call:]}
        """,
        {},
        DATASET,
    )
    reader = component(
        "read", f"def read(data):\n    import bz2, gzip, zipfile\n    return {read}\n", {"data": DATASET}, STR
    )
    body = graph(task("m", maker), task("r", reader, data=out("m", "out")), outputs={"text": (out("r"), STR)})
    assert run(pipeline(body, maker, reader), {}, folder=tmp_path, runner=runner).outputs == {"text": "text"}


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize(("what", "runner"), list(product(["a file", "a directory"], RUNNERS)))
def test_what_is_still_written_is_an_error(what: str, runner: Runner, tmp_path: Path) -> None:
    """The sample writes when its metadata is read, which is after the digest is computed: as a daemon thread may."""
    maker = component(
        "make",
        f"""
        def make(out):
            import os
            path = out.path
            if {what!r} == "a directory":
                os.mkdir(path)
                path += "/file"
            open(path, "w").write("first")

            class Late(dict):
                def items(self):
                    with open(path, "a") as file:
                        file.write("last")
                    return super().items()

            out.metadata = Late(n=1)
        """,
        {},
        DATASET,
    )
    assert stored([maker], tmp_path, runner)[0] == [
        "error[TP510]: component `make`, output `out`: it was modified after the function ended: "
        "wait in the function for what it starts"
    ]


@LINUX
@pytest.mark.parametrize("runner", RUNNERS)
def test_a_umask_of_a_function_that_raises_does_not_outlast_it(runner: Runner, tmp_path: Path) -> None:
    source = """
        def make():
            import os
            os.umask(0o777)
            raise ValueError("no rows")
    """
    maker = component("make", source, {}, INT)
    result = run(pipeline(graph(task("m", maker)), maker), {}, folder=tmp_path, runner=runner)
    assert result.tasks["m"].message == "ValueError: no rows (user.py:4)"
    (tmp_path / "after").touch()
    assert (tmp_path / "after").stat().st_mode & 0o400


@LINUX
@pytest.mark.parametrize("runner", RUNNERS)
def test_a_umask_of_the_function_does_not_outlast_it(runner: Runner, tmp_path: Path) -> None:
    maker = component(
        "make",
        """
        def make():
            import os
            os.umask(0o777)
            made = Dataset()
            assert os.stat(os.path.dirname(made.path)).st_mode & 0o700 == 0o700
            return 1
        """,
        {},
        INT,
    )
    result = run(pipeline(graph(task("m", maker)), maker), {}, folder=tmp_path, runner=runner)
    assert result.tasks["m"].message == ""
    (tmp_path / "after").touch()
    assert (tmp_path / "after").stat().st_mode & 0o400
