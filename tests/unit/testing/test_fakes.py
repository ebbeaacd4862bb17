"""``typedpipe.testing``: fakes and the fixture."""

from __future__ import annotations

import enum
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from typedpipe import dsl
from typedpipe.diagnostics.errors import PipelineError
from typedpipe.local import RunFailed
from typedpipe.testing import RunPipeline, fake

anything: Any = fake
"""For what checkers would find."""


class Kind(enum.Enum):
    SMALL = "small"


class Trained(NamedTuple):
    model: dsl.Model
    accuracy: float


@dsl.component
def load(rows: int, kind: Kind = Kind.SMALL) -> dsl.Dataset:
    raise OSError("no network here")


@dsl.component(packages_to_install=["no-such-package-at-all"])
def train(data: dsl.InputPath[dsl.Dataset], rate: float = 0.1) -> Trained:
    raise OSError("no GPU here")


@dsl.component
def measure(accuracy: float, metrics: dsl.Output[dsl.Metrics] = dsl.OUT, best: dsl.OutputPath[float] = dsl.OUT) -> None:
    raise OSError("no")


@dsl.container_component
def shell(text: str, size: dsl.OutputPath[int] = dsl.OUT) -> dsl.ContainerSpec:
    return dsl.ContainerSpec(image="alpine", command=["sh", "-c", "wc -c > $1"], args=[size])


@dsl.component
def double(x: float) -> float:
    return 2 * x


@dsl.pipeline
def main(rows: int, rate: float = 0.1) -> float:
    trained = train(data=load(rows=rows).output, rate=rate)
    measured = measure(accuracy=trained.outputs.accuracy)
    return double(x=measured.outputs["best"]).output


@dsl.pipeline
def sizes(text: str) -> int:
    size: int = shell(text=text).outputs["size"]
    return size


@dsl.pipeline
def twice(x: float) -> float:
    return double(x=double(x=x).output).output


@dsl.pipeline
def outer(x: float) -> float:
    return twice(x=x).output


def fake_training(data: dsl.InputPath[dsl.Dataset], rate: float = 0.1) -> Trained:
    model = dsl.Model(metadata={"rate": rate})
    Path(model.path).write_text(Path(data).read_text().upper())
    return Trained(model, rate * 2)


def fake_measure(accuracy: float, metrics: dsl.Metrics, best: str) -> None:
    metrics.log_metric("accuracy", accuracy)
    with open(best, "w") as file:
        file.write(str(accuracy))


def test_values_functions_and_content(run_pipeline: RunPipeline, tmp_path: Path) -> None:
    loaded = run_pipeline.fake(load).writes("a,b\n")
    trained = run_pipeline.fake(train).by(fake_training)
    measured = run_pipeline.fake(measure).by(fake_measure)
    run = run_pipeline(main, 3, rate=0.25)
    assert run.outputs == 1.0
    assert run.folder.is_relative_to(tmp_path)
    loaded.assert_called(times=1)
    loaded.assert_called_with(rows=3, kind=Kind.SMALL)
    trained.assert_called_with(data="a,b\n", rate=0.25)
    trained.assert_called_with(data=b"a,b\n")
    measured.assert_called_with(accuracy=0.5)
    assert loaded.calls == [{"rows": 3, "kind": Kind.SMALL}]
    assert Path(run.artifacts["train.model"].path).read_text() == "A,B\n"
    assert run.artifacts["train.model"].metadata == {"rate": 0.25}
    assert run.artifacts["measure.metrics"].metadata == {"accuracy": 0.5}


def test_what_is_not_given_is_empty(run_pipeline: RunPipeline) -> None:
    run_pipeline.fake(load).returns(dsl.Dataset(metadata={"k": 1}))
    run_pipeline.fake(train).returns(Trained(dsl.Model(), 0.5))
    run_pipeline.fake(measure).returns({"best": 4.0})
    run = run_pipeline(main, rows=1)
    assert run.outputs == 8.0
    assert run.artifacts["load.Output"].metadata == {"k": 1}
    assert Path(run.artifacts["train.model"].path).read_bytes() == b""


