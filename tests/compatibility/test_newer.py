"""Files of a later version or of unknown origin: one message with a code and a suggested fix; nothing is changed."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import chdir, closing
from hashlib import sha256
from pathlib import Path

import pytest

from tests.compatibility.archive import unpack
from tests.compatibility.commands import ACTS, STORE, ask

NEWEST = max(Path(__file__).parent.glob("*/pipelines.tar.xz")).parent
ANY_STORE = min(NEWEST.glob("store-python-*.tar.xz"))
FUTURE = 999
"""A format that no typedpipe has."""


def _format_file(store: Path) -> None:
    (store / "format.json").write_text(json.dumps({"format": FUTURE}))


def _record_of_a_run(store: Path) -> None:
    path = store / "runs" / "hello" / "run.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"format": FUTURE}))


def _database(name: str) -> Callable[[Path], None]:
    def raise_version(store: Path) -> None:
        with closing(sqlite3.connect(store / name)) as database:
            database.execute(f"PRAGMA user_version={FUTURE}")
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    return raise_version


@pytest.mark.parametrize(
    ("change", "command"),
    [
        (_format_file, ["runs", "ls"]),
        (_format_file, ["runs", "gc"]),
        (_format_file, ["run", "examples/hello.py"]),
        (_record_of_a_run, ["runs", "show", "hello"]),
        (_record_of_a_run, ["resume", "hello"]),
        (_database("runs/hello/run.sqlite"), ["runs", "show", "hello"]),
        (_database("runs/hello/run.sqlite"), ["logs", "hello"]),
        (_database("cache.sqlite"), ["runs", "gc"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else value.__name__.strip("_"),
)
def test_a_newer_store_is_refused(
    change: Callable[[Path], None], command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TYPEDPIPE_HOME", raising=False)
    monkeypatch.setenv("NO_COLOR", "1")
    unpack(NEWEST / "pipelines.tar.xz", tmp_path, "examples/")
    unpack(ANY_STORE, tmp_path, *ACTS["hits"].parts())
    change(tmp_path / STORE)
    before = _content(tmp_path / STORE)
    with chdir(tmp_path):
        answer = ask(*command)
    assert answer.code in (1, 3), answer.errors
    assert answer.errors.count("error[TP602]: ") == answer.errors.count("error[") == 1, answer.errors
    assert str(FUTURE) in answer.errors
    assert "help: " in answer.errors
    assert _content(tmp_path / STORE) == before


def test_one_newer_run_does_not_hide_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TYPEDPIPE_HOME", raising=False)
    unpack(ANY_STORE, tmp_path, *ACTS["hits"].parts(), f"{STORE}/runs/failed/")
    _record_of_a_run(tmp_path / STORE)
    with chdir(tmp_path):
        runs = json.loads(ask("runs", "ls", "-o", "json").out)
    assert [(run["run"], run["code"]) for run in runs if run["state"] == "BROKEN"] == [("hello", "TP602")]
    assert len(runs) == 2


def _content(folder: Path) -> dict[str, str]:
    """Of all files but SQLite's side files, locks and the index of runs, which readers make."""
    return {
        path.relative_to(folder).as_posix(): sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and not path.name.endswith(("-wal", "-shm", "lock", "runs.sqlite"))
    }


def _varint(number: int) -> bytes:
    """A number as protobuf writes it."""
    return bytes([number & 0x7F | 0x80]) + _varint(number >> 7) if number > 0x7F else bytes([number])


def test_a_newer_saved_pipeline_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    unpack(NEWEST / "pipelines.tar.xz", tmp_path, "ir/hello.ir")
    saved = (tmp_path / "ir" / "hello.ir").read_bytes()
    needs = saved + b"\x10" + _varint(FUTURE)  # field 2, `min_reader`: the last one counts
    unknown = saved + _varint(FUTURE << 3) + b"\x01"
    for content, code in ((needs, "TP321"), (unknown, "TP321"), (saved[:-9], "TP320"), (b"{}", "TP320")):
        (tmp_path / "changed.ir").write_bytes(content)
        for command in ("show", "verify"):
            answer = ask("ir", command, str(tmp_path / "changed.ir"))
            assert answer.code in (1, 3), answer.errors
            assert answer.errors.startswith(f"error[{code}]: "), answer.errors
            assert "help: " in answer.errors
