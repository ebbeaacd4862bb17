"""Type checkers over files; returns each report: file, line, message."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).parent
PROGRAMS = HERE / "programs"
BIN = Path(sys.executable).parent
_TY = re.compile(r"^(.*?):(\d+):\d+: error\[.*?\] (.*)$", re.M)
_MARK = re.compile(r"# E: *(\S+)")


class Report(NamedTuple):
    """One report of a checker."""

    file: str
    line: int
    message: str


def _run(cwd: Path, tool: str, *args: str) -> str:
    done = subprocess.run([str(BIN / tool), *args], cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), f"{tool} itself failed:\n{done.stdout}\n{done.stderr}"
    return done.stdout


def mypy(files: Sequence[str], cwd: Path = PROGRAMS, *options: str) -> list[Report]:
    rows = [json.loads(row) for row in _run(cwd, "mypy", "--output", "json", *options, *files).splitlines() if row[:1] == "{"]
    return [Report(row["file"], row["line"], row["message"]) for row in rows if row["severity"] == "error"]


def mypy_with_plugin(files: Sequence[str], cwd: Path = PROGRAMS, *options: str) -> list[Report]:
    return mypy(files, cwd, "--config-file", str(PROGRAMS / "plugin.ini"), *options)


def pyright(files: Sequence[str], cwd: Path = PROGRAMS) -> list[Report]:
    rows = json.loads(_run(cwd, "pyright", "--pythonpath", sys.executable, "--outputjson", *files))["generalDiagnostics"]
    return [
        Report(Path(row["file"]).name, row["range"]["start"]["line"] + 1, row["message"])
        for row in rows
        if row["severity"] == "error"
    ]


def pyrefly(files: Sequence[str], cwd: Path = PROGRAMS) -> list[Report]:
    options = ("--python-interpreter-path", sys.executable, "--output-format", "json", "--summary=none")
    text = _run(cwd, "pyrefly", "check", *options, *files)
    rows = json.loads(text[text.index("{") :])["errors"]
    return [Report(Path(r["path"]).name, r["line"], r["description"]) for r in rows if r.get("severity", "error") == "error"]


def ty(files: Sequence[str], cwd: Path = PROGRAMS) -> list[Report]:
    text = _run(cwd, "ty", "check", "--python", sys.executable, "--output-format", "concise", *files)
    return [Report(Path(m[1]).name, int(m[2]), m[3]) for m in _TY.finditer(text)]


CHECKERS: dict[str, Callable[[Sequence[str]], list[Report]]] = {
    "mypy": mypy,
    "pyright": pyright,
    "pyrefly": pyrefly,
    "ty": ty,
    "mypy+plugin": mypy_with_plugin,
}


def marks(path: Path) -> dict[int, str]:
    """The lines of a file that are mistakes, by ``# E: tag``."""
    lines = path.read_text("utf-8").splitlines()
    return {number: found[1] for number, line in enumerate(lines, 1) if (found := _MARK.search(line))}
