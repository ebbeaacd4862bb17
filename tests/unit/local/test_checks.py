"""Errors reported before anything starts, and container components on the host."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from local_samples import DATASET, ECHO, READ, SAVE, component, const, graph, out, pipeline, task

from typedpipe.diagnostics.model import Diagnostics, Span
from typedpipe.ir.nodes import (
    Component,
    Concat,
    ContainerImpl,
    ExitHandler,
    IfPresent,
    InputPort,
    OutputPort,
    Placeholder,
    PythonImpl,
)
from typedpipe.local import check_runnable, run
from typedpipe.local.runners import place
from typedpipe.local.runners.client import NoClient
from typedpipe.local.values import raw_value
from typedpipe.types.model import ANY, BOOL, FLOAT, INT, NULL, STR, ListType, Type, union


def container(command: tuple[object, ...], args: tuple[object, ...] = ()) -> Component:
    inputs = (
        InputPort("text", STR),
        InputPort("n", union(INT, NULL), const(None)),
        InputPort("data", union(DATASET, NULL), how="artifact"),
    )
    outputs = (OutputPort("count", INT, "path"), OutputPort("made", DATASET, "artifact"))
    impl = ContainerImpl(command, args)  # type: ignore[arg-type]  # parts
    return Component("box", inputs, outputs, impl, "busybox:1")


SH = container(
    ("sh", "-c", 'echo "$0|$1|$2|$3" > "$5"; printf " 41\n" > "$4"; shift 5; echo "$@"'),
    (
        Concat(("t=", Placeholder("input_value", "text"))),
        IfPresent("n", (Placeholder("input_value", "n"),), ("none",)),
        IfPresent("data", (Placeholder("input_path", "data"),), ("no data",)),
        Placeholder("input_metadata", "data"),
        Placeholder("output_parameter", "count"),
        Placeholder("output_path", "made"),
    ),
)


def test_a_container_is_refused_at_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TYPEDPIPE_CONTAINERS", raising=False)
    monkeypatch.setattr(place, "client", lambda name: NoClient(f"the {name} engine does not respond", "start it"))
    report = Diagnostics()
    call = replace(task("b", SH, text="x"), span=Span("user.py", 7, 3))
    check_runnable(pipeline(graph(ExitHandler("h", graph(), call)), SH), report)
    (found,) = report
    assert (found.code, found.primary.span.line) == ("TP195", 7)
    assert "TYPEDPIPE_CONTAINERS=host" in found.help


def test_a_container_runs_on_the_host_when_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TYPEDPIPE_CONTAINERS", "host")
    show = component("show", "def show(d):\n    return open(d.path).read()\n", {"d": DATASET}, STR)
    body = graph(
        task("plain", SH, text="$x {{y}} 'z'"),
        task("s", SAVE, text="data"),
        task("full", SH, text="", n=5, data=out("s", "out")),
        task("show-1", show, d=out("plain", "made")),
        task("show-2", show, d=out("full", "made")),
        outputs={"n": (out("full", "count"), INT), "a": (out("show-1"), STR), "b": (out("show-2"), STR)},
    )
    result = run(pipeline(body, SH, show), {}, folder=tmp_path)
    assert result.succeeded, result.message
    assert (result.outputs["n"], result.outputs["a"]) == (41, "t=$x {{y}} 'z'|none|no data|{}\n")
    text = str(result.outputs["b"])
    assert text.startswith("t=|5|/") and text.endswith('/in/data|{"n": 4}\n')


def test_a_command_that_is_not_here(monkeypatch: pytest.MonkeyPatch) -> None:
    report = Diagnostics()
    gone = container(("no-such-command",))
    monkeypatch.setenv("TYPEDPIPE_CONTAINERS", "host")
    check_runnable(pipeline(graph(task("b", gone, text="x")), gone), report)
    assert ["no-such-command" in item.message for item in report] == [True]


def test_missing_packages_are_named() -> None:
    impl = ECHO.impl
    assert isinstance(impl, PythonImpl)
    needy = replace(ECHO, impl=replace(impl, packages=("pytest>=1", "no-such-package==1", "pytest>=999")))
    report = Diagnostics()
    check_runnable(pipeline(graph(task("e", needy, x=1)), needy), report, "process")
    (found,) = report
    assert found.code == "TP196"
    assert "`no-such-package==1`, `pytest>=999`" in found.message


@pytest.mark.parametrize(
    ("text", "type_", "wire"),
    [
        (" 3\n", INT, "3"),
        ("2.5", FLOAT, "2.5"),
        ("3", FLOAT, "3"),
        ("True\n", BOOL, "true"),
        (" 3\n", STR, '" 3\\n"'),
        ("[1, 2]", ListType(INT), "[1,2]"),
        ('"x"', ANY, '"\\"x\\""'),
        ("null", union(INT, NULL), "null"),
    ],
)
def test_raw_text_of_a_container_becomes_a_typed_value(text: str, type_: Type, wire: str) -> None:
    assert raw_value(text, type_) == wire


def test_raw_text_that_does_not_fit() -> None:
    with pytest.raises(ValueError, match="expected `int`, found the string 'x'"):
        raw_value("x", INT)


def test_links_are_kept_out_of_producers(tmp_path: Path) -> None:
    body = graph(task("s", SAVE, text="a"), task("r", READ, data=out("s", "out")))
    result = run(pipeline(body), {}, folder=tmp_path)
    folder = result.tasks["r"].folder
    assert folder is not None and (folder / "in" / "data").read_text() == "a"
