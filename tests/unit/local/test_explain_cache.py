"""Explanations of cache hits and misses, in words."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from local_samples import ADD, DATASET, MARK, READ, component, const, graph, out, pipeline, task

from typedpipe.diagnostics.errors import PipelineError
from typedpipe.diagnostics.record import replace
from typedpipe.ir.nodes import Call, FromInput, InputPort, Loop, Options, Pipeline, PythonImpl
from typedpipe.local.caching.explanation import Explanation, explain
from typedpipe.local.caching.key_changes import environment_changes, interface_changes, place_changes, set_key
from typedpipe.local.run import run
from typedpipe.local.store.index import task as stored_task
from typedpipe.local.store.root import Root, open_root
from typedpipe.types.model import INT, STR

LOAD = component(
    "load",
    "def load(rows, out):\n    open(out.path, 'w').write('x' * rows)\n    out.metadata['n'] = rows\n",
    {"rows": INT},
    DATASET,
)


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Root]:
    found = open_root(tmp_path / "root", create=True)
    yield found
    found.close()


def made(rows: int = 3, *, load: str = "'x'", path: str = "", **options: Any) -> Pipeline:
    impl = LOAD.impl
    assert isinstance(impl, PythonImpl)
    chunk = replace(impl.chunks[0], text=impl.chunks[0].text.replace("'x'", load))
    edited = replace(LOAD, impl=replace(impl, chunks=(chunk,)))
    nodes = [
        task("load", edited, rows=rows),
        task("read", READ, data=out("load", "out"), options=Options(**options)),
        *([task("mark", MARK, path=path, text=out("read"))] if path else []),
    ]
    return pipeline(graph(*nodes, outputs={"o": (out("read"), STR)}), edited)


def told(root: Root, name: str, against: str | None = None) -> Explanation:
    stored = root.run()
    return explain(root, stored, stored_task(stored, name), None if against is None else root.run(against))


def go(root: Root, what: Pipeline, **options: Any) -> str:
    result = run(what, {}, folder=root.path, **options)
    assert result.succeeded, result.message
    return result.run


def test_the_first_run_has_nothing_to_compare_with(root: Root) -> None:
    go(root, made())
    assert told(root, "read").verdict == "first"


def test_a_hit_names_the_run_that_computed_it(root: Root) -> None:
    one = go(root, made())
    go(root, made())
    found = told(root, "read")
    assert found.verdict == "hit"
    assert found.text == f"`read` was cached: run {one} has a result with the same cache key"


def test_a_change_is_followed_to_its_cause(root: Root) -> None:
    go(root, made(3))
    go(root, made(4))
    assert told(root, "load").lines()[1] == "  parameter `rows`: 3 → 4"
    found = told(root, "read")
    assert found.verdict == "changed"
    assert found.lines()[1:3] == [
        "  input `data` has different content (created by `load`, whose parameter `rows` changed: 3 → 4)",
        "not tracked:",
    ]
    assert found.data()["changes"][0]["because"] == [{"part": "parameter", "text": "parameter `rows`: 3 → 4"}]


def test_a_changed_source_is_shown_with_its_line(root: Root) -> None:
    go(root, made())
    go(root, made(load="'y'"))
    lines = told(root, "read").lines()
    assert lines[1:4] == [
        "  input `data` has different content (created by `load`)",
        "    the source of `load` changed: line 2 of user.py",
        "        @@ -1,3 +1,3 @@",
    ]
    assert "        +    open(out.path, 'w').write('y' * rows)" in lines


def test_a_run_may_be_named_to_compare_with(root: Root) -> None:
    one = go(root, made(3))
    go(root, made(4))
    go(root, made(4))
    assert told(root, "load").verdict == "hit"
    found = told(root, "load", against=one)
    assert (found.verdict, found.against, found.changes[0].text) == ("changed", one, "parameter `rows`: 3 → 4")


@pytest.mark.parametrize(
    ("options", "cache", "said"),
    [
        ({"caching": False}, None, "the pipeline calls `set_caching_options(False)`"),
        ({}, False, "the cache was disabled for this run"),
    ],
)
def test_why_a_task_is_never_cached(root: Root, options: dict[str, Any], cache: bool | None, said: str) -> None:
    go(root, made(3), cache=cache)
    go(root, made(4, **options), cache=cache)
    found = told(root, "read")
    assert found.verdict == "never"
    assert said in found.text
    assert found.changes[0].text.startswith("input `data` has different content")


def test_a_task_without_outputs_runs_for_what_it_does(root: Root, tmp_path: Path) -> None:
    go(root, made(path=str(tmp_path / "mark")))
    assert "it has no outputs" in told(root, "mark").text


def test_equal_keys_and_no_hit(root: Root) -> None:
    go(root, made())
    root.cache.forget(root.cache.keys())
    root.cache.commit()
    go(root, made())
    assert told(root, "read").text.endswith("its result was removed or modified since")


def test_arguments_calls_and_items_are_named(root: Root) -> None:
    def built(b: int) -> Pipeline:
        inner = graph(
            task("add", ADD, a=FromInput("x"), b=1),
            inputs=(InputPort("x", INT),),
            outputs={"v": (out("add"), INT)},
        )
        body = graph(
            task("one", ADD, a=FromInput("item"), b=FromInput("k")),
            inputs=(InputPort("item", INT), InputPort("k", INT)),
        )
        return pipeline(
            graph(
                Call("call", "sub", (("x", FromInput("n")),)),
                Loop("for-1", const([1, 2]), "item", INT, body, args=(("k", out("call", "v")),)),
                inputs=(InputPort("n", INT, const(b)),),
            ),
            pipelines={"sub": inner},
        )

    go(root, built(1))
    go(root, built(2))
    assert told(root, "for-1[1]/one").lines()[1:2] == [
        "  parameter `b`: 2 → 3 (created by `call/add`, whose parameter `a` changed: 1 → 2 (the argument `n` of the run))"
    ]


def words(found: Any) -> list[str]:
    return [change.text for change in found]


def test_parts_in_words() -> None:
    old: dict[str, Any] = {"requirements": ["numpy==2.1", "gone==1"], "python": "3.11", "image": "a", "format": 1}
    new: dict[str, Any] = {"requirements": ["numpy==2.2", "new==3"], "python": "3.12", "image": "b", "format": 1}
    assert words(place_changes(old, new)) == [
        "requirements: gone was removed, new 3 was added, numpy 2.1 → 2.2",
        "Python 3.11 → 3.12",
        "image a → b",
    ]
    assert words(place_changes({}, new)) == []
    hidden = "sha256:1"
    assert words(environment_changes({"A": "1", "T": hidden, "G": "x"}, {"A": "2", "T": "sha256:2", "N": hidden})) == [
        "environment `A`: '1' → '2'",
        "environment `T`: a different value",
        "environment `G`: 'x' → not set",
        "environment `N`: now set",
    ]
    ports = {"inputs": [["a", "value", "int"], ["b", "value", "int"]], "outputs": []}
    others = {"inputs": [["a", "value", "float"], ["c", "value", "int"]], "outputs": []}
    assert words(interface_changes({"interface": ports}, {"interface": others})) == [
        "input `a` of the component: int → float",
        "input `b` of the component: was removed",
        "input `c` of the component: was added",
    ]
    assert words(set_key({"cache_key": "v1"}, {})) == ["the key of `set_caching_options`: `v1` → none"]


def test_a_task_that_did_not_run_has_no_changes(root: Root) -> None:
    go(root, made(3))
    broken = made(4, load="1 / 0")
    result = run(broken, {}, folder=root.path)
    assert not result.succeeded
    found = told(root, "read")
    assert (found.verdict, found.changes, found.not_tracked) == ("never", (), ())
    assert found.text.startswith("`read` did not run in this run: ")
    assert told(root, "load").verdict == "changed"
    go(root, made(5))
    assert told(root, "read").against != result.run  # the last run in which it ran
    apart = told(root, "read", against=result.run)
    assert (apart.verdict, apart.changes) == ("first", ())
    assert apart.text.startswith(f"`read` cannot be compared: run {result.run} did not run it: ")


def test_a_run_without_a_task_is_named_as_such(root: Root) -> None:
    name = go(root, made())
    with pytest.raises(PipelineError) as caught:
        told(root, "")
    (found,) = caught.value.diagnostics
    assert found.message == f"`{name}` is a run, not a task"
    assert found.help == f"name one of its tasks: `{name}/load`, `{name}/read`"


def test_keys_that_differ_in_nothing_known_are_of_another_format(root: Root) -> None:
    go(root, made())
    root.cache.forget(root.cache.keys())
    root.cache.commit()
    go(root, made())
    stored = root.run()
    task_ = stored_task(stored, "read")
    found = explain(root, stored, replace(task_, key="another"))
    assert [change.part for change in found.changes] == ["format"]


def test_a_changed_package_is_named() -> None:
    old, new = ({"contents": {"mine": digest, "same": "1"}} for digest in ("1", "2"))
    assert words(place_changes(old, new)) == ["the code of the package `mine` changed"]


def test_a_run_in_which_it_was_cached_is_not_the_one_to_compare_with(root: Root) -> None:
    go(root, made(3))
    last = go(root, made(4))
    go(root, made(3))  # from the cache
    go(root, made(5))
    found = told(root, "load")
    assert (found.against, found.changes[0].text) == (last, "parameter `rows`: 4 → 5")


def test_what_was_not_cached_is_compared_with_its_surroundings(root: Root) -> None:
    go(root, made(3), cache=False, environment={"A": "1"})
    go(root, made(3), cache=False, environment={"A": "2"})
    assert [change.text for change in told(root, "load").changes] == ["environment `A`: a different value"]
