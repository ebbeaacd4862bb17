"""Cache keys: equal and different tasks."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from local_samples import ADD, DATASET, STATUS, component, graph, pipeline, task

from typedpipe.diagnostics.record import replace
from typedpipe.ir.nodes import (
    Chunk,
    Component,
    Const,
    ContainerImpl,
    Importer,
    InputPort,
    Options,
    Placeholder,
    PythonImpl,
)
from typedpipe.local.caching.fingerprint import Fingerprints, coerced, component_data, enabled
from typedpipe.local.caching.normal_form import digest_of, lines_of
from typedpipe.local.scheduling.frame import TaskRun
from typedpipe.runs.model import ArtifactRef, Value
from typedpipe.types.data import to_data
from typedpipe.types.model import (
    ANY,
    BOOL,
    DATETIME,
    FLOAT,
    INT,
    NULL,
    STR,
    DictType,
    ListType,
    StructField,
    StructType,
    Type,
    union,
)

PLACE = {"python": "3.11", "requirements": ["numpy==2.1"], "platform": "Linux x86_64"}


def run_of(what: Component, values: dict[str, Value], env: dict[str, str] | None = None, **options: Any) -> TaskRun:
    node = task("t", what, options=Options(**options))
    return TaskRun("t", node, values, env or {}, {}, False, None)  # type: ignore[arg-type]  # keys do not look at owners


def key(
    what: Component,
    values: dict[str, Value] | None = None,
    *,
    facts: dict[str, Any] | None = None,
    env: dict[str, str] | None = None,
    **options: Any,
) -> str | None:
    prints = Fingerprints(pipeline(graph(), what), {what.name: PLACE if facts is None else facts})
    parts = prints.parts(run_of(what, values or {}, env, **options))
    return None if parts is None else parts.key


def python(source: str) -> Component:
    return component("f", source)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("def f():\n    return 1000\n", "def f( ):  # a comment\n    return (1_000)\n"),
        ("def f():\n    return 'a'\n", 'def f():\n\n    return u"a"\n'),
        ("def f():\n    'Says something.'\n    return 1\n", "def f():\n    return 1\n"),
        ("def f():\n    'Only this.'\n", "def f():\n    pass\n"),
        ("    def f():\n        'Says.'\n        return 1\n", "    def f():\n        'Other.'\n        return 1\n"),
    ],
)
def test_layout_is_not_in_the_key(one: str, other: str) -> None:
    assert key(python(one)) == key(python(other))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("def f():\n    return 1\n", "def f():\n    return 1.0\n"),
        ("def f():\n    return 1\n", "def f():\n    return True\n"),
        ("def f():\n    'a'\n    return f.__doc__\n", "def f():\n    'b'\n    return f.__doc__\n"),
        ("def f():\n    x = 1\n", "def f():\n    y = 1\n"),
        *(
            (text.format("a"), text.format("b"))
            for text in [
                "class A:\n    '{}'\ndef f():\n    return A\n",
                "class A:\n    class B:\n        '{}'\ndef f():\n    return A\n",
                "class A:\n    def b(self):\n        '{}'\ndef f():\n    return A\n",
                "def g():\n    '{}'\ndef f():\n    return g\n",
                "def f():\n    def g():\n        '{}'\n    return g\n",
                "def f():\n    class A:\n        '{}'\n    return A\n",
                "def f():\n    '{}'\n    import inspect\n    return inspect\n",
                "def f():\n    '{}'\n    return globals()['f']\n",
            ]
        ),
    ],
)
def test_what_the_source_does_is_in_the_key(one: str, other: str) -> None:
    assert key(python(one)) != key(python(other))


def test_the_modules_of_the_source_are_in_the_key() -> None:
    text = "def g(): ...\n"
    sources = [[Chunk(text)], [Chunk(text, module="a")], [Chunk(text, module="b")]]
    assert len({digest_of([*chunks, Chunk("def f(): ...\n")], "f") for chunks in sources}) == 3
    lines = [line.text for line in lines_of([*sources[1], *sources[0]])]
    assert lines == ["# the module a", "def g():", "    ...", "# the module of the component", "def g():", "    ..."]


def test_an_indented_chunk_is_what_it_is_without_its_indentation() -> None:
    assert digest_of([Chunk("    def f():\n        return 1\n")]) == digest_of([Chunk("def f():\n    return 1\n")])


def test_source_that_this_python_cannot_parse_is_taken_as_it_is() -> None:
    assert digest_of([Chunk("def f(:")]) != digest_of([Chunk("def f(: ")])
    assert [line.text for line in lines_of([Chunk("def f(:\n  x", "a.py", 7)])] == ["def f(:", "  x"]


def test_lines_of_the_normal_form_know_the_users_line() -> None:
    source = "# first\ndef f(a,\n      b):\n    '''docs\n    more'''\n    x = 1  # one\n\n    if a:\n        return x\n"
    found = [(line.text, line.number) for line in lines_of([Chunk(source, "a.py", 10)], "f")]
    assert found == [("def f(a, b):", 11), ("    x = 1", 15), ("    if a:", 17), ("        return x", 18)]


@pytest.mark.parametrize(
    ("type_", "one", "other"),
    [
        (FLOAT, "5", "5.0"),
        (INT, "5", "5.0"),
        (FLOAT, "1e3", "1000"),
        (ListType(FLOAT), "[1,2]", "[1.0,2.0]"),
        (union(FLOAT, NULL), "5", "5.0"),
        (DATETIME, '"2026-01-01T00:00:00Z"', '"2026-01-01T00:00:00.000000Z"'),
        (
            StructType("C", "dataclass", (StructField("a", INT), StructField("b", FLOAT))),
            '{"b":1,"a":2}',
            '{"a":2,"b":1.0}',
        ),
    ],
)
def test_equal_values_of_a_type_are_one_text(type_: Type, one: str, other: str) -> None:
    assert coerced(one, type_, to_data(type_)) == coerced(other, type_, to_data(type_))


@pytest.mark.parametrize(
    ("type_", "one", "other"),
    [
        (ANY, "5", "5.0"),
        (BOOL, "true", "false"),
        (STR, '"5"', "5"),
        (union(INT, FLOAT), "1", "1.0"),
        (union(FLOAT, INT, NULL), "1", "1.0"),
        (union(ListType(FLOAT), ListType(INT)), "[1]", "[1.0]"),
        (
            StructType("C", "dataclass", (StructField("a", INT),), restored=True),
            '{"a":1}',
            '{"a":1,"$tp":["object","C"]}',
        ),
        (DictType(INT), '{"a":1,"b":2}', '{"b":2,"a":1}'),
    ],
)
def test_what_a_component_can_tell_apart_stays_apart(type_: Type, one: str, other: str) -> None:
    assert coerced(one, type_, to_data(type_)) != coerced(other, type_, to_data(type_))


def test_parameters_environment_and_place_are_in_the_key() -> None:
    base = key(ADD, {"a": "1", "b": "2"})
    assert base == key(ADD, {"b": "2.0", "a": "1"})
    others = [
        key(ADD, {"a": "2", "b": "1"}),
        key(ADD, {"a": "1", "b": "2"}, env={"SEED": "1"}),
        key(ADD, {"a": "1", "b": "2"}, facts={**PLACE, "python": "3.12"}),
        key(ADD, {"a": "1", "b": "2"}, facts={**PLACE, "requirements": ["numpy==2.2"]}),
        key(replace(ADD, outputs=()), {"a": "1", "b": "2"}),
    ]
    assert len({base, *others}) == 6
    assert key(replace(ADD, name="plus"), {"a": "1", "b": "2"}) == base  # what a component is called is nothing it sees


def test_a_set_key_stands_for_all_but_the_component_and_its_outputs() -> None:
    assert key(ADD, {"a": "1"}, cache_key="k") == key(ADD, {"a": "2"}, facts={}, cache_key="k")
    assert key(ADD, {"a": "1"}, cache_key="k") != key(ADD, {"a": "1"}, cache_key="l")
    assert key(ADD, {"a": "1"}, cache_key="k") != key(replace(ADD, name="plus"), {"a": "1"}, cache_key="k")
    assert key(ADD, {"a": "1"}, cache_key="k") != key(replace(ADD, outputs=()), {"a": "1"}, cache_key="k")


READ = component("read", "def read(data):\n    return 1\n", {"data": DATASET}, INT)


def stored(path: str, digest: str = "sha256:1", **more: Any) -> ArtifactRef:
    descriptor = {"type": "system.Dataset", "version": "0.0.1", "name": "data", "metadata": {}, "uri": path, "key": "k"}
    return ArtifactRef(path, {**descriptor, "digest": digest, **more})


def test_artifacts_are_known_by_their_content_and_not_their_place() -> None:
    base = key(READ, {"data": stored("/a")})
    assert base == key(READ, {"data": stored("/b", key="other", size=7)})
    others = [
        key(READ, {"data": stored("/a", "sha256:2")}),
        key(READ, {"data": stored("/a", metadata={"n": 1})}),
        key(READ, {"data": stored("/a", type="system.Model")}),
        key(READ, {"data": None}),
        key(READ, {"data": (stored("/a"),)}),
    ]
    assert len({base, *others}) == 6


def imports(reimport: bool = False) -> Fingerprints:
    importer = Importer("data", Const('"u"', STR), DATASET, reimport=reimport)
    return Fingerprints(pipeline(graph(importer), READ))


def test_an_imported_file_is_known_by_its_content(tmp_path: Path) -> None:
    file = tmp_path / "data.csv"
    file.write_text("1")
    value = stored(str(file), "", name="data", key="data")
    first = imports().parts(run_of(READ, {"data": value}))
    assert first is not None
    os.utime(file, ns=(1, 1))
    assert imports().parts(run_of(READ, {"data": value})) == first
    file.write_text("12")
    assert imports().parts(run_of(READ, {"data": value})) != first
    file.unlink()
    assert "cannot be read" in imports().why_not(run_of(READ, {"data": value}))


def test_what_is_elsewhere_is_known_by_its_uri_unless_it_is_imported_anew() -> None:
    def far(uri: str) -> ArtifactRef:
        return ArtifactRef(None, {**stored(uri, "", name="data", key="data").descriptor})

    one, other = (imports().parts(run_of(READ, {"data": far(uri)})) for uri in ("s3://a", "s3://b"))
    assert one is not None
    assert one != other
    assert "reimport" in imports(reimport=True).why_not(run_of(READ, {"data": far("s3://a")}))


def test_a_reference_that_a_task_made_has_no_key() -> None:
    run = run_of(READ, {"data": ArtifactRef(None, {**stored("s3://a", "").descriptor})})
    assert imports().parts(run) is None
    assert "by reference (s3://a)" in imports().why_not(run)


def test_a_status_has_no_key() -> None:
    assert key(STATUS, {"path": '"p"', "s": "{}"}) is None


def test_containers_are_known_by_image_and_command() -> None:
    def shell(*args: Any, image: str = "busybox:1") -> Component:
        return Component("sh", (), (), ContainerImpl(("sh", "-c"), args), image)

    base = key(shell("true"), facts={"image_id": "sha256:1"})
    others = [
        key(shell("false"), facts={"image_id": "sha256:1"}),
        key(shell("true", image="busybox:2"), facts={"image_id": "sha256:1"}),
        key(shell("true"), facts={"image_id": "sha256:2"}),
        key(shell(Placeholder("input_value", "true")), facts={"image_id": "sha256:1"}),
    ]
    assert len({base, *others}) == 5


def test_declared_packages_count_where_nobody_resolved_them() -> None:
    impl = ADD.impl
    assert isinstance(impl, PythonImpl)
    one, other = (replace(ADD, impl=replace(impl, packages=(name,))) for name in ("numpy", "pandas"))
    assert key(one, facts={}) != key(other, facts={})
    assert key(one) == key(other)  # resolved: the versions are what counts


def test_variables_of_the_run_are_in_the_key_and_not_in_the_record() -> None:
    prints = [Fingerprints(pipeline(graph()), {}, {"TOKEN": value}) for value in ("secret", "other")]
    parts = [found.parts(run_of(ADD, {"a": "1"}, {"SEED": "7"})) for found in prints]
    assert parts[0] is not None and parts[1] is not None
    assert parts[0].key != parts[1].key
    assert "secret" not in str(parts[0].data)
    assert parts[0].data["environment"]["SEED"] == "7"


def test_when_a_task_is_cached() -> None:
    quiet = replace(ADD, outputs=())
    found = {
        (unset, caching, run): enabled(task("t", ADD, options=Options(caching=caching)), quiet if unset else ADD, run)
        for unset in (False, True)
        for caching in (None, True, False)
        for run in (None, True, False)
    }
    assert [at for at, on in found.items() if on] == [
        (False, None, None),
        (False, None, True),
        (False, True, None),
        (False, True, True),
        (True, None, True),
        (True, True, None),
        (True, True, True),
    ]


def test_keys_are_equal_in_every_process(tmp_path: Path) -> None:
    script = tmp_path / "keys.py"
    script.write_text(
        f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "from test_fingerprint import *\n"
        "print(key(python('def f():\\n    return {1, 2, \"a\"}\\n')), key(ADD, {'a': '1'}, env={'B': '1', 'A': '2'}))\n"
    )
    found = {
        subprocess.run(
            [sys.executable, script], env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in ("1", "2")
    }
    assert len(found) == 1


def test_a_value_that_could_have_been_another_member_of_a_union_has_a_new_key() -> None:
    plain, either = component("f", "def f(): ..."), union(INT, FLOAT)
    for type_ in (union(INT, NULL), union(INT, STR), union(ListType(FLOAT), STR, NULL)):
        assert component_data(replace(plain, inputs=(InputPort("x", type_),)), {})["format"] == 1
    for type_ in (
        either,
        ListType(either),
        union(either, NULL),
        StructType("C", "dataclass", (StructField("a", either),)),
    ):
        changed = component_data(replace(plain, inputs=(InputPort("x", type_),)), {})
        assert changed["format"] != 1
