"""Public signatures, as seen by four type checkers and the plugin."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.typing import checkers
from tests.typing.checkers import BIN, CHECKERS, PROGRAMS, Report, marks

GOOD = ("good.py", "extra.py", "own.py", "runs.py")
BAD = ("bad.py", "own_bad.py", "runs_bad.py")
ONLY_PLUGIN = {
    "d_kfp_first_typo",  # of an output parameter's name, only the plugin knows
    "d_kfp_out_typo",
    "a_kfp_first_named",
    "a_kfp_two_named",
    "a_kfp_out_named",
}


@pytest.fixture(scope="module")
def reports() -> dict[str, list[Report]]:
    return {name: check([*GOOD, *BAD]) for name, check in CHECKERS.items()}


@pytest.mark.parametrize("checker", CHECKERS)
def test_correct_programs_are_clean(checker: str, reports: dict[str, list[Report]]) -> None:
    assert [report for report in reports[checker] if report.file not in BAD] == []


@pytest.mark.parametrize("checker", CHECKERS)
@pytest.mark.parametrize("file", BAD)
def test_mistakes_are_reported_and_nothing_else(checker: str, file: str, reports: dict[str, list[Report]]) -> None:
    wanted = marks(PROGRAMS / file)
    lines = {report.line for report in reports[checker] if report.file == file}
    missed = {wanted[line] for line in wanted.keys() - lines}
    assert missed == (ONLY_PLUGIN if checker != "mypy+plugin" and file == "bad.py" else set())
    assert sorted(lines - wanted.keys()) == []


def test_the_programs_hold_what_the_prototype_marked() -> None:
    assert len(marks(PROGRAMS / "bad.py")) == 79


@pytest.fixture
def plugin_programs(tmp_path: Path) -> Path:
    return Path(shutil.copytree(PROGRAMS / "plugin", tmp_path / "plugin"))


def _lines(reports: list[Report], file: str) -> list[int]:
    return sorted({report.line for report in reports if report.file == file})


def test_kfp_spelling_anywhere_and_from_the_cache(plugin_programs: Path) -> None:
    files = ["pipe.py", "comps.py"]
    wanted = [n for n, line in enumerate((plugin_programs / "pipe.py").read_text().splitlines(), 1) if "# E" in line]
    fresh = checkers.mypy_with_plugin(files, plugin_programs)
    assert _lines(fresh, "pipe.py") == wanted
    assert _lines(fresh, "comps.py") == []
    changed = plugin_programs / "pipe.py"
    changed.write_text("# moved\n" + changed.read_text())  # comps.py now comes from the cache
    cached = checkers.mypy_with_plugin(files, plugin_programs)
    assert _lines(cached, "pipe.py") == [line + 1 for line in wanted]


def test_import_cycles(plugin_programs: Path) -> None:
    reports = checkers.mypy_with_plugin(["cyc/a.py"], plugin_programs)
    assert [(Path(r.file).name, r.line) for r in reports] == [("a.py", 8), ("a.py", 9)]


def test_dmypy_sees_a_changed_component(plugin_programs: Path) -> None:
    def dmypy(*args: str) -> str:
        done = subprocess.run(
            [str(BIN / "dmypy"), "--status-file", "dmypy.json", *args],
            cwd=plugin_programs,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode in (0, 1), done.stdout + done.stderr
        return done.stdout

    config = ("--config-file", str(PROGRAMS / "plugin.ini"))
    try:
        first = dmypy("run", "--", *config, "pipe.py", "comps.py")
        comps = plugin_programs / "comps.py"
        comps.write_text(comps.read_text().replace("second:", "third:"))
        again = dmypy("run", "--", *config, "pipe.py", "comps.py")
    finally:
        dmypy("stop")
    assert '"third"; it has: first, second' in first
    assert '"third"; it has' not in again
    assert '"second"; it has: first, third' in again


def test_the_status_of_an_exit_task_is_no_argument(tmp_path: Path) -> None:
    (tmp_path / "exits.py").write_text(
        "from typedpipe import ExitHandler, PipelineTaskFinalStatus, component, pipeline\n"
        "@component\n"
        "def done(status: PipelineTaskFinalStatus, label: str) -> None: ...\n"
        "@pipeline\n"
        "def main() -> None:\n"
        "    with ExitHandler(done(label='x')):\n"
        "        done(label=1)\n"
    )
    assert _lines(checkers.mypy_with_plugin(["exits.py"], tmp_path), "exits.py") == [7]


def test_the_plugin_does_not_shadow_mypy() -> None:
    code = "import typedpipe.mypy, mypy.version; assert typedpipe.mypy.plugin('1').__name__ == 'TypedpipePlugin'"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("target", ["good.py:main", "good.py:single", "extra.py:main", "own.py:main", "own.py:containers"])
def test_what_checkers_accept_compiles(target: str, tmp_path: Path) -> None:
    """Tracing, the passes and the backend agree with the checkers about every line of the correct programs."""
    command = [sys.executable, "-m", "typedpipe", "compile", str(PROGRAMS / target), "-o", "out.yaml"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stderr
    assert "kind: Workflow" in (tmp_path / "out.yaml").read_text("utf-8")


def test_the_correct_program_runs(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, str(PROGRAMS / "good.py")], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stderr
