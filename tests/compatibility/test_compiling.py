"""Pipelines saved by earlier versions: they are read unchanged, and their YAML is the same, except for the runtime."""

from __future__ import annotations

import difflib
import json
from pathlib import Path

import pytest

from tests.compatibility.archive import unpack
from tests.compatibility.commands import Answer, ask, ask_elsewhere
from tests.compatibility.manifests import PLAIN, VARIANTS, manifests, masked

HERE = Path(__file__).parent
RECORDED = sorted(HERE.glob("*/pipelines.tar.xz"))
NEWEST = RECORDED[-1:]


def _name(path: Path) -> str:
    return path.parent.name


@pytest.fixture(scope="module")
def recorded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pipelines")
    unpack(request.param, folder)
    return folder


every = pytest.mark.parametrize("recorded", RECORDED, ids=_name, indirect=True)
newest = pytest.mark.parametrize("recorded", NEWEST, ids=_name, indirect=True)
"""YAML is no format that we read: it may change, and then it is recorded anew (`make fixture-yaml`)."""


def _difference(old: str, new: str, name: str) -> str:
    lines = difflib.unified_diff(old.splitlines(), new.splitlines(), f"recorded/{name}", f"now/{name}", lineterm="")
    return "\n".join(list(lines)[:60])


@every
def test_saved_pipelines_are_read_as_they_were(recorded: Path) -> None:
    saved = sorted((recorded / "ir").glob("*.ir"))
    assert len(saved) >= 38
    for path in saved:
        answer = ask("ir", "show", str(path))
        assert answer.code == 0, answer.errors
        want = path.with_suffix(".txt").read_text(encoding="utf-8")
        assert answer.out == want, _difference(want, answer.out, path.stem)


@every
def test_saved_pipelines_are_whole(recorded: Path) -> None:
    for path in sorted((recorded / "ir").glob("*.ir")):
        answer = ask("ir", "verify", str(path))
        assert answer.code == 0, answer.errors


@every
def test_sources_give_the_pipelines_that_were_saved(recorded: Path) -> None:
    for path, answer in _of_each_source(recorded, "ir", "show"):
        want = (recorded / "ir" / f"{path.stem}.txt").read_text(encoding="utf-8")
        for before, now in MENDED:
            want = want.replace(before, now)
        assert answer.out == want, _difference(want, answer.out, path.stem)


MENDED = (
    (
        'type Point#2 = dataclass(x: Literal[1], tags: list[Literal["p"]])\n'
        'type Point#3 = dataclass(x: Literal[2], tags: list[Literal["q"]])\n',
        'type Point#2 = dataclass(x: Literal[1, 2], tags: list[Literal["p"]] | list[Literal["q"]])\n',
    ),
    ("list[Point#2 | Point#3]", "list[Point#2]"),
)
"""Objects of one class in a list have one type since."""


@newest
def test_sources_give_the_manifests_that_were_recorded(recorded: Path) -> None:
    for path, answer in _of_each_source(recorded, "compile"):
        want = (recorded / "yaml" / f"{path.stem}.{PLAIN}.yaml").read_text(encoding="utf-8")
        assert masked(answer.out) == want, _difference(want, masked(answer.out), path.stem)


def _of_each_source(recorded: Path, *command: str) -> list[tuple[Path, Answer]]:
    files = sorted(recorded.glob("*/*.py"))
    answers = ask_elsewhere([[*command, f"{path.parent.name}/{path.name}"] for path in files], recorded)
    for answer in answers:
        assert answer.code == 0, answer.errors
    return list(zip(files, answers, strict=True))


@newest
@pytest.mark.slow
def test_saved_pipelines_give_the_manifests_that_were_recorded(recorded: Path) -> None:
    wrong: list[str] = []
    for path in sorted((recorded / "ir").glob("*.ir")):
        for variant, text in manifests(path).items():
            name = f"{path.stem}.{variant}.yaml"
            want = (recorded / "yaml" / name).read_text(encoding="utf-8")
            if text != want:
                wrong.append(_difference(want, text, name))
    assert not wrong, f"{len(wrong)} manifests differ; the first:\n{wrong[0]}"


@newest
def test_each_pipeline_was_compiled_for_each_target_and_kind(recorded: Path) -> None:
    found = {path.name for path in (recorded / "yaml").iterdir()}
    stems = [path.stem for path in (recorded / "ir").glob("*.ir")]
    assert found == {f"{stem}.{variant}.yaml" for stem in stems for variant in VARIANTS}
    refused = [name for name in found if (recorded / "yaml" / name).read_text("utf-8").startswith("# refused")]
    assert not refused, json.dumps(refused)
    assert all("b85decode" not in (recorded / "yaml" / name).read_text("utf-8") for name in found)
