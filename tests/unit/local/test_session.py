"""KFP's API: after ``local.init(...)``, a call outside a pipeline runs it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from typedpipe import dsl, local as local_module
from typedpipe.cli.app import run_app
from typedpipe.diagnostics.errors import PipelineError
from typedpipe.hooks import HOOKS
from typedpipe.local import RunFailed, session

local: Any = local_module
"""As KFP's users see it; `tests/typing` has what checkers say."""


@dsl.component
def add(a: int, b: int = 1) -> int:
    return a + b


@dsl.component
def write(text: str, out: dsl.Output[dsl.Dataset], size: dsl.OutputPath[int]) -> None:
    with open(out.path, "w") as file:
        file.write(text)
    with open(size, "w") as file:
        file.write(str(len(text)))
    out.metadata["by"] = "write"


@dsl.component
def read(data: dsl.Input[dsl.Dataset]) -> str:
    return open(data.path).read() + str(data.metadata.get("by", ""))


@dsl.component
def joined(parts: dsl.Input[list[dsl.Dataset]]) -> str:
    return "+".join(open(part.path).read() for part in parts)


@dsl.component
def refuse() -> int:
    raise ValueError("no")


@dsl.component
def seed() -> str:
    import os

    return os.environ.get("SEED", "")


@dsl.pipeline
def main(n: int, data: dsl.Dataset | None = None) -> int:
    return add(a=n, b=2).output


@dsl.pipeline
def reads(data: dsl.Dataset) -> str:
    return read(data=data).output


now: Any = SimpleNamespace(
    add=add, write=write, read=read, joined=joined, refuse=refuse, seed=seed, main=main, reads=reads
)
"""Immediate calls: findings of the checkers, and attributes that only a finished task has."""


@pytest.fixture(autouse=True)
def _session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    local.init(runner=local.SubprocessRunner(use_venv=False), pipeline_root="./local_outputs")
    yield
    session.end()


def test_values_of_a_call() -> None:
    task = now.add(a=1, b=2)
    assert task.output == 3
    assert task.outputs["Output"] == 3
    assert task.state == "SUCCEEDED"
    assert now.add(now.add(1, 1).output).output == 3
    assert now.main(n=1).output == 3
    assert [path.name for path in Path("local_outputs").iterdir() if path.name == "runs"] == ["runs"]


def test_artifacts_go_from_call_to_call() -> None:
    written = now.write(text="hello")
    out = written.outputs["out"]
    assert Path(out.path).read_text() == "hello"
    assert out.metadata == {"by": "write"}
    assert out.uri
    assert written.outputs["size"] == 5
    assert now.read(data=out).output == "hellowrite"
    assert now.reads(data=out).output == "hellowrite"
    assert now.joined(parts=[out, now.write(text="b").outputs["out"]]).output == "hello+b"


def test_a_path_an_artifact_object_and_a_list(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("A")
    (tmp_path / "made").write_text("M")
    made = dsl.Dataset(str(tmp_path / "made"), metadata={"by": "me"})
    assert now.read(data="a").output == "A"
    assert now.read(data=tmp_path / "a").output == "A"
    assert now.read(data=made).output == "Mme"
    assert now.joined(parts=["a", made]).output == "A+M"


@pytest.mark.parametrize(
    ("call", "code", "said"),
    [
        (lambda: now.add(a="x"), "TP201", "needs `int`"),
        (now.add, "TP111", "requires `a`"),
        (lambda: now.add(a=1, c=2), "TP110", "no input `c`"),
        (lambda: now.add(1, 2, 3), "TP113", "got 3"),
        (lambda: now.read(data="nowhere"), "TP663", "no file"),
        (lambda: now.read(data=3), "TP663", "gets int"),
        (lambda: now.joined(parts=[3]), "TP663", "gets int"),
    ],
)
def test_arguments_that_do_not_fit(call: Callable[[], object], code: str, said: str) -> None:
    with pytest.raises(PipelineError, match=said) as raised:
        call()
    assert code in [diagnostic.code for diagnostic in raised.value.diagnostics]
    assert "test_session.py" in str(raised.value)
    assert not Path("local_outputs/runs").exists() or not list(Path("local_outputs/runs").iterdir())


def test_a_failure_raises_or_is_told() -> None:
    with pytest.raises(RunFailed, match="ValueError: no"):
        now.refuse()
    local.init(runner=local.SubprocessRunner(use_venv=False), raise_on_error=False)
    task = now.refuse()
    assert task.state == "FAILED"
    assert "ValueError: no" in task.error_message
    with pytest.raises(RunFailed):
        task.output  # noqa: B018
    assert repr(task) == "<task refuse: failed>"


def test_outputs_that_are_not_there() -> None:
    task = now.write(text="x")
    with pytest.raises(KeyError, match="did you mean size"):
        task.outputs["siez"]
    with pytest.raises(AttributeError, match="2 outputs, not one: out, size"):
        task.output  # noqa: B018


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: local.init(runner="subprocess"), "not 'subprocess'"),
        (lambda: local.init(runner=local.SubprocessRunner), "not the class `SubprocessRunner`"),
        (lambda: local.DockerRunner(network="none"), "no argument `network`"),
        (lambda: local.DockerRunner(environment=3), "a mapping"),
    ],
)
def test_arguments_of_init(make: Callable[[], object], said: str) -> None:
    with pytest.raises(PipelineError, match=said) as raised:
        make()
    assert raised.value.diagnostics[0].code == "TP662"


def test_the_runners_say_how_tasks_are_run() -> None:
    def options(runner: Any, **more: Any) -> tuple[dict[str, Any], dict[str, str]]:
        local.init(runner, **more)
        assert isinstance(HOOKS.session, session.Session)
        return HOOKS.session.options, dict(HOOKS.session.environment)

    assert options(local.SubprocessRunner())[0]["runner"] == "venv"
    found, variables = options(local.DockerRunner(environment=["SEED=1", ("B", 2)]), enable_caching=True)
    assert (found["runner"], found["cache"], variables) == ("docker", None, {"SEED": "1", "B": "2"})
    assert options(local.SubprocessRunner())[0]["cache"] is False


def test_without_init_it_is_the_mistake_that_it_was() -> None:
    session.end()
    with pytest.raises(PipelineError, match=r"typedpipe.local.init\(\)") as raised:
        now.add(a=1)
    assert raised.value.diagnostics[0].code == "TP109"


PROGRAM = """
from typedpipe import dsl, local

local.init(runner=local.SubprocessRunner(use_venv=False))

@dsl.component
def add(a: int) -> int:
    return a + 1

@dsl.pipeline
def main(n: int = 1) -> int:
    return add(a=n).output

print(add(a=add(a=1).output).output)
"""


def test_a_file_that_calls_is_checked_without_running(tmp_path: Path) -> None:
    (tmp_path / "p.py").write_text(PROGRAM)
    assert run_app(["lint", "p.py"]) == 0
    assert not Path("local_outputs").exists()
    done = subprocess.run([sys.executable, "p.py"], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("3\n", "")


def test_local_is_imported_in_no_time() -> None:
    code = (
        "import sys, typedpipe; from typedpipe import local; "
        "heavy = {'sqlite3', 'rich', 'subprocess', 'selectors', 'typedpipe.local.engine', 'typedpipe.dsl'} & set(sys.modules); "
        "assert not heavy, heavy; import typedpipe.local.run; assert callable(local.run)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
