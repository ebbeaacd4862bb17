"""Every code block of the README and of docs/*.md is run.

* ``python``: run as a program; one that starts with ``# file: NAME`` is also kept for the blocks after it.
* ``bash``: run by bash, and must not fail.
* ``console``: each ``$ command`` is run, and must print (stdout and stderr) the following lines; a line ``...``
  is any lines, and ``…`` any text in a line. Lines about a slow phase, printed only on a slow machine, are ignored.
* ``yaml``, ``json``, ``toml``: must parse.
* ``text``: shown only. A block after ``<!-- not run: WHY -->`` is not run, either; one after ``<!-- only kept: WHY -->``
  is kept for the blocks after it, for example one with intended errors.

The blocks of one document run in order in one directory that contains ``examples/``.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(
    r"(?:(?P<skip><!-- not run: .+? -->)\s*|(?P<keep><!-- only kept: .+? -->)\s*)?^```(?P<kind>\w*)\n(?P<text>.*?)^```$",
    re.M | re.S,
)


LATE = re.compile(r"^(?:checking|starting) .+ …\n", re.M)
"""The lines that `typedpipe.cli.phases` prints only when a phase is not over soon."""


@dataclass(frozen=True)
class Block:
    kind: str
    text: str
    line: int
    only_kept: bool = False


def blocks(path: Path) -> list[Block]:
    text = path.read_text(encoding="utf-8")
    found = [match for match in BLOCK.finditer(text) if not match["skip"]]
    return [
        Block(match["kind"], match["text"], text.count("\n", 0, match.start()) + 1, bool(match["keep"]))
        for match in found
    ]


@pytest.fixture
def folder(tmp_path):
    shutil.copytree(ROOT / "examples", tmp_path / "examples", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def run(arguments: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "NO_COLOR": "1",
        "COLUMNS": "100",
        # Without plugins that a reader of the page does not have (hypothesis takes longer to load than the tests), and with
        # temporary folders of its own: in those of all sessions, its end would remove what large earlier ones left.
        "PYTEST_ADDOPTS": f"-p no:hypothesispytest -p no:xdist -p no:xdist.looponfail --basetemp={folder}/.pytest-tmp",
    }
    return subprocess.run(
        arguments,
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=False,
    )


def check(block: Block, folder: Path) -> None:
    if block.kind == "python":
        named = re.match(r"# file: (\S+)\n", block.text)
        file = folder / (named[1] if named else "block.py")
        file.write_text(block.text, encoding="utf-8")
        if not block.only_kept:
            done = run([sys.executable, file.name], folder)
            assert done.returncode == 0, done.stdout
    elif block.kind == "bash":
        done = run(["bash", "-euo", "pipefail", "-c", block.text], folder)
        assert done.returncode == 0, done.stdout
    elif block.kind == "console":
        console(block.text, folder)
    elif block.kind == "yaml":
        list(yaml.safe_load_all(block.text))
    elif block.kind == "json":
        json.loads(block.text)
    elif block.kind == "toml":
        tomllib.loads(block.text)
    else:
        assert block.kind == "text", f"a block of kind {block.kind!r}: this test does not know what to do with it"


def console(text: str, folder: Path) -> None:
    for part in re.split(r"^\$ ", text, flags=re.M)[1:]:
        command, _, wanted = part.partition("\n")
        done = run(["bash", "-c", command], folder)
        pattern = "".join(
            "(?:.*\n)*?" if line == "...\n" else re.escape(line).replace("…", ".*")
            for line in wanted.splitlines(keepends=True)
        )
        printed = done.stdout if LATE.search(wanted) else LATE.sub("", done.stdout)
        assert re.fullmatch(pattern, printed), f"$ {command}\n{done.stdout}"


def test_a_page_does_not_depend_on_the_speed_of_the_machine(tmp_path, monkeypatch):
    slow = "import typedpipe.cli.phases as phases\nphases.PATIENCE = -1\n"
    (tmp_path / "sitecustomize.py").write_text(slow, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    (tmp_path / "p.py").write_text(
        "from typedpipe import dsl\n\n@dsl.component\ndef c() -> int:\n    return 1\n\n"
        "@dsl.pipeline\ndef p() -> int:\n    return c().output\n",
        encoding="utf-8",
    )
    command = "typedpipe run p.py --display plain 2>&1 | tee printed"
    console(f"$ {command}\nloading p.py …\nrun …\nc: done in …\n...\nOutput: 1\n...\n", tmp_path)
    assert LATE.search((tmp_path / "printed").read_text("utf-8"))


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_blocks_run(path, folder):
    for block in blocks(path):
        try:
            check(block, folder)
        except AssertionError as error:
            pytest.fail(f"{path.relative_to(ROOT)}:{block.line}: {error}", pytrace=False)
