from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from typedpipe.cli.app import run_app
from typedpipe.compiler.backend import Options, Support
from typedpipe.diagnostics.model import Diagnostics
from typedpipe.ir import nodes as ir, wire
from typedpipe.ir.text import dump

PIPELINE = '''\
print("noise of the import")
from typedpipe import component, pipeline


@component
def add(a: int, b: int = 1) -> int:
    print(f"adding {a}\\x1b[1m and {b}")
    return a + b


@component
def broken(a: int) -> int:
    raise ValueError("no luck")


@pipeline
def sums(start: int, extra_terms: list[int] = [], loud: bool = False) -> int:
    """Add some."""
    return add(a=add(a=start).output).output


@pipeline(name="fails")
def failing(start: int = 1) -> int:
    return broken(a=start).output
'''


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "p.py").write_text(PIPELINE)
    (tmp_path / "twins.py").write_text(
        PIPELINE.replace("@pipeline\n", '@pipeline(name="same")\n').replace('"fails"', '"same"')
    )
    (tmp_path / "clones.py").write_text((tmp_path / "twins.py").read_text().replace("def failing", "def sums"))
    return tmp_path


def call(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "typedpipe", *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_stdout_is_data_and_stderr_is_talk(folder: Path) -> None:
    done = call("run", "p.py:sums", "--start", "3", cwd=folder)
    assert (done.returncode, done.stdout) == (0, "Output: 5\n")
    assert "noise of the import" in done.stderr
    assert "add | adding 3\x1b[1m and 1\n" in done.stderr


def test_a_run_as_json(folder: Path) -> None:
    done = call("run", "-o", "json", "p.py:sums", "--start", "3", cwd=folder)
    *events, result = map(json.loads, done.stdout.splitlines())
    assert (result["event"], result["state"], result["outputs"]) == ("RunResult", "SUCCEEDED", {"Output": 5})
    assert [event["event"] for event in (events[0], events[-1])] == ["RunStarted", "RunFinished"]


def test_arguments_are_values_and_no_defaults(folder: Path) -> None:
    """The same IR is pinned, and the same arguments are recorded, whoever starts the run."""
    typed = call("run", "p.py:sums", "--start", "3", "--extra-terms", "[1]", "--run-name", "typed", cwd=folder)
    program = "import p; p.sums.options(name='called').run(start=3, extra_terms=[1]).wait()"
    called = subprocess.run([sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, check=False)
    assert (typed.returncode, called.returncode) == (0, 0), typed.stderr + called.stderr
    runs = [folder / ".typedpipe" / "runs" / name for name in ("typed", "called")]
    pinned = {dump(wire.load(run / "pipeline.ir")) for run in runs}
    records = [json.loads((run / "run.json").read_text())["arguments"] for run in runs]
    assert len(pinned) == 1
    assert records[0] == records[1] == {"start": "3", "extra_terms": "[1]", "loud": "false"}


def test_a_dict_with_any_key_arrives_as_it_was_typed(tmp_path: Path) -> None:
    (tmp_path / "d.py").write_text(
        "from typedpipe import component, pipeline\n"
        "@component\ndef same(d: dict[str, int]) -> dict[str, int]:\n    return d\n"
        "@pipeline\ndef main(d: dict[str, int]) -> dict[str, int]:\n    return same(d=d).output\n"
    )
    done = call("run", "d.py", "--d", '{"$tp": 1}', cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, 'Output: {"$tp": 1}\n'), done.stderr


def test_a_run_that_fails(folder: Path) -> None:
    done = call("run", "p.py:fails", cwd=folder)
    assert (done.returncode, done.stdout) == (1, "")
    assert "ValueError: no luck" in done.stderr
    assert "/typedpipe/" not in done.stderr


def test_help_of_a_pipeline_lists_its_parameters(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_app(["run", "p.py:sums", "--help"]) == 0
    text = capsys.readouterr().out
    for part in (
        "Add some.",
        "--start int",
        "[required]",
        "--extra-terms",
        "list[int]",
        "[default: []]",
        "--loud / --no-loud",
    ):
        assert part in text


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["run", "p.py"], 3, "TP185"),
        (["run", "p.py:sum", "--start", "1"], 3, "did you mean `p.py:sums`?"),
        (["run", "p.py:sums"], 2, "TP189"),
        (["compile", "p.py:sums", "--kind", "CronWorkflow", "--param", "start=1", "--schedule", "x"], 3, "`schedule`"),
        (["lint", "clones.py"], 3, "2 pipelines named `same`"),
        (["compile", "clones.py"], 3, "a unique name"),
        (["compile", "clones.py", "-o", "out/"], 3, "a unique name"),
        (["compile", "twins.py:same"], 3, "select one by its function, such as `twins.py:sums`"),
        (["compile", "twins.py"], 3, "select one, such as `twins.py:sums`"),
        (["compile", "p.py:sums", "p.py:fails"], 2, "use `-o DIR/`"),
        (["compile", "p.py:sums", "p.py:fails", "-o", "one.yaml"], 2, "use `-o DIR/`"),
        (["compile", "p.py:sums", "p.py:sums", "-o", "out/"], 2, "two pipelines create out/sums.yaml"),
        (["compile", "p.py:sums", "-o", "p.py/"], 2, "cannot create p.py"),
        (["compile"], 2, "Missing argument"),
        (["run", "p.py:sums", "--start", "x"], 2, "TP187"),
        (["run", "p.py:sums", "--strat", "1"], 2, "--start"),
        (["run", "p.py:sums", "--param", "strat=1"], 2, "TP188"),
        (["run", "p.py:sums", "--param", "strat"], 2, "NAME=VALUE"),
        (["run", "p.py:sums", "--jobs", "0"], 2, "--jobs"),
        (["lint", "nothing.py"], 3, "TP180"),
        (["lint", "no.such.module"], 3, "TP180"),
        (["lint", "."], 3, "is a directory"),
        (["lint"], 2, "Missing argument"),
        (["lnt"], 2, "did you mean 'lint'?"),
        (["explain", "TP999"], 2, "unknown code"),
        (["compile", "p.py:sums", "--check"], 2, "-o FILE"),
        (["compile", "p.py:sums", "--to", "ir", "-o", "no/such/folder.ir"], 2, "cannot write"),
        (["ir", "show", "gone.ir"], 3, "TP180"),
    ],
)
def test_exit_codes(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, said: str
) -> None:
    assert run_app(arguments) == code
    printed = capsys.readouterr()
    assert said in printed.err + printed.out
    assert "Traceback" not in printed.err


