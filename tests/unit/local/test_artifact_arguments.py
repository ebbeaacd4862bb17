"""Artifacts as arguments of a run: left out, None, a path, a URI, an object, lists of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from typedpipe import dsl
from typedpipe.cli.app import run_app
from typedpipe.diagnostics.errors import PipelineError
from typedpipe.diagnostics.model import Diagnostics
from typedpipe.dsl import Dataset, Input
from typedpipe.runs.arguments import bind


@dsl.component
def size(data: Input[Dataset] | None = None, more: Input[list[Dataset]] | None = None) -> str:
    from pathlib import Path

    texts = [Path(each.path).read_text() for each in [*([data] if data else []), *(more or [])]]
    return f"{texts} {data and data.metadata}"


@dsl.pipeline
def inner(data: Input[Dataset] = None, more: Input[list[Dataset]] | None = None) -> str:  # type: ignore[assignment]  # KFP's form
    return size(data=data, more=more).output


@dsl.pipeline
def main(data: Input[Dataset] | None = None, more: Input[list[Dataset]] | None = None) -> str:
    called: Any = inner  # to a checker, KFP's form does not take None
    output: str = called(data=data, more=more).output
    return output


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a b.txt").write_text("a")
    (tmp_path / "c.txt").write_text("c")
    return tmp_path


@pytest.mark.parametrize("pipeline", [main, inner])
@pytest.mark.parametrize(
    ("arguments", "result"),
    [
        ({}, "[] None"),
        ({"data": None, "more": None}, "[] None"),
        ({"more": []}, "[] None"),
        ({"data": "a b.txt"}, "['a'] {}"),
        ({"data": Path("c.txt")}, "['c'] {}"),
        ({"data": Dataset(uri="c.txt", metadata={"a": "{{b}} $"})}, "['c'] {'a': '{{b}} $'}"),
        ({"more": ["c.txt", Path("a b.txt"), Dataset(uri="c.txt")]}, "['c', 'a', 'c'] None"),
        ({"data": "c.txt", "more": ("a b.txt",)}, "['c', 'a'] {}"),
    ],
)
def test_from_python(pipeline: Any, arguments: dict[str, Any], result: str) -> None:
    assert pipeline.run(**arguments).outputs == result


def test_a_file_uri(place: Path) -> None:
    location: Any = f"file://{place}/a%20b.txt"  # to a checker, an artifact
    assert main.run(data=location).outputs == "['a'] {}"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"data": "nothing.txt"}, "there is no file or directory"),
        ({"data": ""}, "it is not a path or URI"),
        ({"data": 3}, "it is not a path or URI"),
        ({"more": "c.txt"}, "it is not a JSON list of paths or URIs"),
        ({"more": 3}, "it is not a list of paths or URIs"),
        ({"more": [None]}, "it is not a path or URI"),
    ],
)
def test_what_is_no_location(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(PipelineError, match=message) as caught:
        main.run(**arguments)
    assert caught.value.diagnostics[0].help == "pass the path of an existing file or directory, or a URI"


def test_a_required_artifact_cannot_be_none() -> None:
    @dsl.pipeline
    def strict(data: Input[Dataset]) -> str:
        return size(data=data).output

    none: Any = None
    with pytest.raises(PipelineError, match="it cannot be None"):
        strict.run(data=none)
    location: Any = "c.txt"
    assert strict.run(data=location).outputs == "['c'] {}"


@dsl.component
def spoils(data: Input[Dataset], how: str) -> None:
    import os
    import shutil
    from pathlib import Path

    given = Path(data.path)
    place = given / "rows.csv" if given.is_dir() else given
    if how == "append":
        with place.open("a") as file:
            file.write("more")
    elif how == "replace":
        text = place.read_text()
        place.with_name("new").write_text(text)
        place.with_name("new").replace(place)
    elif how == "remove":
        shutil.rmtree(given) if given.is_dir() else given.unlink()
    elif how == "look":
        os.utime(place, ns=(0, place.stat().st_mtime_ns))
        place.chmod(0o640)


@dsl.component
def spoils_one_of(data: Input[list[Dataset]], how: str) -> None:
    from pathlib import Path

    if how == "append":
        Path(data[1].path).write_text("more")


@dsl.pipeline
def given(data: Input[Dataset], how: str) -> None:
    spoils(data=data, how=how)


@dsl.pipeline
def listed(data: Input[list[Dataset]], how: str) -> None:
    spoils_one_of(data=data, how=how)


@dsl.pipeline
def read_in(data: str, how: str) -> None:
    spoils(data=dsl.importer(artifact_uri=data, artifact_class=Dataset).output, how=how)


@pytest.mark.parametrize("runner", ["process", "inprocess"])
@pytest.mark.parametrize(
    ("pipeline", "data", "how", "fails"),
    [
        (given, "in/rows.csv", "append", True),
        (given, Path("in/rows.csv"), "replace", True),
        (given, Dataset("in/rows.csv"), "append", True),
        (given, "in", "append", True),
        (given, "in", "remove", True),
        (given, "link.csv", "append", True),
        (given, "linked", "append", True),
        (given, "in/rows.csv", "look", False),
        (given, "in", "look", False),
        (listed, ["a b.txt", "c.txt"], "append", True),
        (listed, ["a b.txt", "c.txt"], "look", False),
        (read_in, "in/rows.csv", "append", True),
        (read_in, "file://{}/in/rows.csv", "append", True),
        (read_in, "file://{}/in/rows.csv", "look", False),
    ],
)
def test_a_task_that_writes_to_a_file_of_the_user_fails(  # a table
    place: Path, runner: Any, pipeline: Any, data: Any, how: str, fails: bool
) -> None:
    (place / "in").mkdir()
    (place / "in/rows.csv").write_text("a,b\n")
    (place / "link.csv").symlink_to("in/rows.csv")
    (place / "linked").symlink_to("in")
    if isinstance(data, str):
        data = data.format(place)
    result = pipeline.options(runner=runner, raise_on_error=False).run(data=data, how=how).result
    assert (result.state == "FAILED") == fails, result.message
    assert ("the task modified its input `data`, or another process did meanwhile" in result.message) == fails


FILE = """
from typedpipe import dsl
from typedpipe.dsl import Dataset, Input
@dsl.component
def size(data: Input[Dataset] | None = None, more: Input[list[Dataset]] | None = None) -> str:
    return str([open(each.path).read() for each in [*([data] if data else []), *(more or [])]])
