"""Time from a traced pipeline to its YAML file, compared with kfp and Hera, each in its own virtual environment.

    benchmarks/setup                                  # once: creates the environments
    python benchmarks/compile_time.py                 # all three; kfp's big shapes take minutes
    python benchmarks/compile_time.py --only typedpipe
    python benchmarks/compile_time.py --profile nested
    python benchmarks/compile_time.py --against DIR   # compare with another checkout, in this environment
    python benchmarks/compile_time.py --against DIR --instructions

CPU seconds of a fresh process from the first traced call to the written file, without imports: minimum and median of
several runs. Prints a Markdown table.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from checkouts import Checkout, Pair, can_count

HERE = Path(__file__).parent
ENVIRONMENTS = Path(os.environ.get("TYPEDPIPE_BENCH", Path.home() / ".cache" / "typedpipe-bench"))
LIBRARIES = ("typedpipe", "kfp", "hera")
SLOW = 20.0
"""Seconds after which one run of a shape is enough."""


@dataclass(frozen=True)
class Shape:
    """A pipeline of a given size, and typedpipe's time limit for it."""

    title: str
    kind: str
    tasks: int
    seconds: float


SHAPES = (
    Shape("chain of 1,000", "chain", 1000, 0.05),
    Shape("ten-wide layers of 1,000 with an artifact", "layers", 1000, 0.08),
    Shape("nested loops and branches, 1,000", "nested", 1000, 0.08),
    Shape("ten-wide layers of 5,000 with an artifact", "layers", 5000, 0.45),
)
SIZES = (250, 500, 1000, 2000, 4000)
LARGEST_NESTED = 2000
"""More would create a workflow that exceeds Kubernetes' size limit, which is an error."""
EXPONENT, IMPORT_MS, CHAIN_KB, NESTED_MB = 1.1, 60.0, 150.0, 100.0


@dataclass
class Measured:
    """All runs of a shape in a library."""

    cpu: list[float] = field(default_factory=list)
    rss: float = 0.0
    size: int = 0

    def __str__(self) -> str:
        return f"{min(self.cpu):.3f} ({statistics.median(self.cpu):.3f})" if self.cpu else "–"


def one(library: str, *arguments: str) -> dict[str, float]:
    """Measure in a separate process."""
    python = ENVIRONMENTS / library / "bin" / "python"
    command = [str(python), "-W", "ignore", str(HERE / "programs" / "measure.py"), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stderr}")
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def measure(library: str, kind: str, tasks: int, runs: int) -> Measured:
    """Measure several runs, or one if they are slow."""
    measured = Measured()
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(runs):
            found = one(library, library, kind, str(tasks), str(Path(folder) / "out.yaml"))
            measured.cpu.append(found["cpu"])
            measured.rss = max(measured.rss, found["rss"])
            measured.size = int(found["bytes"])
            if found["cpu"] > SLOW:
                break
    return measured


def growth(sizes: Sequence[int], seconds: Sequence[float]) -> float:
    """Exponent of growth: the slope of the regression line of the logarithms.

    >>> round(growth([1, 2, 4], [3.0, 12.0, 48.0]), 3)
    2.0
    """
    x, y = [math.log(size) for size in sizes], [math.log(second) for second in seconds]
    return statistics.linear_regression(x, y).slope


def ratio(other: Measured, ours: Measured) -> str:
    return f"{min(other.cpu) / min(ours.cpu):.0f}×" if other.cpu else "–"


def times_table(libraries: Sequence[str], runs: int) -> dict[tuple[str, int, str], Measured]:
    """Print the times of each shape; return the measurements by kind, size and library."""
    print(
        "| CPU seconds, trace to file: least (median) | typedpipe | at most | kfp | Hera | kfp ÷ ours | Hera ÷ ours |"
    )
    print("|---|--:|--:|--:|--:|--:|--:|")
    found: dict[tuple[str, int, str], Measured] = {}
    for shape in SHAPES:
        row = {name: Measured() for name in LIBRARIES}
        for name in libraries:
            row[name] = measure(name, shape.kind, shape.tasks, runs)
            found[shape.kind, shape.tasks, name] = row[name]
        ours, kfp, hera = (row[name] for name in LIBRARIES)
        met = "" if not ours.cpu or min(ours.cpu) <= shape.seconds else " **missed**"
        print(
            f"| {shape.title} | {ours}{met} | {shape.seconds} | {kfp} | {hera} | "
            f"{ratio(kfp, ours) if ours.cpu else '–'} | {ratio(hera, ours) if ours.cpu else '–'} |",
            flush=True,
        )
    return found


def sizes_table(found: dict[tuple[str, int, str], Measured], libraries: Sequence[str], runs: int) -> None:
    """Print memory, sizes, growth and import time."""
    print("\n| | typedpipe | at most | kfp | Hera |\n|---|--:|--:|--:|--:|")

    def row(title: str, values: dict[str, float], most: float, digits: int) -> None:
        cells = {name: f"{values[name]:.{digits}f}" if name in values else "–" for name in LIBRARIES}
        met = " **missed**" if values.get("typedpipe", 0.0) > most else ""
        print(f"| {title} | {cells['typedpipe']}{met} | {most:g} | {cells['kfp']} | {cells['hera']} |", flush=True)

    row("nested 1,000: peak memory, MB", {name: found["nested", 1000, name].rss for name in libraries}, NESTED_MB, 0)
    row("chain of 1,000: file, KiB", {name: found["chain", 1000, name].size / 1024 for name in libraries}, CHAIN_KB, 0)
    if "typedpipe" in libraries:
        for kind in ("chain", "layers", "nested"):
            sizes = [size for size in SIZES if kind != "nested" or size <= LARGEST_NESTED]
            cpu = [min(measure("typedpipe", kind, size, runs).cpu) for size in sizes]
            title = f"growth of {kind}, {sizes[0]} to {sizes[-1]:,} tasks: exponent"
            row(title, {"typedpipe": growth(sizes, cpu)}, EXPONENT, 2)
    modules = {"typedpipe": "typedpipe.dsl", "kfp": "kfp.dsl", "hera": "hera.workflows"}
    took = {
        name: 1000 * min(one(name, "import", modules[name])["cpu"] for _ in range(max(3, runs))) for name in libraries
    }
    row("import of the authoring module, CPU ms", took, IMPORT_MS, 0)


