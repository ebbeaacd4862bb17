"""Spinning of one task of a run."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from local_samples import ADD, BOOM, DATASET, READ, SAVE, component, const, graph, out, pipeline, task

from typedpipe.diagnostics.errors import PipelineError
from typedpipe.diagnostics.record import replace
from typedpipe.ir.nodes import FromInput, InputPort, Loop, Options, Pipeline, PythonImpl
from typedpipe.local.options import Runner, RunOptions
from typedpipe.local.rerun.spin import SpinResult, prepare_spin, run_spin, set_input
from typedpipe.local.run import run
from typedpipe.local.store.locks import take_lock
from typedpipe.local.store.root import Root, open_root
from typedpipe.runs.model import ArtifactRef, Value
from typedpipe.runs.paths import node_at
from typedpipe.types.model import INT, NULL, STR, ListType, UnionType

SAY = component(
    "say",
    "def say(n) -> str:\n    import os\n    print('hello')\n    return str(n) + os.environ.get('WHO', '')\n",
    {"n": INT},
    STR,
)


def what() -> Pipeline:
    body = graph(task("one", ADD, a=FromInput("item"), b=10), inputs=(InputPort("item", INT),))
    return pipeline(
        graph(
            task("save", SAVE, text="hello"),
            task("read", READ, data=out("save", "out")),
            task("say", SAY, n=4, options=Options(env=(("WHO", const("me")),))),
            task("boom", BOOM, x=1),
            task("never", ADD, a=out("boom"), b=1),
            Loop("for-1", const([1, 2]), "item", INT, body),
        ),
        SAY,
    )


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Root]:
    found = open_root(tmp_path / "root", create=True)
    run(what(), {}, folder=found.path)
    yield found
    found.close()


def spin(
    root: Root, name: str, code: Pipeline | None = None, log: list[bytes] | None = None, **sets: str
) -> SpinResult:
    found = prepare_spin(root, root.run(), name, code, list(sets))
    values: dict[str, Value] = {key: set_input(found, key, text) for key, text in sets.items()}
    return run_spin(found, values, RunOptions(), None if log is None else log.append)


def test_a_task_runs_again_on_what_it_had(root: Root) -> None:
    before = {path: path.stat().st_mtime_ns for path in root.run().folder.rglob("*") if path.is_file()}
    log: list[bytes] = []
    result = spin(root, "say", log=log)
    assert (result.state, result.outputs, b"".join(log)) == ("SUCCEEDED", {"Output": '"4me"'}, b"hello\n")
    assert result.folder == root.run().folder / "spins" / "1" / "task"
    assert result.log.read_text() == "hello\n"
    after = {path: path.stat().st_mtime_ns for path in before if not path.name.endswith(("-shm", "-wal"))}
    assert after == {path: before[path] for path in after}
    assert spin(root, "say").folder.parent.name == "2"


def test_artifacts_and_items_of_loops(root: Root, tmp_path: Path) -> None:
    assert spin(root, "read").outputs == {"Output": '"hello5"'}
    assert spin(root, "for-1[1]/one").outputs == {"Output": "12"}
    saved = spin(root, "save").outputs["out"]
    assert isinstance(saved, ArtifactRef)
    assert saved.path is not None and Path(saved.path).read_text() == "hello"


def test_inputs_may_be_set(root: Root, tmp_path: Path) -> None:
    (tmp_path / "other").write_text("other")
    assert spin(root, "say", n="7").outputs == {"Output": '"7me"'}
    shown = component("show", "def show(data) -> str:\n    return open(data.path).read()\n", {"data": DATASET}, STR)
    code = pipeline(graph(task("save", SAVE, text="x"), task("read", shown, data=out("save", "out"))), shown)
    assert spin(root, "read", code, data=str(tmp_path / "other")).outputs == {"Output": '"other"'}


def test_inputs_are_set_to_several_artifacts_or_none(root: Root, tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / name).write_text(name)
    many = component(
        "many",
        "def many(data, extra) -> str:\n    return ''.join(open(d.path).read() for d in data) + str(extra)\n",
        {"data": ListType(DATASET), "extra": UnionType((DATASET, NULL))},
        STR,
    )
    code = pipeline(graph(task("save", SAVE, text="x"), task("read", many)), many)
    both = f'["{tmp_path}/a", "{tmp_path}/b"]'
    assert spin(root, "read", code, data=both, extra="null").outputs == {"Output": '"abNone"'}
    for wrong in ("a.txt", '["/no/such/file"]', "null"):
        with pytest.raises(PipelineError, match="TP648"):
            spin(root, "read", code, data=wrong, extra="null")


@pytest.mark.parametrize(
    ("name", "sets", "code"),
    [
        ("say", {"n": "x"}, "TP648"),
        ("say", {"m": "1"}, "TP648"),
        ("read", {"data": "/no/such/file"}, "TP648"),
        ("never", {}, "TP646"),
        ("nothing", {}, "TP607"),
    ],
)
def test_what_does_not_fit_is_said(root: Root, name: str, sets: dict[str, str], code: str) -> None:
    with pytest.raises(PipelineError, match=code):
        spin(root, name, None, None, **sets)


def test_an_artifact_that_is_gone_is_said(root: Root) -> None:
    for digest in root.objects.all():
        root.objects.remove(digest)
    with pytest.raises(PipelineError, match="TP646"):
        spin(root, "read")


def test_new_code_runs_on_the_inputs_of_then(root: Root) -> None:
    def edited(text: str, **more: Any) -> Pipeline:
        impl = SAY.impl
        assert isinstance(impl, PythonImpl)
        said = replace(SAY, impl=replace(impl, chunks=(replace(impl.chunks[0], text=text),)), **more)
        return pipeline(graph(task("say", said, n=4)), said)

    assert spin(root, "say", edited("def say(n) -> str:\n    return 'new' + str(n)\n")).outputs == {"Output": '"new4"'}
    code = edited("def say(n, m) -> str:\n    return str(n + m)\n", inputs=(*SAY.inputs, InputPort("m", INT)))
    with pytest.raises(PipelineError, match="TP647"):
        spin(root, "say", code)
    assert spin(root, "say", code, m="3").outputs == {"Output": '"7"'}
    with pytest.raises(PipelineError, match="TP645"):
        spin(root, "read", code)


def test_a_failure_is_told(root: Root) -> None:
    result = spin(root, "boom")
    assert (result.state, result.exit_code) == ("FAILED", 1)
    assert "ValueError: no" in result.message


def test_it_ends_after_its_time_and_on_ctrl_c(root: Root) -> None:
    slow = component("say", "def say(n) -> str:\n    import time\n    time.sleep(60)\n", {"n": INT}, STR)
    code = pipeline(graph(task("say", slow, n=4)), slow)
    found = prepare_spin(root, root.run(), "say", code)
    began = time.monotonic()
    result = run_spin(found, {}, RunOptions(timeout=0.2, grace=1))
    assert (result.state, result.message) == ("FAILED", "timed out after 0 s")
    if sys.platform != "win32":
        import _thread

        threading.Timer(0.3, _thread.interrupt_main).start()
        assert run_spin(found, {}, RunOptions(grace=1)).state == "CANCELED"
    assert time.monotonic() - began < 10


def test_artifacts_stay_while_a_task_runs_again(root: Root) -> None:
    collecting = take_lock(str(root.path / "lock"))
    with pytest.raises(PipelineError, match="garbage collection"):
        spin(root, "say")
    collecting.release()
    assert spin(root, "say").state == "SUCCEEDED"
    take_lock(str(root.path / "lock")).release()


def test_in_process(root: Root) -> None:
    found = prepare_spin(root, root.run(), "say")
    assert run_spin(found, {}, RunOptions(runner="inprocess")).outputs == {"Output": '"4me"'}


def test_paths_lead_to_nodes() -> None:
    assert getattr(node_at(what(), "for-1[1]/one"), "name", None) == "one"
    assert node_at(what(), "for-1[1]/two") is None
    assert node_at(what(), "say/one") is None


SEES = component(
    "sees",
    "def sees() -> str:\n    import os\n    return os.environ.get('TOKEN', '-') + os.environ.get('WHO', '-')\n",
    {},
    STR,
)


@pytest.mark.parametrize("runner", ["process", "inprocess"])
@pytest.mark.parametrize("cached", [False, True])
def test_values_of_the_runs_variables_are_passed_again(cached: bool, runner: Runner, tmp_path: Path) -> None:
    """They may be secrets: no file has them, and a digest from the key of a cached task is no value."""
    body = graph(task("sees", SEES, options=Options(env=(("WHO", const("me")),))), outputs={"o": (out("sees"), STR)})
    for _ in range(1 + cached):
        result = run(
            pipeline(body, SEES), {}, folder=tmp_path, runner=runner, environment={"TOKEN": "s3cret", "WHO": "you"}
        )
        assert result.outputs == {"o": "s3cretme"}
    jobs = [path for path in tmp_path.rglob("*") if path.is_file() and path.name not in ("Output", "result.json")]
    # the task's result contains the value, and the index contains its results
    assert not [path for path in jobs if b"TOKEN=s3cret" in (text := path.read_bytes()) or b'"s3cret"' in text]
    found = open_root(tmp_path)
    try:
        assert found.run().folder.joinpath("tasks/sees").exists() == (not cached and runner == "process")
        for given in ({}, {"OTHER": "1"}, {"WHO": "you"}):
            with pytest.raises(PipelineError) as caught:
                prepare_spin(found, found.run(), "sees", environment=given)
            assert caught.value.diagnostics[0].help == "pass them again: --env TOKEN=…"
        given = {"TOKEN": "again"}
        spun = run_spin(prepare_spin(found, found.run(), "sees", environment=given), {}, RunOptions(environment=given))
        assert spun.outputs == {"Output": '"againme"'}
    finally:
        found.close()


def test_the_job_of_a_task_is_for_the_user_only(root: Root) -> None:
    jobs = list(root.run().folder.rglob("job.json"))
    assert jobs
    assert {path.stat().st_mode & 0o777 for path in jobs} == {0o600}