@dsl.pipeline
def main(data: Input[Dataset] | None = None, more: Input[list[Dataset]] | None = None) -> str:
    return size(data=data, more=more).output
"""


@pytest.mark.parametrize(
    ("arguments", "result"),
    [
        ([], []),
        (["--data", "null"], []),
        (["--data", "a b.txt"], ["a"]),
        (["--param", "data=c.txt"], ["c"]),
        (["--more", '["c.txt", "a b.txt"]'], ["c", "a"]),
        (["--more", "[]"], []),
    ],
)
def test_on_the_command_line(
    place: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], result: list[str]
) -> None:
    (place / "p.py").write_text(FILE)
    assert run_app(["run", "p.py", *arguments, "--display", "quiet", "-o", "json"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["outputs"]["Output"] == str(result)


def test_help_that_can_be_followed(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (place / "p.py").write_text(FILE)
    assert run_app(["run", "p.py", "--data", "d.txt"]) == 2
    assert "help: use --data PATH, or a URI" in capsys.readouterr().err
    assert run_app(["run", "p.py", "--more", "d.txt"]) == 2
    assert """help: use --more '["…", …]', a JSON list of paths or URIs""" in capsys.readouterr().err
    assert run_app(["run", "p.py", "--help"]) == 0
    assert "[required]" not in capsys.readouterr().out
    assert run_app(["compile", "p.py", "--param", "data=c.txt"]) == 2
    assert "the artifact `data` cannot have a default; pass it to `typedpipe run`" in capsys.readouterr().err
    assert run_app(["compile", "p.py", "-o", "p.yaml"]) == 0


def test_a_result_is_reused_until_the_file_changes(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (place / "p.py").write_text(FILE)
    arguments = ["run", "p.py", "--data", "c.txt", "--display", "plain"]
    assert run_app(arguments) == 0
    assert "cached" not in capsys.readouterr().err
    assert run_app(arguments) == 0
    assert "size: cached" in capsys.readouterr().err
    (place / "c.txt").write_text("changed")
    assert run_app(arguments) == 0
    said = capsys.readouterr()
    assert "cached" not in said.err
    assert "changed" in said.out


def test_a_resumed_run_reads_the_same_file(
    place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (place / "p.py").write_text(
        FILE.replace("    return str(", "    open('flag')\n    return str(").replace(
            "'flag'", repr(str(place / "flag"))
        )
    )
    assert run_app(["run", "p.py", "--data", "c.txt", "--run-name", "one", "--display", "quiet"]) == 1
    (place / "flag").write_text("")
    (place / "elsewhere").mkdir()
    monkeypatch.chdir(place / "elsewhere")
    capsys.readouterr()
    assert run_app(["resume", "one", "--folder", str(place / ".typedpipe"), "--display", "quiet", "-o", "json"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["outputs"]["Output"] == "['c']"


def test_arguments_are_descriptors(place: Path) -> None:
    assert main.ir is not None
    report = Diagnostics()
    bound = bind(main.ir, {"data": "c.txt", "more": '["s3://b/k"]'}, report, "text")
    assert not report.items
    given = {"type": "system.Dataset", "version": "0.0.1", "metadata": {}, "digest": "", "size": 0}
    data, more = given | {"name": "data", "key": "data"}, given | {"name": "more", "key": "more"}
    assert json.loads(bound["data"]) == data | {"uri": str(place / "c.txt")}
    assert json.loads(bound["more"]) == [more | {"uri": "s3://b/k"}]
