"""`runs`, `logs` and `artifacts`: their output for runs that ended, are in progress, or cannot be read."""

from __future__ import annotations

import io
import json
import os
import platform
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from typedpipe.cli.app import run_app
from typedpipe.cli.stored.logs import harmless
from typedpipe.ir.nodes import Chunk, Component, ContainerImpl, Graph, Pipeline, PythonImpl
from typedpipe.local.store.index import RunFolder
from typedpipe.local.store.root import open_root
from typedpipe.runs.model import ArtifactRef
from typedpipe.runs.source import tail_offset
from typedpipe.runtime.task import describe


class Home:
    """A folder of runs, and commands on it."""

    def __init__(self, place: Path, capfd: pytest.CaptureFixture[str]) -> None:
        self.root = open_root(place, create=True)
        self._capfd = capfd

    def __call__(self, *arguments: str) -> tuple[int, str, str]:
        self._capfd.readouterr()
        code = run_app([*arguments, "--folder", str(self.root.path)])
        printed = self._capfd.readouterr()
        place = str(self.root.path)
        return code, printed.out.replace(place, "ROOT"), printed.err.replace(place, "ROOT")

    def start(self, name: str, **arguments: str) -> RunFolder:
        return self.root.new_run(name, Pipeline("training", Graph(), closed=True), arguments, {"jobs": 2})

    def task(self, run: RunFolder, name: str, log: bytes, **outputs: str) -> None:
        """A task that succeeded; an output that begins with `file:` or `folder:` is an artifact."""
        folder = run.path / "tasks" / name / "1"
        folder.mkdir(parents=True)
        (folder / "log").write_bytes(log)
        values = {key: self._value(folder, key, text) for key, text in outputs.items()}
        run.index.attempt_started(name, "c", 1, folder, 100.0)
        run.index.attempt_ended(name, 1, "SUCCEEDED", 0, "", 101.5)
        run.index.finished(
            name, "c", "SUCCEEDED", attempts=1, exit_code=0, started=100.0, finished=101.5, outputs=values,
            key=f"k-{name}", key_parts={"inputs": {"x": outputs.get("loss", "")}},
        )  # fmt: skip
        run.index.commit()

    def _value(self, folder: Path, key: str, text: str) -> str | ArtifactRef:
        kind, colon, content = text.partition(":")
        if not colon:
            return text
        path = folder / key
        if kind == "folder":
            path.mkdir()
            path /= "inner"
        path.write_text(content)
        digest, size, _ = describe(str(folder / key))
        place = self.root.objects.publish(str(folder / key), digest)
        metadata = {"accuracy": float(content)} if kind == "metrics" else {}
        title = "system.Metrics" if kind == "metrics" else "system.Model"
        return ArtifactRef(place, {"type": title, "digest": digest, "size": size, "uri": place, "metadata": metadata})

    def end(self, run: RunFolder, message: str = "") -> None:
        run.index.run_finished("FAILED" if message else "SUCCEEDED", message, {"loss": "0.5"}, time.time())
        run.index.commit()
        run.close()
        self.root.cache.commit()


