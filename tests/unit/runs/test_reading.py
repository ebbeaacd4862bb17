"""Commands, the live tree, the notebook and the report over both sources: they print the same."""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import pytest
from rich.console import Console
from worlds import LocalWorld, MemoryWorld, fill

from typedpipe.cli.app import run_app
from typedpipe.cli.execution.live.drawing import draw
from typedpipe.cli.execution.live.view import LiveView
from typedpipe.local.notebook import run_bundle
from typedpipe.runs.source import RunSource
from typedpipe.runs.view import RunView

AnyWorld = LocalWorld | MemoryWorld
Said = tuple[int, str, str]


def steady(text: str) -> str:
    """Without what differs between two places and two times."""
    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d( \w+)?", "TIME", text)
    text = re.sub(r"\b[0-9a-f]{12}\b", "DIGEST", text)
    text = re.sub(r"(/\S*/root|memory)/(runs/)?", "PLACE/", text)
    text = re.sub(r"/\S*/root|\bmemory\b", "PLACE", text)
    return re.sub(r"\d+(\.\d+)? (s|ms|min|h|d)\b( \d+ \w+)?", "LONG", text)


def narrow(said: Said) -> Said:
    code, out, err = said
    return code, re.sub(r" {2,}", "  ", out), re.sub(r" {2,}", "  ", err)


@pytest.fixture
def both(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., tuple[Said, Said]]]:
    """Runs a command over each source."""
    worlds: list[AnyWorld] = [LocalWorld(tmp_path), MemoryWorld()]

    def command(*arguments: str, change: Callable[[str], str] = steady) -> tuple[Said, Said]:
        said: list[Said] = []
        for world in worlds:

            @contextlib.contextmanager
            def opened(_folder: Path | None, source: RunSource = world.source) -> Generator[RunSource]:
                yield source

            monkeypatch.setattr("typedpipe.cli.stored.access.open_source", opened)
            capfd.readouterr()
            code = run_app(list(arguments))
            printed = capfd.readouterr()
            said.append((code, change(printed.out), change(printed.err)))
        return said[0], said[1]

    for world in worlds:
        fill(world)
    yield command
    for world in worlds:
        world.close()


@pytest.mark.parametrize(
    "line",
    [
        "runs ls",
        "runs ls --state failed",
        "runs ls --pipeline none",
        "runs ls -n 1",
        "runs show 2026-a",
        "runs show 2026-b",
        "runs show 2028",
        "runs diff 2026-a 2026-b",
        "logs 2026-a",
        "logs 2026-a/train",
        "logs 2026-a/train --attempt 1",
        "logs 2026-a/train --attempt 7",
        "logs 2026-a/train --tail 2",
        "logs 2026-a --tail 1",
        "logs 2026-a/again",
        "logs 2026-a/later",
        "logs 2026-a/tran",
        "logs 2026-b -f",
        "logs 2026-a/train -f --tail 1",
        "artifacts cat 2026-a/train.model",
        "artifacts cat 2026-a/load",
        "artifacts cat 2026-a/train",
        "artifacts cat 2026-a/train.modle",
        "artifacts cat 2026-a/none",
    ],
)
def test_commands_print_the_same(both: Callable[..., tuple[Said, Said]], line: str) -> None:
    local, memory = both(*line.split())
    if line.startswith(("runs", "artifacts")):  # columns are as wide as what is in them
        local, memory = narrow(local), narrow(memory)
    assert local == memory
    assert local[1] or local[2]


def test_artifacts_of_a_source_without_paths(both: Callable[..., tuple[Said, Said]], tmp_path: Path) -> None:
    for found in both("artifacts", "ls", "2026-a", change=str):
        assert found[0] == 0
        assert [line.split()[:2] for line in found[1].splitlines()[1:]] == [
            ["load.rows", "system.Dataset"],
            ["train.model", "system.Model"],
            ["train.pages[0]", "system.Markdown"],
        ]
    target = tmp_path / "copies" / "rows"
    target.parent.mkdir()
    for code, out, err in both("artifacts", "get", "-f", "2026-a/load", str(target.parent), change=str):
        assert (code, out, err) == (0, f"{target}\n", "")
    assert {str(path.relative_to(target)): path.read_bytes() for path in target.rglob("*") if path.is_file()} == {
        "part/1": b"one",
        "part/2": b"two",
    }
    (code, out, _), (again, _, err) = both("artifacts", "get", "2026-a/train.model", str(tmp_path / "m"), change=str)
    assert (code, out, (tmp_path / "m").read_bytes()) == (0, f"{tmp_path / 'm'}\n", b"weights")
    assert again == 2 and "TP610" in err


def test_the_report(both: Callable[..., tuple[Said, Said]]) -> None:
    local, memory = both("report", "2026-a", "-o", "-", change=str)
    assert local[0] == memory[0] == 0
    for page in (local[1], memory[1]):
        assert "<strong>done</strong>" in page and "epoch 3" in page and page.count("g-succeeded") > 1
    before_the_facts = [
        steady(re.sub(r"sha256:\w+|[0-9a-f]{64}|declared at.*?</div>", "", page)) for page in (local[1], memory[1])
    ]
    shape = [re.sub(r'>[^<]*<|="[^"]*"', "", page.partition('id="configuration"')[0]) for page in before_the_facts]
    assert shape[0] == shape[1]


def test_the_live_tree_and_the_notebook(tmp_path: Path) -> None:
    drawn: list[tuple[str, str]] = []
    for world in (LocalWorld(tmp_path), MemoryWorld()):
        fill(world)
        run = world.source.run("2026-a")
        live = LiveView(world.source.pipeline(run))
        view = RunView(world.source.pipeline(run))
        for event in world.source.watch(run):
            live(event)
            view(event)
        console = Console(file=io.StringIO(), width=80, height=24)
        tree = draw(live, console, run.finished or 0.0).plain
        bundle = run_bundle(view)
        drawn.append((steady(tree), bundle["text/plain"]))
        world.close()
    assert drawn[0] == drawn[1]
    assert "✓ train" in drawn[0][1] and "train" in drawn[0][0]
