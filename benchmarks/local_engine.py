"""Cost of a task in a local run, compared with kfp.local, Metaflow and Flyte 2, each in its own virtual environment.

    benchmarks/setup                                     # once: creates the environments
    python benchmarks/local_engine.py                    # all; some minutes, most of them the peers'
    python benchmarks/local_engine.py --only typedpipe
    python benchmarks/local_engine.py --case chain       # one row (may be repeated)
    python benchmarks/local_engine.py --against DIR      # compare with another checkout, in this environment

Each measurement is a fresh process; the minimum of several runs is reported. Wall seconds are the time a user waits,
and grow with other load on the machine; CPU seconds do not. Prints Markdown tables.
"""

from __future__ import annotations

import argparse
import json
import os
import selectors
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from checkouts import Checkout, Pair

HERE = Path(__file__).parent
ENVIRONMENTS = Path(os.environ.get("TYPEDPIPE_BENCH", Path.home() / ".cache" / "typedpipe-bench"))
LIBRARIES = ("typedpipe", "kfp", "metaflow", "flyte")
GIB = 1 << 30


@dataclass(frozen=True)
class Measured:
    """One run: seconds, bytes, and MB of memory."""

    wall: float
    engine: float
    children: float
    read: int
    written: int
    rss: float

    @property
    def cpu(self) -> float:
        return self.engine + self.children


@contextmanager
def scratch() -> Iterator[Path]:
    """A directory for a run; TYPEDPIPE_BENCH_TMP selects its file system."""
    folder = Path(tempfile.mkdtemp(prefix="bench-", dir=os.environ.get("TYPEDPIPE_BENCH_TMP")))
    try:
        yield folder
    finally:
        for path, folders, _ in os.walk(folder):
            for name in folders:
                os.chmod(os.path.join(path, name), 0o755)  # stored directories are read-only
        shutil.rmtree(folder, ignore_errors=True)


def one(library: str, case: str, size: int, settings: Sequence[str] = ()) -> Measured:
    """Measure in a separate process."""
    binaries = ENVIRONMENTS / library / "bin"
    with scratch() as folder:
        command = [str(binaries / "python"), "-W", "ignore", str(HERE / "programs" / "run_measure.py")]
        command += [library, case, str(size), str(folder), *settings]
        # kfp starts its tasks with the `python3` of PATH
        path = {"PATH": f"{binaries}{os.pathsep}{os.environ['PATH']}"}
        done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **path})
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stderr[-4000:]}")
    return Measured(**json.loads(done.stdout.splitlines()[-1]))


def least(library: str, case: str, size: int, runs: int, settings: Sequence[str] = ()) -> Measured:
    """The run with the least wall time; slow ones are measured once."""
    found: list[Measured] = []
    while len(found) < runs:
        found.append(one(library, case, size, settings))
        if found[-1].wall > 20:
            break
    return min(found, key=lambda measured: measured.wall)


def each(library: str, case: str, size: int, runs: int, settings: Sequence[str] = (), *, cold: int = 2) -> Measured:
    """Cost of one further task in a warm run: the difference between two chains, divided by that of their lengths."""
    first, last = (least(library, case, n, runs, settings) for n in (cold, cold + size))

    def by(name: str) -> float:
        return max(0.0, (getattr(last, name) - getattr(first, name)) / size)

    return Measured(by("wall"), by("engine"), by("children"), int(by("read")), int(by("written")), last.rss)


# ---------------------------------------------------------------------------------------------- typedpipe's own rows


def first_line(runs: int) -> float:
    """Seconds to the first output line of `typedpipe run`, for a module that takes a second to import."""
    text = (
        "import time\ntime.sleep(1)\nfrom typedpipe import dsl\n\n@dsl.component\ndef f() -> int:\n    return 1\n\n"
        "@dsl.pipeline\ndef p() -> int:\n    return f().output\n"
    )
    found: list[float] = []
    for _ in range(runs):
        with scratch() as folder:
            (folder / "pipeline.py").write_text(text)
            command = [str(ENVIRONMENTS / "typedpipe" / "bin" / "python"), "-m", "typedpipe", "run", "pipeline.py"]
            found.append(to_first_line(command, folder))
    return min(found)


