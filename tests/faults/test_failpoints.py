"""The engine is killed at each failpoint; then the run is resumed.

Each task adds a line to a file before it ends well, so that one that is run twice is seen. What counts: a task that was
recorded as SUCCEEDED is never run again, nor is one whose process came to its end; nothing is lost or half-written, and
no process survives. The cache is off: what is not run again is what ``resume`` found.
"""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.faults.living import start, typedpipe, until, write
from typedpipe.local import failpoints
from typedpipe.local.store.index import tasks
from typedpipe.local.store.root import open_root

WORK = """
import os

@dsl.component
def make(place: str, name: str) -> Dataset:
    data = Dataset()
    with open(data.path, "w") as file:
        file.write(name * 1000)
    with open(place + "/counter", "a") as file:
        file.write(f"make-{name}\\n")
    return data

@dsl.component
def measure(place: str, data: Input[Dataset], name: str) -> int:
    with open(data.path) as file:
        text = file.read()
    assert text == name * 1000, text[:20]
    with open(place + "/counter", "a") as file:
        file.write(f"measure-{name}\\n")
    return len(text)

@dsl.component
def total(place: str, sizes: list[int]) -> int:
    with open(place + "/counter", "a") as file:
        file.write("total\\n")
    return sum(sizes)

@dsl.pipeline
def p(place: str) -> int:
    with dsl.ParallelFor(["a", "b", "c"]) as name:
        size = measure(place=place, data=make(place=place, name=name).output, name=name).output
    return total(place=place, sizes=dsl.Collected(size)).output
"""
NAMES = re.findall(r"^``([a-z-]+)``", failpoints.__doc__ or "", re.MULTILINE)
ONLY_SOMETIMES = {"object-copied"}
"""Reached only where the folder of runs is on another file system than the task's folder, which it never is here."""
EVERYDAY = {"object-placed": 2, "rows-written": 5, "rows-committed": 5, "attempt-ended": 2, "outputs-published": 5}
"""The cases that tell most: so many times the place is passed before."""
EACH = Counter({"total": 1, **{f"{what}-{name}": 1 for what in ("make", "measure") for name in "abc"}})


def cases() -> list[Any]:
    """All places, at the first, second and fifth time; all but some are for CI."""
    found: list[Any] = []
    for name in NAMES:
        if name not in ONLY_SOMETIMES:
            for times in (1, 2, 5):
                marks = () if EVERYDAY.get(name) == times else (pytest.mark.heavy,)
                found.append(pytest.param(name, times, marks=marks))
    return found


def counted(folder: Path) -> Counter[str]:
    path = folder / "counter"
    return Counter(path.read_text().split()) if path.exists() else Counter()


def short(path: str) -> str:
    """The text that a task writes into the counter, from its path in the run."""
    item = re.search(r"\[(\d)\]/(make|measure)", path)
    return f"{item[2]}-{'abc'[int(item[1])]}" if item else "total"


def succeeded(folder: Path) -> set[str]:
    """The tasks that the index has as SUCCEEDED."""
    root = open_root(folder / ".typedpipe")
    found = [task for run in root.runs() for task in tasks(root.run(run.name)) if task.state == "SUCCEEDED"]
    root.close()
    return {short(task.name) for task in found}


def finished(folder: Path) -> set[str]:
    """The tasks whose process came to its end, whatever the index knows of that."""
    return {short(str(path)) for path in folder.glob(".typedpipe/runs/*/tasks/**/result.json")}


def objects(folder: Path) -> dict[str, bytes]:
    top = folder / ".typedpipe" / "objects"
    return {str(path.relative_to(top)): path.read_bytes() for path in top.rglob("*") if path.is_file()}


@pytest.mark.parametrize(("name", "times"), cases())
def test_killed_there_and_resumed(name: str, times: int, tmp_path: Path) -> None:
    write(tmp_path, WORK)
    place = ("--place", str(tmp_path))
    killed = typedpipe(tmp_path, "run", "pipeline.py", *place, "--no-cache", TYPEDPIPE_FAILPOINT=f"{name}:{times}")
    if killed.returncode == 0:
        assert times > 1 and EVERYDAY.get(name) != times, f"the failpoint {name} was not reached"
        assert counted(tmp_path) == EACH
        return
    assert killed.returncode == -9, killed.stderr
    done = succeeded(tmp_path) | finished(tmp_path)
    stored = objects(tmp_path)
    assert succeeded(tmp_path) <= finished(tmp_path), "recorded, and not done"
    known = [path for path in (tmp_path / ".typedpipe" / "runs").iterdir() if not path.name.startswith(".")]
    verb = ("resume",) if known else ("run", "pipeline.py", *place)
    resumed = typedpipe(tmp_path, *verb, "--no-cache", "-o", "json")
    assert resumed.returncode == 0, resumed.stderr
    assert [*json.loads(resumed.stdout.splitlines()[-1])["outputs"].values()] == [3000]
    after = counted(tmp_path)
    assert after.keys() == EACH.keys()
    assert {task for task, count in after.items() if count > 1} & done == set(), "what was recorded ran again"
    assert max(after.values()) <= 2
    kept = objects(tmp_path)
    assert all(kept[path] == content for path, content in stored.items() if content in kept.values())
    assert sorted(set(kept.values())) == [letter.encode() * 1000 for letter in "abc"]
    collected = typedpipe(tmp_path, "runs", "gc")  # what lies about is in nobody's way, and goes when it is asked to
    assert collected.returncode == 0, collected.stderr
    assert not [path for path in (tmp_path / ".typedpipe").rglob("*") if path.name.startswith(".new")]
    assert objects(tmp_path) == kept


@pytest.mark.heavy
def test_killed_at_any_time_again_and_again(tmp_path: Path) -> None:
    """Not at a named place, but after so many hundredths of a second, each time a little later."""
    write(tmp_path, WORK)
    process = start(tmp_path, "run", "pipeline.py", "--no-cache", "--place", str(tmp_path))
    runs = tmp_path / ".typedpipe" / "runs"
    for wait in (0.02, 0.05, 0.1, 0.15, 0.2):
        assert until(lambda: runs.exists() and any(not path.name.startswith(".") for path in runs.iterdir()))
        until(lambda process=process: process.poll() is not None, wait)  # type: ignore[misc]  # bound at once
        process.kill()
        process.communicate()
        done = succeeded(tmp_path)
        assert all(counted(tmp_path)[task] >= 1 for task in done)
        process = start(tmp_path, "resume", "--no-cache")
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 0 or "nothing to resume" in errors, errors
    assert succeeded(tmp_path) == set(EACH)
    assert counted(tmp_path).keys() == EACH.keys()
    assert os.listdir(runs)
