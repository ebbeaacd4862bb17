"""Stores written by earlier versions, moved here: the same answers, and unfinished runs continue."""

from __future__ import annotations

import json
from contextlib import chdir
from pathlib import Path
from typing import Any

import pytest

from tests.compatibility.archive import unpack
from tests.compatibility.commands import ACTS, act, ask, comparable, data_of
from tests.compatibility.record import PLATFORM, PYTHON

HERE = Path(__file__).parent
RECORDED = sorted(HERE.glob("*/store-python-*.tar.xz"))
OURS = [path for path in RECORDED if path.name == f"store-python-{PYTHON}.tar.xz"]
"""Recorded with this Python, which is a part of each cache key."""


def _name(path: Path) -> str:
    return f"{path.parent.name}/{path.name.removesuffix('.tar.xz')}"


def _answers(store: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(store.with_name(store.name.replace(".tar.xz", ".json")).read_text("utf-8"))
    return found


def _unpacked(store: Path, folder: Path, *only: str) -> Path:
    """A copy of the store, or of parts of it, with the pipelines that its runs are of."""
    unpack(store.parent / "pipelines.tar.xz", folder, "pipelines/", "examples/")
    unpack(store, folder, *only)
    return folder


@pytest.fixture(autouse=True)
def surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TYPEDPIPE_HOME", raising=False)
    monkeypatch.setenv("TYPEDPIPE_CONTAINERS", "host")
    monkeypatch.setenv("NO_COLOR", "1")


@pytest.fixture(scope="module", params=RECORDED, ids=_name)
def store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A copy that is only read, and what was answered about it."""
    return _unpacked(request.param, tmp_path_factory.mktemp("store")), _answers(request.param)


def test_what_is_asked_of_a_store_is_answered_as_ever(store: tuple[Path, dict[str, Any]]) -> None:
    folder, answers = store
    places = {str(folder): "{here}", answers["recorded"]: "{recorded}"}
    with chdir(folder):
        for want in answers["reading"]:
            answer = ask(*want["arguments"])
            found = json.loads(json.dumps(data_of(want["arguments"], answer, places)))
            assert found == _mended(found, comparable(want)), (
                f"typedpipe {' '.join(want['arguments'])}\n{answer.errors}"
            )


@pytest.mark.parametrize("store", RECORDED[:1], ids=_name, indirect=True)
def test_a_report_is_built_of_each_run(store: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    folder, answers = store
    runs = next(want["out"] for want in answers["reading"] if want["arguments"][:2] == ["runs", "ls"])
    assert len(runs) >= 25
    with chdir(folder):
        for run in runs:
            answer = ask("report", run["run"], "-o", str(tmp_path / "report.html"))
            assert answer.code == 0, answer.errors
            assert run["run"] in (tmp_path / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("store", RECORDED[:1], ids=_name, indirect=True)
def test_artifacts_are_copied_out_as_they_were_kept(store: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    with chdir(store[0]):
        answer = ask("artifacts", "get", "failed/prepare.folder", str(tmp_path / "folder"))
        assert answer.code == 0, answer.errors
        assert (tmp_path / "folder" / "weights" / "0.bin").read_bytes() == bytes(range(256))


@pytest.mark.skipif(not OURS, reason=f"no store was recorded with Python {PYTHON}")
@pytest.mark.parametrize("name", ACTS)
@pytest.mark.parametrize("recorded", OURS, ids=_name)
def test_what_was_begun_goes_on(recorded: Path, name: str, tmp_path: Path) -> None:
    answers = _answers(recorded)
    if answers["platform"] != PLATFORM:
        pytest.skip(f"cache keys name the platform, and it was recorded on {answers['platform']}")
    if name not in answers["acting"]:
        pytest.skip("that was not known then")
    folder = _unpacked(recorded, tmp_path / "store", *ACTS[name].parts())
    found = act(name, folder, {str(folder): "{here}", answers["recorded"]: "{recorded}"})
    now = json.loads(json.dumps(found))
    assert now == _mended(now, answers["acting"][name])


def _mended(now: Any, before: Any, path: str = "") -> Any:
    """A recorded answer with what later versions no longer lose or mistake."""
    if isinstance(now, dict) and isinstance(before, dict):
        return {key: _mended(now.get(key), value, f"{path}/{key}") for key, value in before.items()}
    if isinstance(now, list) and isinstance(before, list) and len(now) == len(before):
        return [_mended(one, other, f"{path}[]") for one, other in zip(now, before, strict=True)]
    key = path.rpartition("/")[2]
    if (
        (key == "exit_code" and (before, now) == (None, 0))  # of a task that succeeded before
        or (key == "key" and not before and isinstance(now, str))
        or (key == "attempts[]" and (before, now) == ("RUNNING", "CANCELED"))  # its engine was killed
        or (key == "against" and (before, now) == ("hello-cached", "hello"))  # the task did not run there
        or (key == "uri" and not before and str(now).startswith("{here}"))
    ):
        return now
    return before
