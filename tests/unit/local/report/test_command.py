"""``typedpipe report``, on runs of the engine."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from report_page import read_page

from typedpipe import Metrics, component, local, pipeline
from typedpipe.cli.app import run_app
from typedpipe.compiler import driver
from typedpipe.diagnostics.errors import PipelineError
from typedpipe.local.store.root import open_root
from typedpipe.local.store.source import LocalRuns
from typedpipe.report.html import write_report


@component
def measure(rate: float) -> Metrics:
    metrics = Metrics()
    metrics.log_metric("accuracy", 1 - rate)
    print("\x1b[31mmeasured\x1b[0m", rate)
    return metrics


@component
def fail(accuracy: float) -> None:
    raise ValueError("</script>no good")


@pipeline
def measured(rate: float = 0.25) -> None:
    measure(rate=rate)
    fail(accuracy=rate)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two runs; in the second one, `measure` is reused."""
    place = tmp_path_factory.mktemp("runs")
    assert measured.ir is not None
    for _ in range(2):
        local.run(driver.check(measured.ir), {}, folder=place)
    return place


def test_the_newest_run(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_app(["report", "--folder", str(folder), "-o", "-"]) == 0
    read = read_page(capsys.readouterr().out)
    assert "ValueError: </script>no good" in read.text
    assert "0.75" in read.text
    assert len(read.classed("g-reused")) == 1
    assert len(read.classed("g-failed")) == 1
    assert re.search(r"typedpipe spin \S+/fail --debug", read.text)


def test_a_run_by_its_name(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = open_root(folder).runs()[-1].name
    assert run_app(["report", first, "--folder", str(folder)]) == 0
    said = capsys.readouterr().out
    assert said == f"{folder}/runs/{first}/report.html\n"
    read = read_page(Path(said.strip()).read_text(encoding="utf-8"))
    assert "measured 0.25" in read.text
    assert len(read.classed("g-reused")) == 0


def test_a_file_here_is_named_as_one_types_it(
    folder: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run_app(["report", "--folder", str(folder), "-o", "x.html"]) == 0
    assert capsys.readouterr().out == "x.html\n"
    assert [path.name for path in tmp_path.iterdir()] == ["x.html"]


def test_it_is_shown(
    folder: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []

    def see(url: str) -> bool:
        opened.append(url)
        return len(opened) == 1

    monkeypatch.setattr("webbrowser.open", see)
    command = ["report", "--folder", str(folder), "-o", str(tmp_path / "x.html"), "--open"]
    assert run_app(command) == 0
    assert capsys.readouterr().err == ""
    assert run_app(command) == 0
    assert "no browser could be started" in capsys.readouterr().err
    assert opened == [(tmp_path / "x.html").as_uri()] * 2
    assert run_app(["report", "--folder", str(folder), "-o", "-", "--open"]) == 2


def test_what_cannot_be_is_a_diagnostic(folder: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert run_app(["report", "nope", "--folder", str(folder)]) == 2
    assert "TP603" in capsys.readouterr().err
    assert run_app(["report", "--folder", str(folder), "-o", str(tmp_path / "none" / "x.html")]) == 2
    assert "TP601" in capsys.readouterr().err
    root = open_root(folder)
    with pytest.raises(PipelineError, match="TP601"):
        write_report(LocalRuns(root), root.run(None), tmp_path)  # a folder
    assert list(tmp_path.iterdir()) == []