def test_our_own_failure_is_tp901(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("boom")

    monkeypatch.setattr("typedpipe.cli.explain.read_page", fail)
    assert run_app(["explain", "TP180"]) == 70
    text = capsys.readouterr().err
    assert "error[TP901]: internal error: RuntimeError: boom" in text
    assert "Traceback" not in text


def test_the_traceback_is_shown_when_asked_for(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TYPEDPIPE_TRACEBACK", "")
    (folder / "raises.py").write_text("def f():\n    raise KeyError('k')\n\nf()\n")
    assert run_app(["lint", "raises.py", "--traceback"]) == 3
    printed = capsys.readouterr()
    assert "Traceback" in printed.err
    assert "--> raises.py:2:5" in printed.out


def test_ctrl_c(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("typedpipe.cli.explain.read_page", interrupt)
    assert run_app(["explain", "TP180"]) == 130


def test_a_closed_pipe_is_no_error(folder: Path) -> None:
    command = f"{sys.executable} -m typedpipe explain | head -1"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert done.stderr == ""


def test_a_full_disk_behind_stdout_is_not_our_mistake(folder: Path) -> None:
    command = f"{sys.executable} -m typedpipe explain > /dev/full"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "typedpipe: the output cannot be written: No space left on device\n"


def test_closed_streams(folder: Path) -> None:
    command = f"{sys.executable} -m typedpipe explain <&- >&- 2>&-"
    assert subprocess.run(["bash", "-c", command], check=False).returncode == 0


@pytest.mark.parametrize("form", ["text", "json", "github", "sarif"])
def test_formats_of_diagnostics(folder: Path, capsys: pytest.CaptureFixture[str], form: str) -> None:
    (folder / "bad.py").write_text("x = (\n")
    assert run_app(["lint", "bad.py", "--format", form]) == 3
    out = capsys.readouterr().out
    assert "TP181" in out
    if form in ("json", "sarif"):
        json.loads(out)


# ------------------------------------------------------------------------------------------------- compile


def test_compile_writes_whole_files_or_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = folder / "out.ir"
    target.write_text("old")
    target.chmod(0o640)
    (folder / "bad.py").write_text(PIPELINE + "\nraise ValueError\n")
    assert run_app(["compile", "bad.py:sums", "--to", "ir", "-o", "out.ir"]) == 3
    assert target.read_text() == "old"
    assert run_app(["compile", "p.py:sums", "--to", "ir", "-o", "out.ir"]) == 0
    assert target.read_bytes() != b"old"
    assert target.stat().st_mode & 0o777 == 0o640
    assert sorted(os.listdir(folder)) == ["bad.py", "clones.py", "out.ir", "p.py", "twins.py"]


def test_check_compares(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["compile", "p.py:sums", "--to", "ir", "-o", "out.ir", "--check"]
    assert run_app(arguments) == 1
    assert run_app(arguments[:-1]) == 0
    assert run_app(arguments) == 0
    (folder / "out.ir").write_text("changed")
    assert run_app(arguments) == 1
    assert (folder / "out.ir").read_text() == "changed"


def test_compile_writes_one_file_for_each_pipeline_into_a_directory(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "more.py").write_text(
        PIPELINE.replace("def sums", "def others").replace('name="fails"', 'name="Bad Names!"')
    )
    arguments = ["compile", "p.py", "more.py:others", "-o", "out/new/", "--argo-target", "3.6"]
    assert run_app([*arguments, "--check"]) == 1
    assert capsys.readouterr().err.count("does not exist") == 3
    assert run_app(arguments) == 0
    assert sorted(os.listdir(folder / "out" / "new")) == ["fails.yaml", "others.yaml", "sums.yaml"]
    assert run_app(["compile", "p.py:sums", "--argo-target", "3.6"]) == 0
    assert capsys.readouterr().out == (folder / "out" / "new" / "sums.yaml").read_text()
    assert run_app([*arguments, "--check"]) == 0
    (folder / "out" / "new" / "sums.yaml").write_text("changed")
    (folder / "out" / "new" / "fails.yaml").unlink()
    assert run_app([*arguments, "--check"]) == 1
    said = capsys.readouterr().err
    assert "out/new/sums.yaml is out of date" in said
    assert "out/new/fails.yaml does not exist" in said
    assert run_app(["compile", "more.py", "-o", "out", "--to", "ir"]) == 0
    assert [name for name in sorted(os.listdir(folder / "out")) if "Bad-Names-" in name or "others" in name] == sorted(
        name for name in os.listdir(folder / "out") if name.endswith(".tpir")
    )


def test_compile_writes_nothing_if_one_of_several_pipelines_has_an_error(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = PIPELINE.replace("add(a=start)", "add(a=[start])").replace("broken(a=start)", 'broken(a="x")')
    (folder / "wrong.py").write_text(wrong.replace('name="fails"', 'name="falls"'))
    assert run_app(["compile", "p.py", "wrong.py", "nothing.py", "-o", "out/"]) == 3
    assert "TP180" in capsys.readouterr().err
    assert run_app(["compile", "p.py", "wrong.py", "-o", "out/"]) == 3
    assert capsys.readouterr().err.count("TP201") == 2
    assert not (folder / "out").exists()


class _Several:
    """A backend that creates two JSON files for a pipeline."""

    name = "several"
    support = Support()
    options = ()

    def check_target(self, pipeline: ir.Pipeline, options: Options, report: Diagnostics) -> None:
        pass

    def legalise(self, pipeline: ir.Pipeline, options: Options, report: Diagnostics) -> ir.Pipeline:
        return pipeline

    def lower(self, pipeline: ir.Pipeline, options: Options, report: Diagnostics) -> dict[str, str]:
        return {"flow.json": "{}", f"tasks/{pipeline.name}.json": "[]"}


def test_several_files_of_one_pipeline_are_written_to_a_directory(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("typedpipe.compiler.registry.backend", lambda name: _Several())
    assert run_app(["compile", "p.py:sums", "--to", "several"]) == 2
    assert "the backend `several` creates 2 files: write them to a directory with `-o DIR/`" in capsys.readouterr().err
    for output in ("one", "two/"):
        assert run_app(["compile", "p.py:sums", "--to", "several", "-o", output]) == 0
        assert (folder / output / "flow.json").read_text() == "{}"
        assert (folder / output / "tasks" / "sums.json").read_text() == "[]"
    assert run_app(["compile", "p.py", "--to", "several", "-o", "three/"]) == 2
    assert "two pipelines create three/flow.json" in capsys.readouterr().err


def test_python_m_compile_is_the_same_code(folder: Path) -> None:
    arguments = ["p.py:sums", "--to", "ir", "-o", "-"]
    one = subprocess.run(
        [sys.executable, "-m", "typedpipe.compile", *arguments], cwd=folder, capture_output=True, check=False
    )
    two = subprocess.run(
        [sys.executable, "-m", "typedpipe", "compile", *arguments], cwd=folder, capture_output=True, check=False
    )
    assert one.returncode == two.returncode == 0
    assert one.stdout == two.stdout != b""


def test_params_become_defaults(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_app(["compile", "p.py:sums", "--to", "ir", "-o", "a.ir", "--param", "start=7"]) == 0
    assert run_app(["ir", "show", "a.ir"]) == 0
    assert "start: int by value = 7" in capsys.readouterr().out


def test_ir_files(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_app(["ir", "save", "p.py:sums", "-o", "a.ir"]) == 0
    assert run_app(["ir", "verify", "a.ir"]) == 0
    assert run_app(["ir", "diff", "a.ir", "p.py:sums"]) == 0
    assert run_app(["ir", "diff", "a.ir", "p.py:fails"]) == 1
    assert "broken" in capsys.readouterr().out
    (folder / "a.ir").write_bytes((folder / "a.ir").read_bytes()[:-10])
    assert run_app(["ir", "show", "a.ir"]) == 3


# ------------------------------------------------------------------------------------------------- loading


def test_a_file_of_a_package_is_imported_by_its_name(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    package = folder / "shop" / "flows"
    package.mkdir(parents=True)
    (folder / "shop" / "__init__.py").write_text("")
    (package / "__init__.py").write_text("")
    (package / "names.py").write_text("WHO = 'x'\n")
    (package / "main.py").write_text("from .names import WHO\nassert __name__ == 'shop.flows.main'\n" + PIPELINE)
    assert run_app(["graph", "shop/flows/main.py:sums"]) == 0
    assert run_app(["graph", "shop.flows.main:sums"]) == 0


def test_a_plain_file_is_never_main_and_finds_its_neighbours(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "neighbour.py").write_text("VALUE = 1\n")
    (folder / "json.py").write_text("import neighbour\nassert __name__ != '__main__'\n" + PIPELINE)
    assert run_app(["graph", "json.py:sums"]) == 0
    assert "add" in capsys.readouterr().out


def test_only_pipelines_of_the_file_count(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "other.py").write_text("from p import sums\n")
    assert run_app(["graph", "other.py"]) == 3
    assert "TP184" in capsys.readouterr().err
    assert run_app(["graph", "other:sums"]) == 0


def test_the_one_that_no_other_uses(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "nested.py").write_text(
        PIPELINE + "\n@pipeline\ndef top() -> int:\n    failing(start=1)\n    return sums(start=1).output\n"
    )
    assert run_app(["graph", "nested.py"]) == 0
    assert capsys.readouterr().out.startswith("top()")


def test_exec_and_generated_names(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "with-dash.py").write_text(PIPELINE)
    assert run_app(["graph", "with-dash.py:sums"]) == 0


# ----------------------------------------------------------------------------------------------- light weight

HEAVY = {"google", "yaml", "kubernetes", "requests", "pydantic", "rich", "numpy", "jsonschema"}


@pytest.mark.parametrize(
    "code",
    [
        "import typedpipe",
        "import typedpipe.dsl",
        "from typedpipe.cli.app import run_app; run_app(['--help'])",
        "from typedpipe.cli.app import run_app; run_app(['lint', '--help'])",
        "from typedpipe.cli.app import run_app; run_app(['run', '--help'])",
        "from typedpipe.cli.app import run_app; run_app(['compile', '--help'])",
    ],
)
def test_no_heavy_module_is_loaded(code: str) -> None:
    show = "\nimport sys; print(*sorted({name.partition('.')[0] for name in sys.modules}), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code + show], capture_output=True, text=True, check=True)
    loaded = set(done.stderr.split())
    assert not loaded & HEAVY
    if code.startswith("import"):
        assert "click" not in loaded


# ------------------------------------------------------------------------------------------ backends, and passes


def test_the_options_of_compile_are_those_of_its_backend(capsys: pytest.CaptureFixture[str]) -> None:
    from typedpipe.compiler.registry import backend

    assert run_app(["compile", "--help"]) == 0
    text = capsys.readouterr().out
    for option in backend("argo").options:
        assert f"--{'argo-target' if option.name == 'target' else option.name.replace('_', '-')}" in text
    assert run_app(["compile", "--to", "ir", "--help"]) == 0
    assert "--kind" not in capsys.readouterr().out


def test_a_backend_that_is_not_there(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_app(["compile", "p.py:sums", "--to=argos"]) == 3
    assert "error[TP390]: there is no backend named `argos`" in capsys.readouterr().err


def test_the_ir_is_printed_after_a_pass(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_app(["compile", "p.py:sums", "--to", "ir", "-o", "sums.tpir", "--print-after", "close_scopes"]) == 0
    printed = capsys.readouterr()
    assert "# after close_scopes\npipeline sums closed\n" in printed.err
    assert not printed.out
    assert run_app(["compile", "p.py:sums", "--print-after", "clsoe"]) == 2
    assert "the passes are verify, check_types" in capsys.readouterr().err


STEPS = "from typedpipe import component, pipeline\n@component\ndef inc(n: int) -> int:\n    return n + 1\n"
FLOW = STEPS + "@pipeline\ndef main(n: int = 1) -> int:\n    return inc(n=n).output\n"


@pytest.mark.parametrize("command", ["lint", "compile", "run", "graph"])
@pytest.mark.parametrize(
    "use",
    [
        "main.run(n=5)",
        "print(main.run(n=5).outputs + 1)",
        "main.local(5)",
        "main.options(jobs=2).run(n=5).wait()",
        "with main.run() as run:\n    print(run.tasks['inc'].outputs)",
    ],
)
def test_a_run_at_module_level_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: str, use: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "top.py").write_text(f"{FLOW}{use}\n@pipeline\ndef bad() -> int:\n    return inc(m=1).output\n")
    assert run_app([command, "top.py:main"]) == 3
    printed = capsys.readouterr()
    said = printed.out + printed.err
    assert said.count("error[TP190]: the run of `main` would start whenever this file is imported") == 1
    assert " top.py:8:" in said
    assert not (tmp_path / ".typedpipe").exists()
    assert ("TP182" in said, "TP901" in said) == (False, False)


def test_a_run_under_main_is_not(tmp_path: Path) -> None:
    (tmp_path / "top.py").write_text(FLOW + "if __name__ == '__main__':\n    print(main.run(n=5).outputs)\n")
    assert call("lint", "top.py", cwd=tmp_path).returncode == 0
    done = subprocess.run([sys.executable, "top.py"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "6\n"), done.stderr


@pytest.mark.parametrize(
    ("name", "text", "command"),
    [
        ("random.py", "x = 1\n", "lint"),
        ("random/__init__.py", "x = 1\n", "run"),
        ("sqlite3.py", "x = 1\n", "run"),
        ("shutil.py", "from nothing import at_all\n", "run"),
    ],
)
def test_a_file_that_hides_a_module_of_python_is_the_users(tmp_path: Path, name: str, text: str, command: str) -> None:
    (tmp_path / "flow.py").write_text(FLOW)
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text(text)
    script = os.path.join(os.path.dirname(sys.executable), "typedpipe")
    done = subprocess.run([script, command, "flow.py"], cwd=tmp_path, capture_output=True, text=True, check=False)
    said = done.stdout + done.stderr
    module = name.partition("/")[0].removesuffix(".py")
    assert f"error[TP198]: `{name}` shadows the standard-library module `{module}`: " in said
    assert ("TP901" in said, done.returncode) == (False, 3)


@pytest.mark.parametrize("name", ["code.py", "test.py", "this.py"])
def test_a_file_with_the_name_of_a_module_that_nothing_needs_is_allowed(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(FLOW)
    assert call("lint", name, cwd=tmp_path).returncode == 0
    (tmp_path / name).write_text("1 / 0\n")
    assert "error[TP182]" in call("lint", name, cwd=tmp_path).stdout


SAY = """from typedpipe import component, pipeline
NAME = "é"
@component
def say(s: str) -> str:
    return s + NAME + "é"  # é
@pipeline
def p(s: WHAT = "ß") -> str:
    return say(s=s).output
"""


@pytest.mark.parametrize(
    ("head", "encoding", "ending"),
    [
        ("# -*- coding: latin-1 -*-\n", "latin-1", "\n"),
        ("\n# vim: set fileencoding=cp1252 :\n", "cp1252", "\r\n"),
        ("# coding: utf-8\n", "utf-8-sig", "\r"),
        ("\f\n", "utf-8", "\n"),
    ],
)
def test_files_are_read_as_python_reads_them(tmp_path: Path, head: str, encoding: str, ending: str) -> None:
    for name, what in (("right.py", "str"), ("wrong.py", "int")):
        (tmp_path / name).write_bytes((head + SAY.replace("WHAT", what)).replace("\n", ending).encode(encoding))
    found = call("run", "right.py", cwd=tmp_path)
    assert (found.returncode, found.stdout) == (0, "Output: ßéé\n"), found.stderr
    assert 'def p(s: int = "ß") -> str:' in call("lint", "wrong.py", cwd=tmp_path).stdout


def test_the_declared_encoding_counts_even_if_the_bytes_are_utf_8(tmp_path: Path) -> None:
    (tmp_path / "p.py").write_text("# coding: cp437\n" + SAY.replace("WHAT", "int"), encoding="utf-8")
    found = call("lint", "p.py", cwd=tmp_path)
    assert 'expected `int`, found `Literal["├ƒ"]`' in found.stdout
    assert 'def p(s: int = "├ƒ") -> str:' in found.stdout


@pytest.mark.parametrize("head", ["# é\n", "\n\n# coding: latin-1\n"])
def test_a_file_that_is_not_utf_8(tmp_path: Path, head: str) -> None:
    """Python refuses it as a program, and accepts it as a module if only comments are affected."""
    text = head + SAY.replace("WHAT", "str").replace('NAME = "é"', 'NAME = "e"').replace('+ "é"', "").replace(
        '"ß"', '"a"'
    )
    (tmp_path / "other.py").write_bytes(text.encode("latin-1"))
    found = call("lint", "other.py", cwd=tmp_path)
    assert found.returncode == 3
    assert "error[TP181]" in found.stdout
    assert (
        "not UTF-8: save the file as UTF-8, or declare its encoding in the first line: `# coding: latin-1`"
        in found.stdout
    )
    (tmp_path / "main.py").write_text(
        "import other\nfrom typedpipe import pipeline\n@pipeline\ndef q() -> str:\n    return other.say(s='a').output\n"
    )
    found = call("run", "main.py", cwd=tmp_path)
    assert (found.returncode, found.stdout) == (0, "Output: ae\n"), found.stderr


def test_a_notebook_is_no_file_of_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for text in ('{"cells": [], "metadata": {"trusted": true}}', "{}"):
        (tmp_path / "nb.ipynb").write_text(text)
        assert run_app(["lint", "nb.ipynb"]) == 3
        printed = capsys.readouterr().out
        assert printed.startswith("error[TP181]: `nb.ipynb` is a notebook, not a file of Python source\n")
        assert "`jupyter nbconvert --to script nb.ipynb` writes `nb.py`" in printed


@pytest.mark.parametrize(
    ("text", "help_"),
    [
        ("class Late: ...", "`Late` is defined below, in line 4: move its definition above this line"),
        ("Late = dict(a=1)", "`Late` is defined below, in line 4: move its definition above this line"),
        ("", "import or define `Late` above this line"),
    ],
)
def test_a_name_that_is_used_too_early(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], text: str, help_: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "early.py").write_text(f"from typedpipe import component\n\nX = Late\n{text}\n")
    assert run_app(["lint", "early.py"]) == 3
    assert f"help: {help_}\n" in capsys.readouterr().out


def test_a_quiet_run_that_fails_says_why(folder: Path) -> None:
    done = call("run", "p.py:fails", "--display", "quiet", cwd=folder)
    assert (done.returncode, done.stdout) == (1, "")
    assert "ValueError: no luck" in done.stderr
    assert "failed in" in done.stderr
    assert "typedpipe logs" in done.stderr
    good = call("run", "p.py:sums", "--start", "3", "--display", "quiet", cwd=folder)
    assert (good.returncode, good.stdout, good.stderr) == (0, "Output: 5\n", "noise of the import\n")
    data = call("run", "p.py:fails", "--display", "quiet", "-o", "json", cwd=folder)
    assert json.loads(data.stdout.splitlines()[-1])["state"] == "FAILED"
    assert "no luck" in data.stdout


@pytest.mark.parametrize(
    ("name", "starts"),
    [("g.svg", "<svg"), ("g.SVG", "<svg"), ("g.mmd", "---\ntitle"), ("g.txt", "sums"), ("graph", "sums")],
)
def test_the_format_of_a_graph_is_that_of_its_name(folder: Path, name: str, starts: str) -> None:
    assert run_app(["graph", "p.py:sums", "-o", name]) == 0
    assert (folder / name).read_text().startswith(starts)


@pytest.mark.parametrize("name", ["g.png", "g.pdf", "g.dot", "g.html", "a.b/g.jpeg"])
def test_a_graph_is_not_written_in_another_format(folder: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    assert run_app(["graph", "p.py:sums", "-o", name]) == 2
    said = capsys.readouterr().err
    assert f"does not write `.{name.rpartition('.')[2]}` files: use .svg, .mmd (Mermaid) or .txt" in said
    assert not (folder / name).exists()
    assert run_app(["graph", "p.py:sums", "-o", "g.dot", "--format", "mermaid"]) == 0


def test_an_enum_in_a_list_or_struct_lists_its_members(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "paint.py").write_text(
        "from enum import Enum\nfrom typedpipe import component, pipeline\n"
        "class Color(Enum):\n    RED = 'red'\n    BLUE = 'blue'\n"
        "@component\ndef paint(c: Color, cs: list[Color]) -> str:\n    return c.value\n"
        "@pipeline\ndef main(c: Color = Color.RED, cs: list[Color] = []) -> str:\n    return paint(c=c, cs=cs).output\n"
        "if __name__ == '__main__':\n    main.run(c='green')\n"
    )
    members = "the members of `Color` are `RED` and `BLUE`"
    assert run_app(["run", "paint.py", "--cs", '["green"]']) == 2
    assert f"--cs '[\"RED\"]'; {members}\n" in capsys.readouterr().err
    assert run_app(["run", "paint.py", "--c", "green"]) == 2
    assert "--c RED|BLUE\n" in capsys.readouterr().err
    assert run_app(["run", "paint.py", "--c", "RED", "--run-name", "one"]) == 0
    assert run_app(["spin", "one/paint", "--set", 'cs=["green"]']) == 2
    assert members in capsys.readouterr().err
    done = subprocess.run([sys.executable, "paint.py"], capture_output=True, text=True, check=False)
    assert f"help: pass a value of type `Color`; {members}\n" in done.stderr
