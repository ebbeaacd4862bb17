"""Queries on a store written by an earlier typedpipe, as command lines, and the relevant parts of the answers.

Prose is removed from answers: only data is compared. Directories in them are replaced: ``{here}`` is the working
directory, ``{recorded}`` the one of the recording.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from typedpipe.cli import main

STORE = ".typedpipe"
MOOD = "COMPATIBILITY_MIDDLE"
"""Tells the task ``middle`` of ``pipelines/stops.py`` to fail or to wait."""


@dataclass(frozen=True)
class Act:
    """Commands that change a copy of a store, the last of which names the run that is looked at afterwards."""

    commands: Sequence[Sequence[str]]
    run: str
    needs: str = ""
    """The run whose records are enough for it; all of them if not given."""
    lost: Sequence[str] = ()
    """Files that are removed first."""

    def parts(self) -> tuple[str, ...]:
        """Required parts of the store, as :func:`tests.compatibility.archive.unpack` accepts them."""
        kept = (".gitignore", "format.json", "cache.sqlite", "objects/")
        return tuple(f"{STORE}/{part}" for part in (*kept, f"runs/{self.needs}/")) if self.needs else ()


def _new(file: str, first: str) -> Act:
    return Act([["run", file, "--run-name", "again", "--display", "quiet", "-j", "4"]], "again", first)


def _resume(run: str, *options: str) -> Act:
    return Act([["resume", run, *options, "--display", "quiet", "-j", "4"]], run, run)


def _repair(run: str) -> Act:
    return Act([["runs", "repair", run]], run, run, [f"{STORE}/runs/{run}/run.sqlite"])


def _spin(run: str, task: str) -> Act:
    return Act([["spin", f"{run}/{task}", "-o", "json"]], run, run)


ACTS: Mapping[str, Act] = {
    "hits": _new("examples/hello.py", "hello"),
    "hits of artifacts": _new("pipelines/artifacts.py", "artifacts"),
    "hits of containers": _new("pipelines/containers.py", "containers"),
    "hits of types": _new("pipelines/parameters.py", "parameters"),
    "resume failed": _resume("failed"),
    "resume canceled": _resume("canceled"),
    "resume interrupted": _resume("interrupted"),
    "resume timed-out": _resume("timed-out"),
    "resume with new code": _resume("failed", "--code", "new", "pipelines/stops.py"),
    "resume from": _resume("resumed", "--from", "middle"),
    "spin": _spin("failed", "middle"),
    "spin with artifacts": _spin("artifacts", "judged"),
    "repair": _repair("artifacts"),
    "repair failed": _repair("failed"),
    "repair interrupted": _repair("interrupted"),
    "gc": Act([["runs", "gc", "--keep", "3"], ["runs", "ls", "-o", "json"]], "last"),
    "rm": Act([["runs", "rm", "-y", "hello"], ["runs", "gc"]], "hello-cached"),
}
EXPLAINED = (
    "hello-cached/count",
    "hello-other/count",
    "hello-other/for[0]/greet",
    "artifacts/judged",
    "containers/write",
)
NEWS = frozenset({"tags", "note", "metrics", "item"})
"""Keys of JSON data that did not exist when the recordings were made."""
_NUMBER = re.compile(r"\d+")
_OLD_PLACE = re.compile(r'"uri": "\{recorded\}[^"]*"')
"""Of an artifact that was an object before the store was moved: ``path`` says where it is."""


def questions(runs: Sequence[str]) -> Iterator[list[str]]:
    """The commands that only read."""
    yield ["runs", "ls", "-o", "json"]
    for run in sorted(runs):
        yield ["runs", "show", run, "-o", "json"]
        yield ["artifacts", "ls", run, "-o", "json"]
        yield ["logs", run]
        yield ["ir", "show", f"{STORE}/runs/{run}/pipeline.ir"]
    yield ["logs", "retries/flaky", "--attempt", "1"]
    yield ["runs", "diff", "hello", "hello-other", "-o", "json"]
    yield ["runs", "diff", "failed", "resumed", "-o", "json"]
    yield ["runs", "gc", "--dry-run"]
    yield ["runs", "gc", "--keep", "3", "--dry-run"]
    yield ["artifacts", "cat", "artifacts/returned.forest"]
    for task in EXPLAINED:
        yield ["explain-cache", task, "-o", "json"]


@dataclass(frozen=True)
class Answer:
    """Result of a command."""

    code: int
    out: str
    errors: str


def ask(*arguments: str) -> Answer:
    """A command in this process, in the working directory."""
    out, errors = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
    code = 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(errors):
        try:
            main(arguments)
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 1
    return Answer(code, *(_text(stream.buffer) for stream in (out, errors)))


def ask_elsewhere(commands: Sequence[Sequence[str]], folder: Path) -> list[Answer]:
    """Commands, one after the other, in one new process: what they load is loaded for the first time there."""
    program = (
        "import json, sys; from tests.compatibility.commands import ask; "
        "print(json.dumps([vars(ask(*each)) for each in json.load(sys.stdin)]))"
    )
    root = str(Path(__file__).parents[2])
    found = subprocess.run(
        [sys.executable, "-c", program],
        input=json.dumps([list(each) for each in commands]),
        cwd=folder,
        env=environment() | {"PYTHONPATH": root, "PYTHONIOENCODING": "utf-8"},
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        check=True,
        timeout=120,
    )
    return [Answer(**each) for each in json.loads(found.stdout)]


def _text(stream: Any) -> str:
    content: bytes = stream.getvalue()
    return content.decode("utf-8", "backslashreplace")


def do(*arguments: str, folder: Path, mood: str = "") -> Answer:
    """A command in a process of its own."""
    found = subprocess.run(
        [sys.executable, "-m", "typedpipe", *arguments],
        cwd=folder,
        env=environment(mood),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        timeout=120,
    )
    texts = (stream.decode("utf-8", "backslashreplace") for stream in (found.stdout, found.stderr))
    return Answer(found.returncode, *texts)


def environment(mood: str = "") -> dict[str, str]:
    """The variables of a command: containers run without their images, and nothing is said of where runs are kept."""
    kept = {name: value for name, value in os.environ.items() if name not in {"TYPEDPIPE_HOME", MOOD}}
    more = {"TYPEDPIPE_CONTAINERS": "host", "NO_COLOR": "1"}
    return kept | more | ({MOOD: mood} if mood else {})


def data_of(arguments: Sequence[str], answer: Answer, places: Mapping[str, str]) -> dict[str, Any]:
    """Of an answer, what a later typedpipe has to answer, too."""
    out = _placed(answer.out, places)
    found: Any = json.loads(out) if "json" in arguments and out else out.splitlines()
    if arguments[0] == "ir":
        found = f"sha256:{sha256(out.encode()).hexdigest()}"
    if arguments[0] == "explain-cache":
        found = {key: value for key, value in found.items() if key not in {"text", "changes", "not_tracked"}} | {
            "changes": [change["part"] for change in found["changes"]]
        }
    data = {"arguments": list(arguments), "code": answer.code, "out": _without_news(found)}
    if arguments[:2] == ["runs", "gc"]:
        data["counts"] = _NUMBER.findall(answer.errors)[:4]
    return data


def _without_news(data: Any) -> Any:
    """JSON data without what later versions add to it, and differences of runs in no particular order."""
    if isinstance(data, list):
        return [_without_news(item) for item in data]
    if not isinstance(data, dict):
        return data
    found = {key: _without_news(value) for key, value in data.items() if key not in NEWS}
    if "differences" in found:
        known = [item for item in found["differences"] if item["what"] != "code"]
        found["differences"] = sorted(known, key=lambda item: (item["what"], item["name"]))
    return found


def comparable(want: Mapping[str, Any]) -> dict[str, Any]:
    """A recorded answer in the form of :func:`data_of`."""
    return {**want, "out": _without_news(want["out"])}


def _placed(text: str, places: Mapping[str, str]) -> str:
    for place, name in places.items():
        text = text.replace(place, name)
    return text


def act(name: str, folder: Path, places: Mapping[str, str]) -> dict[str, Any]:
    """Do it to the store in a folder; what came of it, without times."""
    for lost in ACTS[name].lost:
        for end in ("", "-wal", "-shm"):
            (folder / f"{lost}{end}").unlink(missing_ok=True)
    done = [_done(command, folder) for command in ACTS[name].commands]
    shown = _done(["runs", "show", ACTS[name].run, "-o", "json"], folder)
    run = json.loads(_moved(shown.out, places))
    return {
        "codes": [answer.code for answer in done],
        "out": [_timeless(_moved(answer.out, places)) for answer in done],
        "run": {key: run[key] for key in ("run", "state", "arguments", "outputs")},
        "tasks": {task["name"]: _end(task) for task in run["tasks"]},
    }


def _done(command: Sequence[str], folder: Path) -> Answer:
    """In a process of its own what starts tasks; the rest is done sooner here."""
    if command[0] != "runs":
        return do(*command, folder=folder)
    with contextlib.chdir(folder):
        return ask(*command)


def _moved(text: str, places: Mapping[str, str]) -> str:
    return _OLD_PLACE.sub('"uri": ""', _placed(text, places))


def _timeless(text: str) -> Any:
    """Data that a command printed; texts are for people."""
    try:
        data: Any = json.loads(text)
    except ValueError:
        return None
    if isinstance(data, list):
        return [run["run"] for run in data]
    return {key: value for key, value in data.items() if key != "seconds"}


def _end(task: Mapping[str, Any]) -> dict[str, Any]:
    kept = ("state", "exit_code", "reused", "source_run", "inputs", "outputs", "key")
    return {key: task[key] for key in kept} | {"attempts": [attempt["state"] for attempt in task["attempts"]]}
