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
from typedpipe.local.artifact_display import artifact_html
from typedpipe.local.notebook import SECONDS, run_bundle, show_run
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
    bundle = run_bundle(run._view, {})
    svg = image(bundle)
    assert 'class="box s-succeeded"' in svg
    assert 'class="box s-failed"' in svg
    assert NASTY not in bundle["text/html"]
    assert "&lt;script&gt;" in bundle["text/html"]
    assert "✗ refuse: ValueError" in bundle["text/plain"]


def test_the_marks_of_groups() -> None:
    run = whole.run().wait()
    svg = image(run_bundle(run._view, {}))
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


def written(cls: type[dsl.Artifact], text: str, tmp_path: Path, **metadata: Any) -> Any:
    path = tmp_path / f"content-{cls.__name__}"
    path.write_text(text)
    return cls(str(path), name="shown", metadata=metadata)


def test_markdown_is_rendered(tmp_path: Path) -> None:
    html = artifact_html(written(dsl.Markdown, f"# Title\n\n**bold** {NASTY}\n", tmp_path))
    assert "<strong>bold</strong>" in html
    assert "Title</h" in html
    assert "<script" not in html


def test_html_is_a_page_that_loads_nothing(tmp_path: Path) -> None:
    page = "<h1>Hi</h1><script>draw()</script><script src='https://evil'></script><img src='https://evil/x.png'>"
    html = artifact_html(written(dsl.HTML, page, tmp_path))
    frame = ElementTree.fromstring(html.replace("&#x27;", "&#39;")).find("iframe")
    assert frame is not None
    assert frame.get("sandbox") == "allow-scripts"  # no origin: neither the notebook nor its cookies
    inside = frame.get("srcdoc") or ""
    assert inside.endswith(page)
    policy = re.search(r'<meta http-equiv="Content-Security-Policy" content="([^"]+)">', inside)
    assert policy is not None
    rules = dict(part.strip().split(" ", 1) for part in policy[1].replace("&#x27;", "'").split(";"))
    assert rules["default-src"] == "'none'"
    assert re.fullmatch(r"'sha256-[^']+'", rules["script-src"])  # that of the page alone
    assert "http" not in "".join(rules.values())


@pytest.mark.parametrize("cls", [dsl.HTML, dsl.Markdown])
def test_a_document_that_is_not_here_is_a_table(tmp_path: Path, cls: Any) -> None:
    for artifact in (cls("s3://bucket/page"), cls(str(tmp_path / "nothing")), cls(str(tmp_path))):
        html = artifact_html(artifact)
        assert html.startswith("<table><caption>system.")
        assert artifact.uri in html


def test_metrics_are_tables() -> None:
    assert "<tr><th>loss</th><td>0.5</td></tr>" in artifact_html(dsl.Metrics("/x", metadata={"loss": 0.5}))
    found = dsl.ClassificationMetrics("/x")
    found.log_confusion_matrix(["cat", NASTY], [[3, 1], [0, 4]])
    found.log_roc_curve([0.0, 1.0], [0.5, 1.0], [0.9, 0.1])
    html = artifact_html(found)
    assert "<tr><th>cat</th><td>3</td><td>1</td></tr>" in html
    assert "ROC curve: 2 points, area 0.75" in html
    assert "<script" not in html


@dsl.component
def artifacts(text: str) -> dsl.Dataset:
    made = dsl.Dataset(metadata={"rows": 3, "text": text})
    with open(made.path, "w") as file:
        file.write(text)
    return made


@dsl.pipeline
def shown_inputs(text: str = "default", limit: int = 1) -> dsl.Dataset:
    return artifacts(text=text).output


def test_a_picture_of_a_run_shows_its_arguments() -> None:
    run = shown_inputs.run(text="given").wait()
    svg = image(run._repr_mimebundle_())
    assert "text: str = &quot;given&quot;" in svg or 'text: str = "given"' in svg
    assert "limit: int = 1" in svg
    assert "default" not in svg.split("</style>")[1]
    assert "default" in image(shown_inputs._repr_mimebundle_())


def test_the_artifacts_of_a_run_are_a_table() -> None:
    run = shown_inputs.run(text=NASTY).wait()
    head, row = repr(run.artifacts).splitlines()
    assert head.split() == ["artifact", "type", "uri", "metadata"]
    assert row.split()[:2] == ["artifacts.Output", "Dataset"]
    assert row.split()[3:] == ["rows=3,", f"text={NASTY}"]
    html = run.artifacts._repr_html_()  # type: ignore[attr-defined]  # for IPython
    assert "<td>artifacts.Output</td><td>Dataset</td>" in html
    assert "<script" not in html
    with pytest.raises(KeyError, match=r"no artifact x; the artifacts are artifacts\.Output"):
        run.artifacts["x"]
    assert repr(whole.run().wait().artifacts) == "no artifacts"


def test_without_ipython_nothing_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    run = whole.run().wait()
    assert not show_run(run._view, {})
    assert repr(run).startswith("<run ")


def test_ipython_shows_a_run_and_keeps_it_up_to_date(shell: Any) -> None:
    started = time.monotonic()
    run = whole.run(seconds=2.0, runner="process", cache=False)
    shell.display_formatter.format(run)  # what a cell's last line does
    run.wait()
    end = time.monotonic() + 120
    while "succeeded" not in shell.published[-1][0]["text/plain"]:
        assert time.monotonic() < end
        time.sleep(0.02)
    assert [update for _, update in shell.published] == [False] + [True] * (len(shell.published) - 1)
    assert 3 <= len(shell.published) <= 3 + (time.monotonic() - started) / SECONDS
    assert "running" in shell.published[0][0]["text/plain"]
    image(shell.published[-1][0])


def test_ipython_shows_artifacts_and_pipelines(shell: Any) -> None:
    run = whole.run().wait()
    assert run.state == "SUCCEEDED"
    data, _ = shell.display_formatter.format(dsl.Model("s3://a", metadata={"k": NASTY}))
    assert "&lt;script&gt;" in data["text/html"]
    data, _ = shell.display_formatter.format(whole)
    image(data)