def test_several_outputs_by_name_and_bytes(run_pipeline: RunPipeline, tmp_path: Path) -> None:
    run_pipeline.fake(load).writes(b"\x00")
    (tmp_path / "metrics").write_text("{}")
    metrics = dsl.Metrics(str(tmp_path / "metrics"), metadata={"f": 2})
    trained: Any = run_pipeline.fake(train)
    trained.by(lambda data, rate=0.1: {"model": b"m", "accuracy": 0.1})
    run_pipeline.fake(measure).returns({"best": 1.0, "metrics": metrics})
    run = run_pipeline(main, rows=1)
    assert Path(run.artifacts["train.model"].path).read_bytes() == b"m"
    assert run.artifacts["measure.metrics"].metadata == {"f": 2}
    assert Path(run.artifacts["measure.metrics"].path).read_text() == "{}"


def test_a_container_is_faked_and_needs_no_image(run_pipeline: RunPipeline) -> None:
    shelled = run_pipeline.fake(shell).by(lambda text: 2 + len(text[2:]))
    assert run_pipeline(sizes, text="four").outputs == 4
    shelled.assert_called_with(text="four")


def test_exceptions_fail_the_task(run_pipeline: RunPipeline) -> None:
    run_pipeline.fake(load).raises(TimeoutError("slow"))
    untrained = run_pipeline.fake(train).returns(Trained(dsl.Model(), 0.5))
    run = run_pipeline.failing(main, rows=1)
    assert "TimeoutError: slow" in run.tasks["load"].message
    untrained.assert_called(times=0)
    with pytest.raises(RunFailed, match="slow"):
        run_pipeline(main, rows=1)


def test_failing_fails_when_the_run_does_not(run_pipeline: RunPipeline) -> None:
    with pytest.raises(AssertionError, match="to fail, but it succeeded"):
        run_pipeline.failing(twice, x=1.0)


def test_what_is_not_faked_runs_and_fakes_reach_called_pipelines(run_pipeline: RunPipeline) -> None:
    assert run_pipeline(outer, x=1.0).outputs == 4.0
    doubled = run_pipeline.fake(double).returns(7.0)
    assert run_pipeline(outer, x=1.0).outputs == 7.0
    doubled.assert_called(times=2)


def test_a_block_ends_the_fake() -> None:
    with fake(double).returns(5.0) as doubled:
        assert twice.local(x=1.0) == 5.0
        with fake(double).by(lambda x: x + 1):
            assert twice.local(x=1.0) == 3.0
        assert twice.local(x=1.0) == 5.0
    doubled.assert_called(times=4)
    assert repr(doubled) == "<fake double: called 4 times>"


