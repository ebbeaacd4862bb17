"""The settings for ruff in docs/typing.md: imports for the annotations of components stay where they are."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.typing.checkers import BIN

PAGE = Path(__file__).parents[2] / "docs" / "typing.md"
FLOW = """\
from __future__ import annotations

from {module} import {name}

from {typedpipe} import ContainerSpec, component, container_component, pipeline


@{decorator}
def step(value: {name}) -> {returns}: ...
"""


def ruff(folder: Path, settings: str) -> str:
    (folder / "pyproject.toml").write_text(f'[tool.ruff.lint]\nselect = ["TC001", "TC002", "TC003"]\n{settings}')
    command = [str(BIN / "ruff"), "check", "--no-cache", "--output-format", "concise", "."]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False).stdout


@pytest.mark.parametrize("typedpipe", ["typedpipe", "typedpipe.dsl"])
@pytest.mark.parametrize(
    ("decorator", "returns"),
    [
        ("component", "None"),
        ('component(base_image="x")', "None"),
        ("pipeline", "None"),
        ('pipeline(name="x")', "None"),
        ("container_component", "ContainerSpec"),
    ],
)
def test_imports_for_annotations_stay(tmp_path: Path, typedpipe: str, decorator: str, returns: str) -> None:
    settings = re.search(r"^```toml\n(\[tool\.ruff.*?)^```", PAGE.read_text(encoding="utf-8"), re.M | re.S)
    assert settings is not None
    text = FLOW.format(
        module="datetime", name="datetime", typedpipe=typedpipe, decorator=decorator, returns=returns
    )
    (tmp_path / "flow.py").write_text(text)
    assert "TC003" in ruff(tmp_path, "")
    assert ruff(tmp_path, settings[1]) == "All checks passed!\n"
