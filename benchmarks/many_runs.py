"""Commands on a store with many runs: time of `runs ls`, `explain-cache` and `runs gc --dry-run`.

    python benchmarks/many_runs.py                       # 20,000 runs; the first call creates the store, in a minute or two
    python benchmarks/many_runs.py --runs 2000
    python benchmarks/many_runs.py --against DIR         # compare with another checkout, in this environment

Each measurement is a fresh process. The first one after the index of runs was deleted is shown apart: it reads each run.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent
TASKS = 5
COMMANDS: dict[str, tuple[Sequence[str], float]] = {
    "`runs ls`": (("runs", "ls"), 1),
    "`runs ls -n 20`": (("runs", "ls", "-n", "20"), 1),
    "`runs ls --metrics --params`": (("runs", "ls", "--metrics", "--params"), 2),
    "`runs show last`": (("runs", "show", "last"), 1),
    "`explain-cache last/task-3`": (("explain-cache", "last/task-3"), 1),
    "… of a task that no other run has": (("explain-cache", "last/new"), 1),
    "`runs gc --dry-run`": (("runs", "gc", "--dry-run"), 3),
}
"""Arguments, and the most seconds that they should take."""
NEW = ("`runs ls --metrics --params`",)
"""Commands that an earlier checkout does not have."""


def fill(place: Path, count: int) -> None:
    """Create a store with runs of five tasks each, without an engine."""
    from typedpipe.ir.nodes import Component, ContainerImpl, Graph, InputPort, OutputPort, Pipeline, Task
    from typedpipe.local.store.root import open_root
    from typedpipe.runs.model import ArtifactRef
    from typedpipe.types.model import INT

    work = Component("work", (InputPort("x", INT),), (OutputPort("out", INT, "path"),), ContainerImpl(), "busybox")
    names = [f"task-{number}" for number in range(TASKS)]
    pipeline = Pipeline(
        "many", Graph(nodes=tuple(Task(name, "work") for name in [*names, "new"])), {"work": work}, closed=True
    )
    root = open_root(place, create=True)
    for number in range(count):
        run = root.new_run(f"run-{number:06}", pipeline, {"lr": str(number / count)}, {"jobs": 2})
        for name in names if number < count - 1 else [*names, "new"]:
            metrics = ArtifactRef(None, {"type": "system.Metrics", "metadata": {"loss": number / count}, "uri": "x"})
            key = f"{number * TASKS:064x}"
            run.index.attempt_started(name, "work", 1, f"tasks/{name}/1", 1.0)
            run.index.attempt_ended(name, 1, "SUCCEEDED", 0, "", 2.0)
            run.index.finished(
                name, "work", "SUCCEEDED", attempts=1, started=1.0, finished=2.0, inputs={"x": str(number)},
                outputs={"out": "1", "metrics": metrics}, key=key, key_parts={"parameters": {"x": str(number)}},
            )  # fmt: skip
            root.cache.put(key, {"out": "1"}, run.name, name, "work")
        run.index.run_finished("SUCCEEDED", "", {"out": "1"}, 3.0)
        run.index.commit()
        run.close()
        if number % 1000 == 0:
            root.cache.commit()
            print(f"{number:,} runs", file=sys.stderr)
    root.cache.commit()
    root.close()


def seconds(checkout: Path, place: Path, arguments: Sequence[str]) -> tuple[float, float]:
    """CPU and wall time of a command."""
    command = [sys.executable, "-m", "typedpipe", *arguments, "--folder", str(place)]
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    with open(os.devnull, "w") as nowhere:
        done = subprocess.run(
            command,
            stdout=nowhere,
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(checkout)},
            check=False,
        )
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stderr.decode()[-2000:]}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return cpu, time.perf_counter() - began


def least(checkout: Path, place: Path, arguments: Sequence[str], repeat: int) -> str:
    found = [seconds(checkout, place, arguments) for _ in range(repeat)]
    return "; ".join(f"{min(each):.2f}" for each in zip(*found, strict=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=20_000)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--store", type=Path, help="keep the store here, and use it if it exists")
    parser.add_argument("--against", type=Path, metavar="DIR")
    given = parser.parse_args()
    place = given.store or Path(tempfile.mkdtemp(prefix="typedpipe-runs-"))
    try:
        if not (place / "runs" / f"run-{given.runs - 1:06}").exists():
            sys.path.insert(0, str(HERE))
            fill(place, given.runs)
        table(place, given.runs, given.repeat, given.against)
    finally:
        if given.store is None:
            shutil.rmtree(place, ignore_errors=True)


def table(place: Path, runs: int, repeat: int, against: Path | None) -> None:
    before = ["before"] if against is not None else []
    print(f"| {runs:,} runs: CPU; wall seconds | {' | '.join([*before, 'now', 'wanted at most'])} |")
    print(f"|---|{'--:|' * (len(before) + 2)}")
    for title, arguments in (("`runs ls`", ("runs", "ls")), ("`runs gc --dry-run`", ("runs", "gc", "--dry-run"))):
        for end in ("", "-wal", "-shm"):
            (place / f"runs.sqlite{end}").unlink(missing_ok=True)
        print(
            f"| first {title}, without the index {'| ' if before else ''}| {least(HERE, place, arguments, 1)} | |",
            flush=True,
        )
    for title, (arguments, most) in COMMANDS.items():
        cells = [least(HERE, place, arguments, repeat), f"{most:g}"]
        if against is not None:
            cells.insert(0, "" if title in NEW else least(against, place, arguments, 1))
        print(f"| {title} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
