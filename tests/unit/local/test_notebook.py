"""Notebook display: IPython's own display machinery, without a browser."""

from __future__ import annotations

import re
import time
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from typedpipe import dsl
from typedpipe.local.notebook import artifact_html, run_bundle, show_run
from typedpipe.pictures.marks import marks
from typedpipe.pictures.states import together
from typedpipe.runs.view import RunView

NASTY = "<script>alert(1)</script>"


@dsl.component
def nap(seconds: float) -> float:
    import time

    time.sleep(seconds)
    return seconds


@dsl.component
def refuse(x: float) -> int:
    raise ValueError("<script>alert(1)</script>")


@dsl.component
def last(status: dsl.PipelineTaskFinalStatus = dsl.STATUS) -> None: ...


@dsl.pipeline(name="<nasty>")
def nasty(seconds: float = 0.01) -> int:
    return refuse(x=nap(seconds=seconds).output).output


@dsl.pipeline
def whole(seconds: float = 0.01) -> None:
    with dsl.ExitHandler(last()):
        slept = nap(seconds=seconds)
        with dsl.If(slept.output > 1.0):
            nap(seconds=0.2)
        with dsl.Else(), dsl.ParallelFor([0.0, 0.01]) as item:
            nap(seconds=item)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def shell() -> Iterator[Any]:
    """An IPython, and what it was told to publish."""
    interactive = pytest.importorskip("IPython.core.interactiveshell").InteractiveShell
    made = interactive.instance()
    published: list[tuple[dict[str, str], bool]] = []

    def publish(
        data: dict[str, str], metadata: Any = None, *, transient: Any = None, update: bool = False, **_: Any
    ) -> None:
        published.append((data, update))

    made.display_pub.publish = publish
    made.published = published
    yield made
    interactive.clear_instance()


def image(bundle: dict[str, str]) -> str:
    found = re.search(r'src="data:image/svg\+xml;base64,([^"]+)"', bundle["text/html"])
    assert found is not None
    svg = b64decode(found[1]).decode()
    ElementTree.fromstring(svg)
    assert "<script" not in svg
    assert "http" not in svg.replace("http://www.w3.org/2000/svg", "")
    return svg


def test_a_pipeline_shows_its_graph() -> None:
    bundle = nasty._repr_mimebundle_()
    assert set(bundle) == {"text/plain", "text/html", "text/vnd.mermaid"}
    assert ">nap<" in image(bundle)
    assert "refuse" in bundle["text/plain"]
    assert bundle["text/vnd.mermaid"].startswith("---\ntitle:")
    assert "<nasty>" not in bundle["text/html"]


def test_a_run_shows_states_and_why_it_failed() -> None:
    run = nasty.options(raise_on_error=False, cache=False).run().wait()
    bundle = run_bundle(run._view)
    svg = image(bundle)
    assert 'class="box s-succeeded"' in svg
    assert 'class="box s-failed"' in svg
    assert NASTY not in bundle["text/html"]
    assert "&lt;script&gt;" in bundle["text/html"]
    assert "✗ refuse: component" in bundle["text/plain"]


def test_the_marks_of_groups() -> None:
    run = whole.run().wait()
    svg = image(run_bundle(run._view))
    assert svg.count("s-omitted") - svg.split("</style>")[0].count("s-omitted") == 2  # the arm not taken, and its task
    assert ">2/2<" in svg
    assert " s-failed" not in svg.split("</style>")[1]
    assert 'class="exit s-succeeded"' in svg


def test_before_anything_starts_everything_waits() -> None:
    from typedpipe.compiler import driver
    from typedpipe.pictures.boxes import picture

    assert whole.ir is not None
    closed = driver.check(whole.ir)
    view, drawn = RunView(closed), picture(closed)
    found = marks(view.tasks(), view.loops(), 0.0, ended=False).of(drawn.boxes)
    assert {state.mark for state in found.values()} == {"waiting"}


def test_what_tasks_come_to() -> None:
    assert together(["succeeded", "failed", "running"]) == "failed"
    assert together(["succeeded", "waiting"]) == "running"
    assert together(["succeeded", "omitted"]) == "succeeded"
    assert together(["reused", "reused"]) == "reused"
    assert together([]) == "waiting"


def test_artifacts_are_escaped() -> None:
    html = artifact_html(dsl.Model(f"s3://{NASTY}", name=NASTY, metadata={NASTY: NASTY}))
    assert "<script" not in html
    assert html.count("&lt;script&gt;") == 4


def test_without_ipython_nothing_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    run = whole.run().wait()
    assert not show_run(run._view)
    assert repr(run).startswith("<run ")


def test_ipython_shows_a_run_and_keeps_it_up_to_date(shell: Any) -> None:
    run = whole.run(seconds=0.7, runner="process", cache=False)
    shell.display_formatter.format(run)  # what a cell's last line does
    run.wait()
    end = time.monotonic() + 5
    while "succeeded" not in shell.published[-1][0]["text/plain"]:
        assert time.monotonic() < end
        time.sleep(0.02)
    assert [update for _, update in shell.published] == [False] + [True] * (len(shell.published) - 1)
    assert 3 <= len(shell.published) <= 8
    assert "running" in shell.published[0][0]["text/plain"]
    image(shell.published[-1][0])


def test_ipython_shows_artifacts_and_pipelines(shell: Any) -> None:
    run = whole.run().wait()
    assert run.state == "SUCCEEDED"
    data, _ = shell.display_formatter.format(dsl.Model("s3://a", metadata={"k": NASTY}))
    assert "&lt;script&gt;" in data["text/html"]
    data, _ = shell.display_formatter.format(whole)
    image(data)