@pytest.fixture
def home(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Iterator[Home]:
    found = Home(tmp_path / "home", capfd)
    yield found
    found.root.close()


@pytest.fixture
def two(home: Home) -> Home:
    """Two runs that ended."""
    for number, loss in (("1", "0.5"), ("2", "0.25")):
        run = home.start(f"2026-{number}", epochs=number)
        home.task(run, "load", b"loading\n", data="folder:rows")
        home.task(run, "for-1[0]/train", f"epoch\nloss {loss}".encode(), model=f"file:m{number}", loss=loss)
        home.task(run, "for-1[1]/train", b"epoch\n", model="file:same", scores=f"metrics:{loss}")
        home.end(run, "" if number == "1" else "for-1: ValueError")
        time.sleep(0.002)
    return home


# ----------------------------------------------------------------------------------------------------- runs


def test_a_metric_that_is_nan(home: Home) -> None:
    for name, loss in (("a", "nan"), ("b", "nan"), ("c", "0.5")):
        run = home.start(name)
        home.task(run, "train", b"", scores=f"metrics:{loss}")
        home.end(run)
    assert home("runs", "diff", "a", "a") == (0, "", "A and B are the same run, a\n")
    assert home("runs", "diff", "a", "b")[0] == 0
    code, out, _ = home("runs", "diff", "a", "c", "-o", "json")
    changed = next(
        item for item in json.loads(out, parse_constant=pytest.fail)["differences"] if item["what"] == "metric"
    )
    assert (code, changed["a"], changed["b"]) == (1, "nan", 0.5)
    for command in (["runs", "ls"], ["runs", "show", "a"], ["artifacts", "ls", "a"]):
        json.loads(home(*command, "-o", "json")[1], parse_constant=pytest.fail)


@pytest.fixture
def no_waiting() -> Iterator[None]:
    """Opening a pipe without a writer waits forever; here, it fails after a while."""

    def fail(*_: object) -> None:
        raise AssertionError("it waits")

    before = signal.signal(signal.SIGALRM, fail)
    signal.alarm(60)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.mark.skipif(os.name == "nt", reason="there are no pipes among files")
@pytest.mark.usefixtures("no_waiting")
@pytest.mark.parametrize(
    "file", ["format.json", "runs/2026-1/run.json", "runs/2026-1/pipeline.ir", "runs/2026-1/engine.json",
             "runs/2026-1/lock", "runs/2026-1/tasks/load/1/log", "runs/2026-1/tasks/load/1/job.json",
             "runs/2026-1/tasks/load/1/message", "runs/2026-1/index.db"],
)  # fmt: skip
def test_a_pipe_in_the_place_of_a_file(two: Home, file: str) -> None:
    path = two.root.path / file
    path.unlink(missing_ok=True)
    os.mkfifo(path)
    commands = ("runs ls", "runs show 2026-1", "logs 2026-1/load", "artifacts ls 2026-1", "runs diff 2026-1 2026-2")
    for command in (*commands, "runs gc", "runs repair 2026-1", "resume 2026-1", "runs rm -y 2026-1"):
        assert two(*command.split())[0] in (0, 1, 2), command


def test_a_metric_with_a_line_break_in_its_name(home: Home) -> None:
    run = home.start("a")
    home.task(run, "train", b"", **{"sc\nores": "metrics:0.5", "other": "metrics:0.5"})
    home.end(run)
    for column in (["--metrics"], ["--columns", "train.sc\nores.accuracy"]):
        _, out, err = home("runs", "ls", *column)
        assert (out.count("\n"), err) == (2, "")


def test_no_runs(home: Home) -> None:
    assert home("runs", "ls") == (0, "", "no runs in ROOT\n")
    assert home("runs", "ls", "-o", "json") == (0, "[]\n", "")
    code, out, err = home("runs", "show")
    assert (code, out) == (2, "") and "error[TP603]: there are no runs in `ROOT`" in err


def test_ls(two: Home) -> None:
    code, out, err = two("runs", "ls")
    head, newest, oldest = out.splitlines()
    assert (code, err) == (0, "")
    assert head.split() == ["RUN", "PIPELINE", "STATE", "CREATED", "DURATION"]
    assert newest.startswith("2026-2  training  FAILED     ") and oldest.startswith("2026-1  training  SUCCEEDED  ")
    assert [line.split() for line in two("runs", "ls", "-n", "1")[1].splitlines()[1:]] == [newest.split()]
    assert [line.split()[0] for line in two("runs", "ls", "--state", "failed")[1].splitlines()[1:]] == ["2026-2"]
    assert two("runs", "ls", "--pipeline", "other")[1:] == ("", "no matching runs in ROOT\n")
    data = json.loads(two("runs", "ls", "-o", "json")[1])
    assert [run["run"] for run in data] == ["2026-2", "2026-1"] and data[0]["arguments"] == {"epochs": 2}


def test_show(two: Home) -> None:
    code, out, err = two("runs", "show", "2026-2")
    assert (code, err) == (0, "")
    lines = [line.split(maxsplit=1) for line in out.splitlines() if line]
    assert ["state", "FAILED: for-1: ValueError"] in lines and ["--epochs", "2"] in lines
    assert ["directory", "ROOT/runs/2026-2"] in lines
    assert "for-1[0]/train  SUCCEEDED  1.5 s\n" in out and out.endswith("OUTPUT\nloss    0.5\n")
    data = json.loads(two("runs", "show", "last", "-o", "json")[1])
    assert data["run"] == "2026-2" and data["tasks"][0]["name"] == "load"
    assert data["tasks"][1]["outputs"]["loss"] == 0.25


def test_text_of_users_does_nothing_to_the_terminal(home: Home) -> None:
    run = home.start("a", x='"\x1b[2J"')
    run.index.finished("t\x1b[31m", "c", "FAILED", message="no\x1b]0;title\x07\nway")
    home.end(run, "\x1b[5m")
    for command in (("runs", "show"), ("runs", "ls"), ("logs", "last"), ("runs", "diff", "a", "a")):
        _, out, err = home(*command)
        assert "\x1b" not in out + err and "\x07" not in out + err


def test_interrupted_and_broken_runs_are_listed(home: Home) -> None:
    run = home.start("a")
    run.index.attempt_started("t", "c", 1, run.path / "tasks/t/1", 1.0)
    run.index.commit()
    assert "RUNNING" in home("runs", "ls")[1]
    run.close()
    assert "INTERRUPTED" in home("runs", "ls")[1]
    code, out, _ = home("runs", "show", "a")
    assert code == 0 and "`typedpipe resume a`" in out and "t     INTERRUPTED" in out
    (run.path / "run.sqlite").write_bytes(b"x" * 999)
    code, out, err = home("runs", "ls")
    assert code == 0 and "BROKEN" in out and "to see why a run is broken, use `typedpipe runs show a`" in err
    code, out, err = home("runs", "show", "a")
    assert (code, out) == (1, "") and "error[TP604]" in err and "`typedpipe runs repair a`" in err
    assert json.loads(home("runs", "ls", "-o", "json")[1])[0]["code"] == "TP604"
    assert home("runs", "repair", "a") == (0, "", "a: 0 tasks recovered\n")
    assert home("runs", "show", "a")[0] == 0
    assert home("runs", "repair", "a") == (0, "", "a: the index is intact; nothing was changed\n")


def test_diff_leads_with_what_a_person_asks_for(two: Home) -> None:
    code, out, err = two("runs", "diff", "2026-1", "2026-2")
    assert code == 1
    assert [line.split(maxsplit=1)[0] for line in out.splitlines()[1:] if not line.startswith(" ")] == [
        "run", "parameters", "metrics"
    ]  # fmt: skip
    rows = [line.split() for line in out.splitlines()]
    assert ["epochs", "1", "2"] in rows and ["state", "SUCCEEDED", "FAILED"] in rows
    assert ["for-1[1]/train.scores.accuracy", "0.5", "0.25", "(-0.25)"] in rows
    assert err.endswith("outputs and cache key parts of tasks also differ: `--details`\n")
    rows = [line.split() for line in two("runs", "diff", "2026-1", "2026-2", "--details")[1].splitlines()]
    assert ["for-1[0]/train.loss", "0.5", "0.25"] in rows
    assert ["for-1[0]/train:", "inputs.x", "0.5", "0.25"] in rows
    assert ["durations"] in rows
    assert not [row for row in rows if row[:1] == ["for-1[1]/train.model"]], "equal content"
    assert two("runs", "diff", "last", "2026-2") == (0, "", "A and B are the same run, 2026-2\n")
    data = json.loads(two("runs", "diff", "2026-1", "2026-2", "-o", "json")[1])
    assert {"what": "argument", "name": "epochs", "a": "1", "b": "2"} in data["differences"]
    assert {"key", "output", "metric", "state"} <= {item["what"] for item in data["differences"]}


def test_diff_with_another_set_of_tasks(home: Home) -> None:
    for name in "ab":
        run = home.start(name)
        home.task(run, f"only-{name}", b"")
        home.end(run)
    _, out, _ = home("runs", "diff", "a", "b")
    assert [line.split() for line in out.splitlines()[1:]] == [
        ["tasks"],
        ["only-a", "SUCCEEDED", "—"],
        ["only-b", "—", "SUCCEEDED"],
    ]


def test_diff_names_the_items_of_loops(home: Home) -> None:
    for name, item in (("a", "small"), ("b", "large")):
        run = home.start(name)
        home.task(run, "for[0]/train", b"", scores=f"metrics:{len(item) - (name == 'a')}")
        home.task(run, "for[1]/train", b"", loss=name)
        home.task(run, f"for[{2 + (name == 'b')}]/train", b"")
        run.index.item("for[0]/train", item)
        run.index.item("for[1]/train", "same")
        run.index.item("for[2]/train", "medium")
        home.end(run)
    _, out, _ = home("runs", "diff", "a", "b", "--details")
    names = [line[2:].partition("  ")[0] for line in out.splitlines() if line.startswith("  for[")]
    assert names[:3] == ["for[2]/train (medium)", "for[3]/train", "for[0]/train.scores.accuracy (small → large)"]
    assert "for[1]/train.loss (same)" in names
    data = json.loads(home("runs", "diff", "a", "b", "-o", "json")[1])["differences"]
    assert {"what": "task", "name": "for[2]/train", "a": "SUCCEEDED", "b": None, "item": "medium"} in data


def test_diff_of_code(home: Home) -> None:
    def python(body: str, image: str = "python:3.12", packages: tuple[str, ...] = ()) -> Component:
        impl = PythonImpl("f", (Chunk(f"def f():\n    {body}\n"),), packages=packages)
        return Component("f", (), (), impl, image)

    shell = Component("sh", (), (), ContainerImpl(("true",)), "busybox")
    sides = {"f": python("return 1"), "gone": shell}, {"f": python("return 2", "python:3.13", ("numpy",)), "new": shell}
    for name, components in zip("ab", sides, strict=True):
        run = home.root.new_run(name, Pipeline("p", Graph(), components, closed=True), {}, {})
        run.close()
    _, out, _ = home("runs", "diff", "a", "b")
    assert [line.split() for line in out.splitlines()[1:]] == [
        ["code"],
        ["f", "1", "line", "1", "line"],
        ["f:", "image", "python:3.12", "python:3.13"],
        ["f:", "packages", "numpy"],
        ["sh", "defined", "—"],
        ["sh", "—", "defined"],
    ]


def test_ls_has_parameters_and_metrics_as_columns(two: Home) -> None:
    head, newest, oldest = two("runs", "ls", "--params", "--metrics")[1].splitlines()
    assert head.split()[5:] == ["epochs", "accuracy"]
    assert newest.split()[-2:] == ["2", "0.25"] and oldest.split()[-2:] == ["1", "0.5"]
    _, out, err = two("runs", "ls", "-c", "accuracy,epochs,none")
    assert err == "none of these runs has a parameter or metric `none`; there are epochs, accuracy\n"
    head, newest, _ = out.splitlines()
    assert head.split()[5:] == ["accuracy", "epochs", "none"] and newest.split()[-2:] == ["0.25", "2"]
    data = json.loads(two("runs", "ls", "-o", "json")[1])
    assert data[0]["metrics"] == {"for-1[1]/train.scores.accuracy": 0.25}


def test_tags_and_notes(two: Home) -> None:
    assert two("runs", "tag", "2026-1", "data=jan", "best") == (0, "", "data=jan best\n")
    assert two("runs", "note", "2026-1", "the first\x1b[2J one") == (0, "", "")
    _, out, _ = two("runs", "ls")
    assert out.splitlines()[0].split()[5:] == ["TAGS", "NOTE"]
    assert "data=jan best" in out.splitlines()[2] and "\x1b" not in out
    _, out, _ = two("runs", "show", "2026-1")
    assert "tags       data=jan best\nnote       the first" in out

    def listed(*tags: str) -> list[str]:
        arguments = [part for tag in tags for part in ("--tag", tag)]
        return [run["run"] for run in json.loads(two("runs", "ls", "-o", "json", *arguments)[1])]

    assert listed("data=jan") == listed("data") == listed("best", "data") == ["2026-1"]
    assert listed("data=feb") == listed("none") == listed("best", "none") == []
    assert two("runs", "tag", "2026-1", "data=feb", "--remove", "best") == (0, "", "data=feb\n")
    assert listed("data=feb") == ["2026-1"] and listed("best") == []
    found = two.root.run("2026-1")
    assert (found.tags, found.arguments, found.facts["python"]) == (
        {"data": "feb"}, {"epochs": "1"}, platform.python_version()
    )  # fmt: skip
    assert two("runs", "tag", "2026-1")[0] == two("runs", "tag", "2026-1", "=x")[0] == 2
    assert two("runs", "note", "2026-1", "good")[0] == 0 and two.root.run("2026-1").note == "good"
    assert two("runs", "tag", "2026-1", "x")[0] == 0 and two.root.run("2026-1").note == "good"
    assert two("runs", "note", "2026-1", "")[0] == 0 and two.root.run("2026-1").note == ""


def test_rm(two: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    code, _, err = two("runs", "rm", "2026-1")
    assert code == 2 and "stdin is not a terminal; pass `--yes`" in err
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    assert two("runs", "rm", "2026-1")[0] == 130
    assert len(two.root.names()) == 2
    code, _, err = two("runs", "rm", "-y", "2026-1", "last")
    assert code == 0 and err == "removed 2026-1\nremoved 2026-2\n"
    assert two.root.names() == []
    run = two.start("live")
    code, _, err = two("runs", "rm", "-y", "live")
    assert code == 1 and "error[TP606]" in err
    run.close()


def test_gc(two: Home) -> None:
    code, out, err = two("runs", "gc", "--keep", "1", "--dry-run")
    assert (code, out) == (0, "2026-1\n") and err.startswith("would remove 1 run, 2 artifacts, 0 cache entries")
    assert two("runs", "gc", "--keep", "1")[1:] == (out, err.replace("would remove", "removed"))
    assert two("runs", "gc", "--older-than", "30d")[1] == ""
    code, _, err = two("runs", "gc", "--older-than", "soon")
    assert code == 2 and "90s, 45m, 12h, 30d or 2w" in err
    run = two.start("live")
    assert two("runs", "gc")[2].endswith("artifacts were not removed: a run is in progress\n")
    run.close()


def test_gc_of_environments(two: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    unused = tmp_path / "envs" / "0123-abc"
    unused.mkdir(parents=True)
    monkeypatch.setenv("TYPEDPIPE_ENVS", str(unused.parent))
    assert two("runs", "gc", "--environments", "1d", "--dry-run")[1].splitlines()[-1] == str(unused)
    assert two("runs", "gc", "--environments", "1d")[2].endswith("removed 1 virtual environment\n")
    assert not unused.exists()


# ----------------------------------------------------------------------------------------------------- logs


def test_logs(two: Home) -> None:
    assert two("logs", "2026-2/for-1[0]/train") == (0, "epoch\nloss 0.25", "")
    assert two("logs", "last")[1].splitlines() == [
        "load | loading", "for-1[0]/train | epoch", "for-1[0]/train | loss 0.25", "for-1[1]/train | epoch",
    ]  # fmt: skip
    assert two("logs", "last/for-1", "--tail", "1")[1] == "for-1[0]/train | loss 0.25\nfor-1[1]/train | epoch\n"
    assert two("logs", "last/for-1[1]/")[1] == "for-1[1]/train | epoch\n"
    code, out, err = two("logs", "last/laod")
    assert (code, out) == (2, "") and "did you mean `2026-2/load`?" in err
    code, _, err = two("logs", "last/load", "--attempt", "4")
    assert code == 2 and "use one of: --attempt 1" in err


def test_bytes_are_passed_on_as_they_are(home: Home) -> None:
    data = bytes(range(256)) * 1000
    run = home.start("a")
    home.task(run, "t", data)
    home.end(run)
    command = [sys.executable, "-m", "typedpipe", "logs", "a/t", "--folder", str(home.root.path)]
    assert subprocess.run(command, capture_output=True, check=True).stdout == data


def test_a_log_that_is_gone_and_a_task_that_did_not_run(home: Home) -> None:
    run = home.start("a")
    home.task(run, "t", b"x")
    run.index.finished("cached", "c", "SUCCEEDED", reused="cache", source_run="old")
    run.index.finished("late", "c", "OMITTED", message="`t` did not succeed")
    home.end(run)
    (run.path / "tasks/t/1/log").unlink()
    assert home("logs", "a/t")[::2] == (0, "the log of t was removed: ROOT/runs/a/tasks/t/1/log\n")
    assert home("logs", "a/cached")[2] == "cached was reused from old; for its log, use `typedpipe logs old`\n"
    assert home("logs", "a/late")[2] == "late did not run: `t` did not succeed\n"


@pytest.mark.parametrize(
    "data", [b"", b"one", b"one\n", b"one\ntwo\nthree", b"one\n\n\n", b"x" * 200_000 + b"\nlast\n"]
)
@pytest.mark.parametrize("lines", [0, 1, 2, 3, 9])
def test_tail(data: bytes, lines: int) -> None:
    kept = data[tail_offset(len(data), lambda at, count: data[at : at + count], lines) :]
    assert kept == b"".join(data.splitlines(keepends=True)[-lines:] if lines else [])


def test_harmless() -> None:
    assert harmless("é\x1b[31m\tx".encode()).decode() == "é␛[31m  x"
    assert harmless(b"\xff\x00").decode() == "\N{REPLACEMENT CHARACTER}␀"


def test_following_a_run_until_it_ends(home: Home) -> None:
    run = home.start("a")
    log = run.path / "tasks/t/1/log"
    log.parent.mkdir(parents=True)

    def work() -> None:
        run.index.attempt_started("t", "c", 1, log.parent, 1.0)
        run.index.commit()
        with open(log, "ab", buffering=0) as file:
            for number in range(4):
                file.write(f"line {number}\nhalf".encode())
                time.sleep(0.15)
                file.write(b" whole\n")
        run.index.attempt_ended("t", 1, "SUCCEEDED", 0, "", 2.0)
        run.index.finished("t", "c", "SUCCEEDED", attempts=1)
        run.index.run_finished("FAILED", "other: no", {}, 3.0)
        run.index.commit()
        run.close()

    thread = threading.Thread(target=work)
    thread.start()
    code, out, err = home("logs", "-f")
    thread.join()
    assert out.splitlines() == [f"t | {line}" for n in range(4) for line in (f"line {n}", "half whole")]
    assert (code, err) == (1, "a: failed: other: no\n")


# ------------------------------------------------------------------------------------------------- artifacts


def test_artifacts_ls(two: Home) -> None:
    code, out, err = two("artifacts", "ls")
    rows = [line.split() for line in out.splitlines()]
    assert (code, err) == (0, "") and rows[0] == ["ARTIFACT", "TYPE", "SIZE", "DIGEST", "LOCATION"]
    assert [row[0] for row in rows[1:]] == [
        "load.data", "for-1[0]/train.model", "for-1[1]/train.model", "for-1[1]/train.scores",
    ]  # fmt: skip
    assert (
        rows[2][1:4] == ["system.Model", "2", "B"] and len(rows[2][4]) == 12 and rows[2][5].startswith("ROOT/objects")
    )
    assert json.loads(two("artifacts", "ls", "2026-1", "-o", "json")[1])[3]["metadata"] == {"accuracy": 0.5}


def test_artifacts_cat(two: Home) -> None:
    assert two("artifacts", "cat", "2026-1/for-1[0]/train.model") == (0, "m1", "")
    assert two("artifacts", "cat", "last/for-1[0]/train") == (0, "m2", "")
    code, out, err = two("artifacts", "cat", "last/for-1[1]/train")
    assert (code, out) == (2, "") and "has 2 artifacts: `for-1[1]/train.model`, `for-1[1]/train.scores`" in err
    code, _, err = two("artifacts", "cat", "last/load.dat")
    assert code == 2 and "did you mean `2026-2/load.data`?" in err
    code, _, err = two("artifacts", "cat", "last/train.model")
    assert code == 2 and "did you mean `2026-2/for-1[0]/train.model`?" in err
    code, _, err = two("artifacts", "cat", "last/train")
    assert code == 2 and "did you mean `2026-2/for-1[0]/train`?" in err
    code, _, err = two("artifacts", "cat", "last/nothing")
    assert code == 2 and "no task `nothing`" in err
    code, _, err = two("artifacts", "cat", "last/load")
    assert code == 2 and "is a directory (inner)" in err


def test_artifacts_get(two: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert two("artifacts", "get", "last/load", "copy") == (0, f"{tmp_path}/copy\n", "")
    assert (tmp_path / "copy/inner").read_text() == "rows"
    (tmp_path / "copy/inner").write_text("mine to change")
    code, _, err = two("artifacts", "get", "last/load", "copy/inner")
    assert code == 2 and "error[TP610]" in err
    assert (tmp_path / "copy/inner").read_text() == "mine to change"
    (tmp_path / "into").mkdir()
    assert two("artifacts", "get", "last/for-1[0]/train", "into")[1] == f"{tmp_path}/into/model\n"
    assert stat.S_IMODE(os.stat("into/model").st_mode) & 0o200, "a copy is the user's"
    assert two("artifacts", "get", "last/load", "into/model", "-f")[0] == 0
    assert (tmp_path / "into/model/inner").read_text() == "rows"
    assert two("artifacts", "get", "last/for-1[0]/train", "new/deep/name")[0] == 0
    assert sorted(os.listdir(tmp_path)) == ["copy", "home", "into", "new"], "nothing else is left"


def test_what_was_changed_is_not_handed_out(two: Home, tmp_path: Path) -> None:
    place = json.loads(two("artifacts", "ls", "-o", "json")[1].replace("ROOT", str(two.root.path)))[1]["path"]
    os.chmod(place, 0o644)
    Path(place).write_text("MM")
    for command in (["cat", "last/for-1[0]/train"], ["get", "last/for-1[0]/train", str(tmp_path / "x")]):
        code, out, err = two("artifacts", *command)
        assert (code, out) == (1, "") and "error[TP609]: the content of `for-1[0]/train.model` was modified" in err
    os.unlink(place)
    assert "was removed" in two("artifacts", "cat", "last/for-1[0]/train")[2]


def test_a_reference_has_no_content_here(home: Home) -> None:
    run = home.start("a")
    run.index.finished(
        "t", "importer", "SUCCEEDED", outputs={"x": ArtifactRef(None, {"uri": "s3://b/k", "digest": ""})}
    )
    home.end(run)
    code, _, err = home("artifacts", "cat", "a/t")
    assert code == 1 and "`t.x` is stored by reference: s3://b/k" in err


def test_artifacts_open(two: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []

    def launch(path: str) -> int:
        opened.append(path)
        return 0

    monkeypatch.setattr("click.launch", launch)
    code, out, _ = two("artifacts", "open", "last/for-1[0]/train")
    assert code == 0 and out.startswith("ROOT/objects/") and len(opened) == 1