def to_first_line(command: Sequence[str], folder: Path) -> float:
    began = time.perf_counter()
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        with selectors.DefaultSelector() as selector:
            for stream in (process.stdout, process.stderr):
                assert stream is not None
                selector.register(stream, selectors.EVENT_READ)
            selector.select()
        seconds = time.perf_counter() - began
        process.communicate()
    if process.returncode:
        sys.exit(f"{' '.join(command)} failed")
    return seconds


@dataclass(frozen=True)
class Figure:
    """A measured number and its limit (None: no limit)."""

    what: str
    value: float
    unit: str
    most: float | None = None

    def __str__(self) -> str:
        missed = " **missed**" if self.most is not None and self.value > self.most else ""
        bound = "" if self.most is None else f" (≤ {self.most:g})"
        return f"{self.what} {self.value:.3g} {self.unit}{bound}{missed}"


def a_task(case: str, size: int, runs: int, wall: float | None, engine: float | None, *settings: str) -> list[Figure]:
    # Libraries are loaded in parallel with the first tasks, which load them themselves: those are not counted.
    found = each("typedpipe", case, size, runs, settings, cold=20 if case == "sklearn" else 2)
    return [
        Figure("wall", 1000 * found.wall, "ms", wall),
        Figure("engine", 1000 * found.engine, "ms of CPU", engine),
        Figure("tasks and what starts them", 1000 * found.children, "ms of CPU"),
    ]


def whole(case: str, size: int, runs: int, wall: float | None, engine: float | None, *settings: str) -> list[Figure]:
    found = least("typedpipe", case, size, runs, settings)
    return [
        Figure("wall", found.wall, "s", wall),
        Figure("engine", found.engine, "s of CPU", engine),
        Figure("tasks and what starts them", found.children, "s of CPU"),
    ]


def artifact(runs: int) -> list[Figure]:
    found = least("typedpipe", "artifact", GIB, runs)
    return [
        Figure("wall", found.wall, "s"),
        Figure("read", found.read / GIB, "GiB", 1.02),  # the one hash
        Figure("written", found.written / GIB, "GiB", 1.02),  # written by the task itself
        Figure("CPU", found.cpu, "s"),
    ]


def log(runs: int) -> list[Figure]:
    found = least("typedpipe", "log", GIB, runs)
    return [
        Figure("engine", found.engine, "s of CPU", 0.3),
        Figure("wall", found.wall, "s"),
        Figure("peak memory of the engine", found.rss, "MB"),
    ]


OURS: dict[str, tuple[str, Callable[[int], list[Figure]]]] = {
    "task": ("empty task, `process`", lambda runs: a_task("chain", 300, runs, 5, 1)),
    "sklearn": ("task that imports scikit-learn, `process`", lambda runs: a_task("sklearn", 200, runs, 20, None)),
    "inprocess": (
        "empty task, `inprocess`",
        lambda runs: a_task("chain", 1000, runs, 0.1, None, "runner=inprocess"),
    ),
    "kept": (
        "empty task, `inprocess`, its result kept in the cache",
        lambda runs: a_task("chain", 1000, runs, None, None, "runner=inprocess", "cache=yes"),
    ),
    "sleepers": ("8 tasks that sleep 1 s", lambda runs: whole("sleepers", 8, runs, 1.1, None)),
    "chain": ("chain of 1,000", lambda runs: whole("chain", 1000, runs, 5, None)),
    "loop": ("loop of 2,000 items", lambda runs: whole("loop", 2000, runs, 8, None)),
    "cached": ("chain of 1,000 again, all cached", lambda runs: whole("cached", 1000, runs, 0.4, None)),
    "first": (
        "`typedpipe run`: first output line",
        lambda runs: [Figure("wall", first_line(runs), "s", 0.3)],
    ),
    "artifact": ("1 GiB artifact made and handed on", artifact),
    "log": ("1 GiB of log, listened to", log),
}


def our_table(cases: Sequence[str], runs: int) -> None:
    print("| typedpipe | measured (at most) |\n|---|---|")
    for key, (title, measure) in OURS.items():
        if key in cases:
            print(f"| {title} | {', '.join(map(str, measure(runs)))} |", flush=True)


# ---------------------------------------------------------------------------------------------------- comparison

SIZES = {"typedpipe": 300, "kfp": 20, "metaflow": 10, "flyte": 300}
"""A feasible chain length per library."""
CACHED = {"typedpipe": 1000, "kfp": 100, "metaflow": 20, "flyte": 1000}


