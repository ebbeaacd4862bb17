"""Resumed runs: results that are reused, tasks that run, and that no invalid result is reused."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from local_samples import BOOM, DATASET, MARK, READ, SAVE, STATUS, component, const, graph, out, pipeline, task

from typedpipe.diagnostics.errors import PipelineError
from typedpipe.diagnostics.record import replace
from typedpipe.ir.nodes import (
    Arm,
    Branch,
    Call,
    ExitHandler,
    FromExpr,
    FromInput,
    InputPort,
    Loop,
    Node,
    Not,
    Pipeline,
    PythonImpl,
)
from typedpipe.local.options import RunOptions
from typedpipe.local.preparation import prepare_resumed
from typedpipe.local.rerun.resume import Resume, plan_resume
from typedpipe.local.result import RunResult
from typedpipe.local.run import run
from typedpipe.local.runners.orphans import clean_up
from typedpipe.local.store.index import tasks
from typedpipe.local.store.root import Root, open_root
from typedpipe.types.model import INT, STR, ListType

COUNT = component(
    "count",
    """
    def count(place: str, x: int) -> int:
        import os
        if os.path.exists(place + '.stop'):
            raise ValueError('stopped')
        with open(place, 'a') as file:
            file.write('x')
        return x + 1
    """,
    {"place": STR, "x": INT},
    INT,
)


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Root]:
    found = open_root(tmp_path / "root", create=True)
    yield found
    found.close()


def first(root: Root, what: Pipeline) -> RunResult:
    return run(what, {}, folder=root.path, cache=False)


def resumed(root: Root, from_task: str = "", code: Pipeline | None = None) -> tuple[Resume, RunResult]:
    plan = plan_resume(root, root.run(), from_task=from_task, code=code)
    result = prepare_resumed(open_root(root.path), plan, RunOptions(folder=root.path, cache=False)).execute()
    return plan, result


def chain(folder: Path, *names: str, **more: Node) -> Pipeline:
    """Tasks that count their runs in files, each with the value of the one before."""
    nodes: list[Node] = []
    for index, name in enumerate(names):
        given = out(names[index - 1]) if index else const(0)
        nodes.append(task(name, COUNT, place=str(folder / name), x=given))
    return pipeline(graph(*nodes, *more.values(), outputs={"o": (out(names[-1]), INT)}), COUNT)


def runs_of(folder: Path, name: str) -> int:
    return len((folder / name).read_text()) if (folder / name).exists() else 0


def test_what_succeeded_is_reused_even_where_nothing_is_cached(root: Root, tmp_path: Path) -> None:
    what = chain(tmp_path, "a", "b", "c")
    (tmp_path / "b.stop").touch()
    assert first(root, what).state == "FAILED"
    (tmp_path / "b.stop").unlink()
    plan, result = resumed(root)
    assert plan.words() == ["1 task is reused, 2 tasks run: b, c"]
    assert result.outputs == {"o": 3}
    assert [runs_of(tmp_path, name) for name in "abc"] == [1, 1, 1]
    assert result.tasks["a"].reused == "resumed"
    assert [attempt.number for attempt in tasks(root.run())[1].attempts] == [1, 2]
    assert root.run().state == "SUCCEEDED"


def test_a_run_that_succeeded_needs_a_task_to_go_on_from(root: Root, tmp_path: Path) -> None:
    first(root, chain(tmp_path, "a", "b", "c"))
    with pytest.raises(PipelineError, match="TP640"):
        plan_resume(root, root.run())
    with pytest.raises(PipelineError, match=r"TP641[\s\S]*did you mean `--from b`|TP641[\s\S]*its tasks"):
        plan_resume(root, root.run(), from_task="bb")
    plan, result = resumed(root, "b")
    assert list(plan.again) == ["b", "c"]
    assert result.outputs == {"o": 3}
    assert [runs_of(tmp_path, name) for name in "abc"] == [1, 2, 2]


def test_from_runs_again_what_the_cache_has(root: Root, tmp_path: Path) -> None:
    what = chain(tmp_path, "a", "b")
    run(what, {}, folder=root.path)
    plan = plan_resume(root, root.run(), from_task="b")
    prepare_resumed(open_root(root.path), plan, RunOptions(folder=root.path)).execute()
    assert [runs_of(tmp_path, name) for name in "ab"] == [1, 2]


def test_records_are_set_back_before_anything_runs(root: Root, tmp_path: Path) -> None:
    """A kill right after the start of a resumed run leaves no old result beside a new input."""
    first(root, chain(tmp_path, "a", "b", "c"))
    plan = plan_resume(root, root.run(), from_task="a")
    place = root.reopen(plan.run)
    plan.begin(root, place)
    place.close()
    again = plan_resume(root, root.run())
    assert not again.done
    assert list(again.again) == ["a", "b", "c"]


def artifacts(folder: Path) -> Pipeline:
    save = task("save", SAVE, text="hello")
    read = task("read", READ, data=out("save", "out"))
    last = task("last", COUNT, ("read",), place=str(folder / "last"), x=1)
    return pipeline(graph(save, read, last, outputs={"o": (out("read"), STR)}), COUNT)


@pytest.mark.parametrize("damage", ["removed", "changed"])
def test_lost_artifacts_are_made_again_and_what_follows_runs(root: Root, tmp_path: Path, damage: str) -> None:
    (tmp_path / "last.stop").touch()
    first(root, artifacts(tmp_path))
    (tmp_path / "last.stop").unlink()
    digest = next(iter(root.objects.all()))
    if damage == "removed":
        root.objects.remove(digest)
    else:
        os.chmod(root.objects.path(digest), 0o644)
        Path(root.objects.path(digest)).write_text("other")
    plan, result = resumed(root)
    assert list(plan.lost) == ["save"]
    assert list(plan.again) == ["save", "read", "last"]
    assert result.outputs == {"o": "hello5"}


def loop(items: list[int], folder: Path, stop_at: int = 1) -> Pipeline:
    some = component(
        "some",
        f"""
        def some(place: str, x: int) -> int:
            import os
            if x == {stop_at} and os.path.exists(place + '.stop'):
                raise ValueError('stopped')
            with open(place + str(x), 'a') as file:
                file.write('x')
            return x * 10
        """,
        {"place": STR, "x": INT},
        INT,
    )
    total = component("total", "def total(xs) -> int:\n    return sum(xs)\n", {"xs": ListType(INT)}, INT)
    body = graph(
        task("one", some, place=str(folder / "i"), x=FromInput("item")),
        inputs=(InputPort("item", INT),),
        outputs={"v": (out("one"), INT)},
    )
    return pipeline(
        graph(Loop("for-1", const(items), "item", INT, body), task("total", total, xs=out("for-1", "v")),
              outputs={"o": (out("total"), INT)}),
        some,
        total,
    )  # fmt: skip


def test_items_of_a_loop_are_reused_one_by_one(root: Root, tmp_path: Path) -> None:
    (tmp_path / "i.stop").touch()
    assert first(root, loop([0, 1, 2], tmp_path)).state == "FAILED"
    (tmp_path / "i.stop").unlink()
    plan, result = resumed(root)
    assert sorted(plan.done) == ["for-1[0]/one", "for-1[2]/one"]
    assert list(plan.again) == ["for-1[1]/one", "total"]
    assert result.outputs == {"o": 30}
    assert [runs_of(tmp_path, f"i{index}") for index in range(3)] == [1, 1, 1]


@pytest.mark.parametrize(
    ("place", "again"),
    [
        ("for-1[2]", ["for-1[2]/one", "total"]),
        ("for-1[2]/one", ["for-1[2]/one", "total"]),
        ("one", ["for-1[0]/one", "for-1[1]/one", "for-1[2]/one", "total"]),
        ("for-1", ["for-1[0]/one", "for-1[1]/one", "for-1[2]/one", "total"]),
        ("total", ["total"]),
    ],
)
def test_from_names_items_groups_and_all_tasks_of_a_name(
    root: Root, tmp_path: Path, place: str, again: list[str]
) -> None:
    first(root, loop([0, 1, 2], tmp_path))
    assert sorted(plan_resume(root, root.run(), from_task=place).again) == sorted(again)


def test_branches_calls_and_exit_handlers_by_their_paths(root: Root, tmp_path: Path) -> None:
    inner = graph(
        task("in", COUNT, place=str(tmp_path / "in"), x=FromInput("x")),
        inputs=(InputPort("x", INT),),
        outputs={"v": (out("in"), INT)},
    )
    taken = graph(task("yes", MARK, path=str(tmp_path / "yes"), text="y"))
    other = graph(task("no", MARK, path=str(tmp_path / "no"), text="n"))
    body = graph(
        Call("call", "sub", (("x", const(1)),)),
        Branch("if-1", (Arm(FromExpr(0), taken), Arm(None, other)), ("call",)),
        task("late", COUNT, ("if-1",), place=str(tmp_path / "late"), x=out("call", "v")),
        exprs=(Not(const(False)),),
    )
    handler = ExitHandler("exit-1", body, task("status", STATUS, path=str(tmp_path / "said")))
    what = pipeline(graph(handler), COUNT, pipelines={"sub": inner})
    (tmp_path / "late.stop").touch()
    assert first(root, what).state == "FAILED"
    (tmp_path / "late.stop").unlink()
    plan, result = resumed(root)
    assert sorted(plan.done) == ["exit-1/call/in", "exit-1/if-1/yes"]
    assert list(plan.again) == ["exit-1/late", "status"]  # its status is another one now
    assert result.state == "SUCCEEDED"
    assert (tmp_path / "said").read_text().startswith("FAILED|") and (tmp_path / "said").read_text().endswith(
        "SUCCEEDED|"
    )
    assert runs_of(tmp_path, "yes") == 1
    assert list(plan_resume(root, root.run(), from_task="call").again) == [
        "exit-1/call/in", "exit-1/if-1/yes", "exit-1/late", "status"
    ]  # fmt: skip


def edited(what: Pipeline, name: str, source: str) -> Pipeline:
    known = what.components[name]
    impl = known.impl
    assert isinstance(impl, PythonImpl)
    chunk = replace(impl.chunks[0], text=source)
    return replace(what, components={**what.components, name: replace(known, impl=replace(impl, chunks=(chunk,)))})


def text_of(what: Pipeline, name: str) -> str:
    impl = what.components[name].impl
    assert isinstance(impl, PythonImpl)
    return impl.chunks[0].text


def test_new_code_runs_what_changed_and_what_follows(root: Root, tmp_path: Path) -> None:
    two = component(
        "two", text_of(chain(tmp_path, "a"), "count").replace("count", "two"), {"place": STR, "x": INT}, INT
    )

    def made(factor: str, *more: str) -> Pipeline:
        nodes: list[Node] = [
            task("a", COUNT, place=str(tmp_path / "a"), x=0),
            task("b", two, place=str(tmp_path / "b"), x=out("a")),
            task("c", COUNT, place=str(tmp_path / "c"), x=out("b")),
            task("d", COUNT, place=str(tmp_path / "d"), x=7),
        ]
        nodes += [task(name, MARK, path=str(tmp_path / name), text="m") for name in more]
        found = pipeline(graph(*nodes, outputs={"o": (out("c"), INT)}), COUNT, two)
        return edited(found, "two", text_of(found, "two").replace("x + 1", factor))

    first(root, made("x + 1", "gone"))
    same = edited(made("x + 1"), "count", "# a comment\n" + text_of(made("x + 1"), "count"))
    plan = plan_resume(root, root.run(), code=same)
    assert sorted(plan.done) == ["a", "b", "c", "d"]
    assert list(plan.removed) == ["gone"]
    plan, result = resumed(root, code=made("x + 10", "new"))
    assert list(plan.again) == ["new", "b", "c"]
    assert result.outputs == {"o": 12}
    assert [runs_of(tmp_path, name) for name in "abcd"] == [1, 2, 2, 1]
    assert "x + 10" in str(plan_resume(root, root.run(), from_task="b").pipeline.components["two"])


def test_new_code_with_other_arguments_of_a_task_runs_it(root: Root, tmp_path: Path) -> None:
    first(root, loop([0, 1, 2], tmp_path))
    with pytest.raises(PipelineError, match="TP642"):
        plan_resume(root, root.run(), code=loop([0, 1], tmp_path))
    plan = plan_resume(root, root.run(), code=loop([0, 1], tmp_path), from_task="for-1")
    assert not plan.done


def test_new_code_keeps_the_arguments_of_the_run(root: Root) -> None:
    def made(*ports: InputPort, boom: bool) -> Pipeline:
        nodes: list[Node] = [task("boom", BOOM, x=FromInput("a"))] if boom else [task("mark", BOOM, x=FromInput("a"))]
        return pipeline(graph(*nodes, inputs=ports))

    run(made(InputPort("a", INT), boom=True), {"a": 4}, folder=root.path)
    plan = plan_resume(root, root.run(), code=made(InputPort("a", INT, const(9)), boom=True))
    assert dict(plan.arguments) == {"a": "4"}
    with pytest.raises(PipelineError, match="TP643"):
        plan_resume(root, root.run(), code=made(InputPort("a", INT), InputPort("b", INT), boom=True))


SCRIPT = """
import sys
sys.path.insert(0, {tests!r})
from pathlib import Path
from test_resume import artifacts, killed
from typedpipe.local.run import run
from typedpipe.local.runners.orphans import clean_up
run(killed(Path({folder!r})), {{}}, folder=Path({root!r}), cache=False)
"""


def killed(folder: Path) -> Pipeline:
    made = component(
        "made",
        """
        def made(place, out):
            with open(place, 'a') as file:
                file.write('x')
            with open(out.path, 'w') as file:
                file.write('hello')
            out.metadata['n'] = 5
        """,
        {"place": STR},
        DATASET,
    )
    nodes = (
        task("made", made, place=str(folder / "made")),
        task("read", READ, data=out("made", "out")),
        task("last", COUNT, ("read",), place=str(folder / "last"), x=1),
    )
    return pipeline(graph(*nodes, outputs={"o": (out("read"), STR)}), COUNT, made)


@pytest.mark.skipif(sys.platform == "win32", reason="kill -9")
@pytest.mark.parametrize(
    "place",
    ["attempt-ended", "attempt-ended:2", "object-owned", "object-placed", "outputs-published", "rows-written:2"],
)
def test_a_killed_engine_loses_no_result(root: Root, tmp_path: Path, place: str) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT.format(tests=str(Path(__file__).parent), folder=str(tmp_path), root=str(root.path)))
    env = {**os.environ, "TYPEDPIPE_FAILPOINT": place}
    done = subprocess.run([sys.executable, script], env=env, capture_output=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    clean_up(root)  # a task that was running when the engine was killed has no result
    stored = root.run()
    assert stored.state == "INTERRUPTED"
    begun, whole = runs_of(tmp_path, "made"), (stored.folder / "tasks/made/1/result.json").exists()
    assert whole or place == "rows-written:2"
    _, result = resumed(root)
    assert result.outputs == {"o": "hello5"}
    assert runs_of(tmp_path, "made") == (begun if whole else begun + 1)
    assert runs_of(tmp_path, "last") == 1


def test_half_of_an_unrecorded_result_is_not_taken(root: Root, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT.format(tests=str(Path(__file__).parent), folder=str(tmp_path), root=str(root.path)))
    env = {**os.environ, "TYPEDPIPE_FAILPOINT": "attempt-ended"}
    subprocess.run([sys.executable, script], env=env, capture_output=True, check=False)
    stored = root.run()
    (stored.folder / "tasks" / "made" / "1" / "out" / "a" / "out").write_text("hel")
    plan, result = resumed(root)
    assert not plan.taken_in
    assert result.outputs == {"o": "hello5"}


def test_nothing_of_a_plan_is_written(root: Root, tmp_path: Path) -> None:
    (tmp_path / "b.stop").touch()
    first(root, chain(tmp_path, "a", "b"))
    folder = root.run().folder

    def seen() -> dict[str, int]:
        return {
            str(path): path.stat().st_size for path in folder.rglob("*") if not path.name.endswith(("-shm", "-wal"))
        }

    before = seen()
    plan_resume(root, root.run(), from_task="a")
    assert seen() == before


def test_a_copy_of_the_pinned_code_is_not_needed(root: Root, tmp_path: Path) -> None:
    (tmp_path / "b.stop").touch()
    first(root, chain(tmp_path, "a", "b"))
    os.remove(root.run().pipeline_file)
    with pytest.raises(PipelineError):
        plan_resume(root, root.run())
