"""Generated pipelines, run here and on Argo, give what a plain interpreter says."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from tests.combinations.__main__ import differences, here, kept, there
from tests.combinations.generate import generate
from tests.combinations.interpret import interpret
from tests.combinations.programs import write

CHECKOUT = Path(__file__).parents[2]
KEPT = sorted((Path(__file__).parent / "kept").glob("*.txt"))
"""Programs that went wrong once, with what is expected of them."""
MANY = int(os.environ.get("COMBINATIONS", "1000"))
PODS = int(os.environ.get("COMBINATION_PODS", "150"))
NEW = int(time.time()) // 60 * 10_000
"""The first of this minute's seeds: each long test takes new ones."""


@pytest.mark.parametrize("seed", range(20))
def test_program(seed: int, tmp_path: Path) -> None:
    check_here(seed, tmp_path)


@pytest.mark.parametrize("file", KEPT, ids=lambda file: str(file.stem))
def test_kept_program(file: Path, tmp_path: Path) -> None:
    source = file.read_text("utf-8")
    found = here(source.replace("sink = ''", f"sink = {str(tmp_path / 'results')!r}"), tmp_path, CHECKOUT)
    assert differences(kept(source), found) == []


@pytest.mark.heavy
@pytest.mark.slow
def test_many_programs(tmp_path: Path) -> None:
    for seed in range(NEW, NEW + MANY):
        folder = tmp_path / str(seed)
        folder.mkdir()
        check_here(seed, folder)


@pytest.mark.cluster
@pytest.mark.heavy
def test_programs_on_argo(tmp_path: Path) -> None:
    pods, seed, wrong = 0, NEW, []
    while pods < PODS:
        program = generate(seed)
        expected = interpret(program)
        pods += expected.tasks
        wrong += [f"seed {seed}: {line}" for line in differences(expected, there(write(program), tmp_path, CHECKOUT))]
        seed += 1
    assert wrong == []


def check_here(seed: int, folder: Path) -> None:
    program = generate(seed)
    found = here(write(program, str(folder / "results")), folder, CHECKOUT)
    assert differences(interpret(program), found) == [], f"seed {seed}"
