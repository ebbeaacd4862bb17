"""Contents of the wheel: the package, its marker and the pages of the codes; nothing else."""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_the_wheel_holds_what_it_must(tmp_path):
    pytest.importorskip("hatchling")
    build = "import sys, hatchling.build as b; print(b.build_wheel(sys.argv[1]))"
    subprocess.run([sys.executable, "-c", build, str(tmp_path)], cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {"typedpipe/py.typed", "typedpipe/runtime/task.py", "typedpipe/diagnostics/pages/TP180.md"} <= names
    pages = {path.name for path in (ROOT / "docs" / "errors").glob("*.md")}
    assert {Path(name).name for name in names if "/pages/" in name} == pages
    assert all(re.match(r"typedpipe(/|-[\d.]+\.dist-info/)", name) for name in names)
    modules = {str(path.relative_to(ROOT)) for path in (ROOT / "typedpipe").rglob("*.py")}
    assert modules <= names
