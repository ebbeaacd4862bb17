"""Parts of a report, each separately."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from report_page import read_page
from report_samples import BEGUN, Sample, artifact, content as content_of, render_report, run, task, tuned

from typedpipe import component, dsl, pipeline
from typedpipe.compiler import driver
from typedpipe.ir.nodes import Branch, ExitHandler
from typedpipe.report.axis import axis
from typedpipe.report.charts import read_curve
from typedpipe.report.documents import digest, guarded, scripts_in
from typedpipe.report.logs import tail
from typedpipe.report.markup import Markup, joined, tag
from typedpipe.report.matrix import read_matrix
from typedpipe.report.schedule import critical_path, readiness

# ------------------------------------------------------------------------------------------------ markup


def test_what_is_not_made_by_tag_is_escaped() -> None:
    bold = tag("b", "<")
    assert joined(bold, "<") == "<b>&lt;</b>&lt;"
    assert tag("p", f"{bold}!") == "<p>&lt;b&gt;&amp;lt;&lt;/b&gt;!</p>"  # formatting gives text again
    assert tag("a", href='"><script>') == '<a href="&quot;&gt;&lt;script&gt;"></a>'
    assert tag("svg", width=1.5, hidden=True, title=None, class_="x") == '<svg width="1.5" hidden class="x"></svg>'
    assert isinstance(joined("x"), Markup)


# ------------------------------------------------------------------------------------------------ schedule


@component
def one(x: int = 0) -> int:
    return x


@component
def last(x: int) -> None:
    pass


@pipeline
def inner(x: int) -> int:
    return one(x=one(x=x).output).output


@pipeline
def nested() -> None:
    first = one()
    done = last(x=first.output)
    with dsl.ExitHandler(done):
        with dsl.If(first.output == 0):
            inner(x=first.output)
        one(x=3)


def test_tasks_are_ready_when_what_they_wait_for_has_ended(tmp_path: Path) -> None:
    content = content_of(run(tmp_path), tuned())
    ready = {name: (found.time - BEGUN, found.after) for name, found in content.ready.items()}
    assert ready == {
        "load-rows": (0, ""),
        "for[0]/train": (2, "load-rows"),
        "for[1]/train": (2, "load-rows"),
        "for[2]/train": (4, "for[1]/train"),  # two at once
        "choose": (6, "for[2]/train"),
    }
    assert content.critical == ["load-rows", "for[1]/train", "for[2]/train", "choose"]


def test_the_path_goes_through_branches_calls_and_exits() -> None:
    assert nested.ir is not None
    checked = driver.check(nested.ir)
    (first, handler) = checked.graph.nodes
    assert isinstance(handler, ExitHandler)
    branch, _ = handler.body.nodes
    assert isinstance(branch, Branch)
    (call,) = branch.arms[0].body.nodes
    one_inside, two_inside = next(iter(checked.pipelines.values())).nodes
    prefix = f"{handler.name}/{branch.name}/{call.name}/"
    tasks = [
        task(first.name, 0, 1, 0),
        task(prefix + one_inside.name, 1, 2, 1),
        task(prefix + two_inside.name, 2, 3, 2),
        task(f"{handler.name}/{handler.body.nodes[1].name}", 1, 2.5, 3),
        task(handler.exit.name, 3, 4, 4),
    ]
    ready = readiness(checked, tasks, BEGUN)
    assert set(ready) == {each.name for each in tasks}
    assert critical_path(tasks, ready) == [tasks[0].name, tasks[1].name, tasks[2].name, tasks[4].name]


# ------------------------------------------------------------------------------------------------ axis


def test_long_pauses_are_cut_out_of_the_axis() -> None:
    cut = axis(0.0, 5000.0, [(0.0, 10.0), (4990.0, 5000.0)])
    assert cut.stretches == [(0.0, 10.0), (4990.0, 5000.0)]
    assert cut.at(10.0) == pytest.approx(48.5)
    assert cut.at(4990.0) == pytest.approx(51.5)
    assert cut.at(5000.0) == pytest.approx(100)
    assert [gone for _, gone in cut.cuts()] == [4980.0]
    places = [place for _, place in cut.ticks()]
    assert places == sorted(places)
    assert len(axis(0.0, 40.0, [(0.0, 10.0), (35.0, 40.0)]).stretches) == 1  # a short one is not


@pytest.mark.parametrize("length", [0.0, 0.003, 1.0, 59.0, 3600.0, 86400.0 * 3, 86400.0 * 400])
def test_an_axis_has_a_few_ticks(length: float) -> None:
    assert 1 <= len(axis(0.0, length, [(0.0, length)]).ticks()) <= 12


# ------------------------------------------------------------------------------------------------ logs


def test_the_tail_of_a_long_log(tmp_path: Path) -> None:
    log = tmp_path / "log"
    given = run(tmp_path / "r")
    source = Sample(given, [task("t", 0, 1, 0, folder=tmp_path)])
    source.close()
    log.write_bytes(b"x" * 200_000 + b"\nsecond last\n\x1b]8;;http://e.x\x07link\x1b]8;;\x07 \xff\x1b[2J\nlast")
    assert tail(source, given, "t", 1, 2) == ("link �\nlast", True)
    assert len(tail(source, given, "t", 1, 10)[0]) < 5000
    log.write_text("a\nb\n")
    assert tail(source, given, "t", 1, 5) == ("a\nb", False)
    log.unlink()
    assert tail(source, given, "t", 1, 5) == ("", False)


# ------------------------------------------------------------------------------------------------ drawings

_POINT = {"falsePositiveRate": 0.5, "recall": 0.5, "confidenceThreshold": 0.1}


@pytest.mark.parametrize(
    "metadata",
    [
        None,
        3,
        {"confidenceMetrics": "x"},
        {"confidenceMetrics": [1, None, {}, {"falsePositiveRate": "0", "recall": 1}]},
        {"confidenceMetrics": [{**_POINT, "recall": float("nan")}, {**_POINT, "recall": 7}]},
        {"confusionMatrix": []},
        {"confusionMatrix": {"annotationSpecs": [], "rows": []}},
        {"confusionMatrix": {"annotationSpecs": ["a"], "rows": [[1, 2]]}},
        {"confusionMatrix": {"annotationSpecs": ["a"], "rows": [{"row": ["1"]}]}},
        {"confusionMatrix": {"annotationSpecs": ["a"], "rows": [[float("nan")]]}},
        {"evaluationSlices": 3},
        {"evaluationSlices": [3, {"slice": 1}]},
    ],
)
def test_metadata_of_any_shape_is_no_error(tmp_path: Path, metadata: object) -> None:
    assert read_curve(metadata) is None
    assert read_matrix(metadata) is None
    broken = artifact("system.ClassificationMetrics")
    broken.descriptor["metadata"] = metadata
    read_page(render_report(run(tmp_path), [task("a", 0, 1, 0, outputs={"Output": broken})]))


def test_the_area_under_a_curve() -> None:
    points = [{**_POINT, "falsePositiveRate": x, "recall": y} for x, y in ((0.5, 0.75), (0.0, 0.0), (1.0, 1.0))]
    curve = read_curve({"confidenceMetrics": points})
    assert curve is not None
    assert curve.area == pytest.approx(0.625)


def test_slices_share_a_drawing_and_a_wide_matrix_is_cut(tmp_path: Path) -> None:
    slices = [
        {"slice": f"age {index}", "sliceClassificationMetrics": {"confidenceMetrics": [_POINT]}} for index in range(3)
    ]
    names = [f"class {index}" for index in range(70)]
    matrix = {"annotationSpecs": names, "rows": [[index == other for other in range(70)] for index in range(70)]}
    outputs = {
        "s": artifact("system.SlicedClassificationMetrics", evaluationSlices=slices),
        "c": artifact("system.ClassificationMetrics", confusionMatrix=matrix),
    }
    read = read_page(render_report(run(tmp_path), [task("a", 0, 1, 0, outputs=outputs)]))
    assert len(read.classed("curve")) == 6  # three, and three in the legend
    assert "100.0% on the diagonal; the first 60 of 70 categories" in read.text
    assert len(read.classed("cell")) == 3600


def test_metrics_compare_the_items_of_a_loop(tmp_path: Path) -> None:
    read = read_page(render_report(run(tmp_path), tuned()))
    text = read.text[read.text.index("for/train · 3 tasks") :]
    assert text.startswith("for/train · 3 taskstaskrateaccuracyloss[0]0.010.51[1]0.110.666670.5[2]0.210.833330.33333")
    assert len(read.classed("spark")) == 6


# ------------------------------------------------------------------------------------------------ documents


def test_markdown_is_rendered_and_html_stands_behind_a_sandbox(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text(
        "# Title\n\n| a |\n|---|\n| 1 |\n\n![p](https://e.x/p.png) ![d](data:image/png;base64,aa)"
    )
    (tmp_path / "a.html").write_bytes(b"\xef\xbb\xbf<style>p{color:red}</style><p>&amp;\"'<script>one()\r\n</script>")
    outputs = {
        "m": artifact("system.Markdown", tmp_path / "a.md"),
        "h": artifact("system.HTML", tmp_path / "a.html"),
        "f": artifact("system.HTML", tmp_path),
        "n": artifact("system.HTML", tmp_path / "none"),
        "e": replace(artifact("system.Markdown"), path=None),
    }
    read = read_page(render_report(run(tmp_path / "r"), [task("a", 0, 1, 0, outputs=outputs)]))
    assert [each["src"] for each in read.of("img")] == ["data:image/png;base64,aa"]
    assert "https://e.x/p.png" in [each["href"] for each in read.of("a")]
    (frame,) = read.of("iframe")
    assert frame["sandbox"] == "allow-scripts"
    assert frame["srcdoc"].startswith(guarded("<style>p{color:red}</style><p>&amp;\"'<script>one()\n</script>"))
    policy = next(each["content"] for each in read.of("meta") if "http-equiv" in each)
    assert policy.count("'sha256-") == 3  # ours, the frame's own, and the one that says its height
    assert "style-src 'unsafe-inline'" in policy
    assert "script-src 'unsafe" not in policy
    assert "Not shown, because it is a directory" in read.text
    assert "No such file" in read.text
    assert "not on this machine" in read.text


def test_a_large_document_is_named_and_not_taken_in(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("x" * (1 << 21))
    outputs = {"Output": artifact("system.Markdown", tmp_path / "a.md")}
    html = render_report(run(tmp_path / "r"), [task("a", 0, 1, 0, outputs=outputs)])
    assert "too large for the report (2.0 MiB)" in html
    assert len(html) < 200_000


GUARD = guarded("<script></script>").removeprefix("<script>").removesuffix("</script>")


@pytest.mark.parametrize(
    ("page", "scripts"),
    [
        ("<script>one()</script>", [GUARD + "one()"]),
        ("<p>\n<b></b><script\n  a='>'\n>\none()</script>\n<script>two()</script>", [GUARD + "\none()", GUARD + "two()"]),
        ("<SCRIPT TYPE='text/JavaScript'>one()</SCRIPT>", [GUARD + "one()"]),
        ("<script type=module>import 'x'</script>", [GUARD + "import 'x'"]),
        ("<script>\n// a\n/* b */ 'use strict'; one()</script>", ['"use strict";' + GUARD + "\n// a\n/* b */ 'use strict'; one()"]),
        ("<script type='application/json'>{}</script>", ["{}"]),
        ("<script type='speculationrules'>{}</script>", ["{}"]),
        ("<script><!--\none()\n//--></script>", [GUARD + "<!--\none()\n//-->"]),
        ("<!-- <script>one()</script> --><p>x", []),
    ],
)  # fmt: skip
def test_each_script_of_a_document_starts_with_the_guard(page: str, scripts: list[str]) -> None:
    assert scripts_in(guarded(page)) == scripts
    assert guarded(page).replace('"use strict";' + GUARD, "").replace(GUARD, "") == page


def test_only_guarded_scripts_of_a_document_may_run(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text("<script type='speculationrules'>{}</script><script>one()</script>")
    outputs = {"h": artifact("system.HTML", tmp_path / "a.html")}
    read = read_page(render_report(run(tmp_path / "r"), [task("a", 0, 1, 0, outputs=outputs)]))
    policy = next(each["content"] for each in read.of("meta") if "http-equiv" in each)
    assert digest(GUARD + "one()") in policy
    assert digest("{}") not in policy