def peer_rows(library: str, runs: int, cases: Sequence[str]) -> dict[str, float]:
    """Wall and CPU time in ms per task; seconds for eight sleeping tasks; ms per task of a fully cached run."""
    found: dict[str, float] = {}
    if "task" in cases:
        task = each(library, "chain", SIZES[library], runs)
        found |= {"wall": 1000 * task.wall, "cpu": 1000 * task.cpu}
    if "sleepers" in cases:
        found["sleepers"] = least(library, "sleepers", 8, runs).wall
    if "cached" in cases:
        size = CACHED[library]
        found["cached"] = 1000 * least(library, "cached", size, runs).wall / size
    return found


PEER_TITLES = {
    "wall": "empty task in a chain: wall, ms",
    "cpu": "empty task in a chain: CPU of everything, ms",
    "sleepers": "8 tasks that sleep 1 s: wall, s",
    "cached": "run again, all cached: wall, ms a task",
}


def peer_table(libraries: Sequence[str], cases: Sequence[str], runs: int) -> None:
    rows = {library: peer_rows(library, runs, cases) for library in libraries}
    if "typedpipe" in libraries and "inprocess" in cases:
        inside = each("typedpipe", "chain", 1000, runs, ["runner=inprocess"])
        rows["typedpipe, inprocess"] = {"wall": 1000 * inside.wall, "cpu": 1000 * inside.cpu}
    ours = rows.get("typedpipe", {})
    print(f"\n| | {' | '.join(rows)} |\n|---|{'--:|' * len(rows)}")
    for key, title in PEER_TITLES.items():
        cells = [cell(rows[name].get(key), ours.get(key) if name != "typedpipe" else None) for name in rows]
        if any(cell != "–" for cell in cells):
            print(f"| {title} | {' | '.join(cells)} |", flush=True)


def cell(value: float | None, ours: float | None) -> str:
    """A number, and its ratio to typedpipe's."""
    if value is None:
        return "–"
    return f"{value:.3g}" + (f" ({value / ours:.2g}×)" if ours else "")


# ----------------------------------------------------------------------------------------- beside another checkout

AGAINST: dict[str, tuple[str, str, int, tuple[str, ...]]] = {
    "task": ("chain of 300, `process`", "chain", 300, ()),
    "loop": ("loop of 300 items, `process`", "loop", 300, ()),
    "inprocess": ("chain of 1,000, `inprocess`", "chain", 1000, ("runner=inprocess",)),
    "kept": ("chain of 1,000, `inprocess`, kept in the cache", "chain", 1000, ("runner=inprocess", "cache=yes")),
    "cached": ("chain of 1,000 again, all cached", "cached", 1000, ()),
}


def against(pair: Pair, cases: Sequence[str], runs: int) -> None:
    """Print the engine's CPU time, and the total, for a run in two checkouts."""

    def running(case: str, size: int, settings: Sequence[str], *parts: str) -> Callable[[Checkout], float]:
        def measured(checkout: Checkout) -> float:
            with scratch() as folder:
                found = checkout.measure("run_measure.py", "typedpipe", case, str(size), str(folder), *settings)
            return 1000 * sum(found[part] for part in parts)

        return measured

    pair.head("CPU milliseconds, least of the runs")
    for key, (title, case, size, settings) in AGAINST.items():
        if key in cases:
            pair.row(f"{title}: engine", running(case, size, settings, "engine"), runs)
            if "runner=inprocess" not in settings and case != "cached":
                pair.row(f"{title}: everything", running(case, size, settings, "engine", "children"), runs)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=LIBRARIES, action="append", help="measure this one only (may be repeated)")
    parser.add_argument("--case", choices=list(OURS), action="append", help="this row only (may be repeated)")
    parser.add_argument("--runs", type=int, default=3, help="runs of each measurement (3)")
    parser.add_argument("--against", type=Path, metavar="DIR", help="measure another checkout beside this one")
    options = parser.parse_args()
    if options.against:
        against(Pair.of(options.against), options.case or list(AGAINST), options.runs)
        return
    libraries = options.only or list(LIBRARIES)
    cases = options.case or list(OURS)
    missing = [name for name in libraries if not (ENVIRONMENTS / name / "bin" / "python").exists()]
    if missing:
        sys.exit(f"no environment for {', '.join(missing)} in {ENVIRONMENTS}: run benchmarks/setup")
    if "typedpipe" in libraries:
        our_table(cases, options.runs)
    if libraries != ["typedpipe"]:
        peer_table(libraries, cases, options.runs)


if __name__ == "__main__":
    main()