def profile(kind: str, tasks: int, top: int) -> None:
    """Print a profile of typedpipe's time: by module, and the most expensive functions."""
    program = (
        "import cProfile, pstats, sys, collections, os, time\n"
        "sys.path.insert(0, sys.argv[1])\n"
        "import with_typedpipe\n"
        "build = with_typedpipe.prepare(sys.argv[2], int(sys.argv[3]), os.devnull)\n"
        "p = cProfile.Profile(time.process_time); p.runcall(build)\n"  # wall-clock time would include other processes
        "stats = pstats.Stats(p).stats\n"
        "by = collections.Counter()\n"
        "for (file, line, name), (cc, nc, tt, ct, callers) in stats.items():\n"
        "    by[file.partition('/typedpipe/')[2] or os.path.basename(file)] += tt\n"
        "total = sum(by.values())\n"
        "print(f'{total:.3f} s under the profiler')\n"
        "for file, seconds in by.most_common(int(sys.argv[4])): print(f'{100 * seconds / total:5.1f} %  {file}')\n"
        "pstats.Stats(p).sort_stats('tottime').print_stats(int(sys.argv[4]))\n"
    )
    python = ENVIRONMENTS / "typedpipe" / "bin" / "python"
    subprocess.run([python, "-c", program, str(HERE / "programs"), kind, str(tasks), str(top)], check=True)


AGAINST = (*((shape.title, shape.kind, shape.tasks) for shape in SHAPES[:3]), ("chain of 10", "chain", 10))
IMPORTS = ("typedpipe", "typedpipe.dsl", "typedpipe.compiler.driver", "typedpipe.local", "typedpipe.cli.app")


def against(pair: Pair, runs: int) -> None:
    """Print CPU milliseconds of tracing and compiling, and of imports, for two checkouts."""

    def compiling(kind: str, tasks: int) -> Callable[[Checkout], float]:
        def measured(checkout: Checkout) -> float:
            with tempfile.TemporaryDirectory() as folder:
                arguments = ("typedpipe", kind, str(tasks), str(Path(folder) / "out.yaml"))
                return 1000 * checkout.measure("measure.py", *arguments)["cpu"]

        return measured

    def importing(module: str) -> Callable[[Checkout], float]:
        return lambda checkout: 1000 * checkout.measure("measure.py", "import", module)["cpu"]

    pair.head("CPU milliseconds, least of the runs")
    for title, kind, tasks in AGAINST:
        pair.row(title, compiling(kind, tasks), runs)
    for module in IMPORTS:
        pair.row(f"import {module}", importing(module), runs)


def instructions(pair: Pair) -> None:
    """Print millions of instructions: of each shape, minus those of the same program with ten tasks; and of imports."""

    def compiling(kind: str, tasks: int) -> Callable[[Checkout], float]:
        def counted(checkout: Checkout) -> float:
            with tempfile.TemporaryDirectory() as folder:
                path = str(Path(folder) / "out.yaml")
                most, least = (
                    checkout.instructions("measure.py", "typedpipe", kind, str(n), path) for n in (tasks, 10)
                )
                return (most - least) / 1e6

        return counted

    def importing(module: str) -> Callable[[Checkout], float]:
        return lambda checkout: checkout.instructions("measure.py", "import", module) / 1e6

    if not can_count():
        sys.exit("valgrind, which counts instructions, is not installed")
    pair.head("millions of instructions")
    for title, kind, tasks in AGAINST[:3]:
        pair.row(title, compiling(kind, tasks), 1)
    for module in IMPORTS:
        pair.row(f"process that imports {module}", importing(module), 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=LIBRARIES, action="append", help="measure this one only (may be repeated)")
    parser.add_argument("--runs", type=int, default=5, help="runs of each shape (5)")
    parser.add_argument("--profile", choices=("chain", "layers", "nested"), help="profile typedpipe instead")
    parser.add_argument("--tasks", type=int, default=1000, help="tasks to profile (1000)")
    parser.add_argument("--top", type=int, default=15, help="lines of the profile (15)")
    parser.add_argument("--against", type=Path, metavar="DIR", help="measure another checkout beside this one")
    parser.add_argument("--instructions", action="store_true", help="with --against: instructions, by valgrind")
    options = parser.parse_args()
    if options.against:
        pair = Pair.of(options.against)
        instructions(pair) if options.instructions else against(pair, options.runs)
        return
    if options.profile:
        profile(options.profile, options.tasks, options.top)
        return
    libraries = options.only or list(LIBRARIES)
    missing = [name for name in libraries if not (ENVIRONMENTS / name / "bin" / "python").exists()]
    if missing:
        sys.exit(f"no environment for {', '.join(missing)} in {ENVIRONMENTS}: run benchmarks/setup")
    found = times_table(libraries, options.runs)
    sizes_table(found, libraries, options.runs)


if __name__ == "__main__":
    main()