def test_assertions_say_what_was_called(run_pipeline: RunPipeline) -> None:
    doubled = run_pipeline.fake(double).returns(1.0)
    with pytest.raises(AssertionError, match=r"at least once, but it was called 0 times"):
        doubled.assert_called()
    run_pipeline(twice, x=3.0)
    with pytest.raises(
        AssertionError, match=r"called once, but it was called 2 times\n  call 1: x=3.0\n  call 2: x=1.0"
    ):
        doubled.assert_called(times=1)
    with pytest.raises(AssertionError, match=r"not called with x=2.0"):
        doubled.assert_called_with(x=2.0)
    with pytest.raises(AssertionError):
        doubled.assert_called_with(y=3.0)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: anything(train).by(lambda data: None), "it does not accept `rate`"),
        (lambda: anything(train).by(lambda data, rate, z: None), "it requires `z`, which is not among the inputs"),
        (
            lambda: anything(train).by(lambda data, rat: None),
            "it does not accept `rate` and it requires `rat`, which is not among the inputs",
        ),
        (lambda: anything(train).by(3), "which is not callable"),
        (lambda: anything(train).returns(Trained(dsl.Model(), anything)), "`accuracy` expected `float`"),
        (lambda: anything(double).returns("x"), "expected `float`, found `str`"),
        (lambda: anything(train).returns({"model": b"m", "accuracy": "x"}), "`accuracy` expected `float`, found `str`"),
        (lambda: anything(train).returns({"model": b"m"}), "does not return `accuracy`; the outputs are `model` and"),
        (
            lambda: anything(train).returns({"model": b"m", "accurcy": 0.5}),
            "returns `accurcy`, which is not an output; did",
        ),
        (lambda: anything(train).returns((b"m", "x")), "`accuracy` expected `float`, found `str`"),
        (
            lambda: anything(train).returns((b"m",)),
            "returns 1 values instead of 2; the outputs are `model` and `accuracy`",
        ),
        (lambda: anything(train).returns((3, 0.5)), "`model` expected `Model`, found `int`"),
        (lambda: anything(train).returns(0.5), "does not return `model` and `accuracy`"),
        (lambda: anything(train).returns(None), "does not return `model` and `accuracy`"),
        (lambda: anything(load).returns(None), "`Output` expected `Dataset`, found `NoneType`"),
        (lambda: anything(measure).returns({"best": "x"}), "`best` expected `float`, found `str`"),
        (lambda: anything(measure).returns({"metrics": "x"}), "does not return `best`"),
        (lambda: anything(shell).returns("many"), "`size` expected `int`, found `str`"),
        (lambda: anything(measure).writes("x"), "does not return one artifact"),
        (lambda: anything(double).writes("x"), "does not return one artifact"),
        (lambda: anything(double).raises("x"), "cannot raise"),
        (lambda: anything(main), "only a component"),
        (lambda: anything(lambda: 3), "only a component"),
    ],
)
def test_fakes_that_do_not_fit(make, said: str) -> None:
    with pytest.raises(PipelineError) as raised:
        make()
    (found,) = raised.value.diagnostics
    assert (found.code, found.primary.span.file) == ("TP661", "tests/unit/testing/test_fakes.py")
    assert said in f"{found.message}; {found.help}"  # not in the whole text, which shows the lines of this file


def test_a_fake_gives_what_the_component_may_give(run_pipeline: RunPipeline) -> None:
    doubled: Any = run_pipeline.fake(double)
    doubled.by(lambda x: "text")
    run = run_pipeline.failing(twice, x=1.0)
    assert "TP503" in run.tasks["double"].message


def test_fakes_are_of_this_process() -> None:
    with fake(double).returns(1.0), pytest.raises(PipelineError, match='runner="process"') as raised:
        twice.run(x=1.0, runner="process")
    assert raised.value.diagnostics[0].code == "TP661"


def test_the_fixture_comes_with_the_package(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(
        "from typedpipe import dsl\n"
        "@dsl.component\n"
        "def double(n: int) -> int:\n"
        "    return 2 * n\n"
        "@dsl.pipeline\n"
        "def main(n: int) -> int:\n"
        "    return double(n=n).output\n"
        "def test_it(run_pipeline):\n"
        "    assert run_pipeline(main, n=2).outputs == 4\n"
        "    run_pipeline.fake(double).returns(9)\n"
        "    assert run_pipeline(main, n=2).outputs == 9\n"
        "def test_again(run_pipeline):\n"
        "    assert run_pipeline(main, n=2).outputs == 4\n"
    )
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:xdist",
        "-p",
        "no:hypothesispytest",
        "test_it.py",
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "2 passed" in done.stdout, done.stdout + done.stderr
    assert sorted(path.name for path in tmp_path.iterdir() if path.name != "__pycache__") == ["test_it.py"]


def test_the_plugin_costs_nothing() -> None:
    code = (
        "import sys, typedpipe.testing.plugin; "
        "heavy = {name for name in sys.modules if name.startswith(('typedpipe.local', 'typedpipe.dsl', 'sqlite3'))}; "
        "assert not heavy, heavy; from typedpipe.testing import fake, RunPipeline"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
