"""Record files that a later typedpipe has to read: ``make fixture`` (see README.md in this directory).

``python -m tests.compatibility.record`` creates ``tests/compatibility/<versions>/``: the pipelines with their saved IR
and YAML, and a store of the Python that runs it. Existing recordings are kept; with ``--manifests`` the YAML of the
newest recording is rewritten, for a change of the compiled output, which is not a change of a format.
"""

from __future__ import annotations

import argparse
import json
import platform
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import chdir, closing
from pathlib import Path
from typing import Any

from tests.compatibility.archive import pack, unpack
from tests.compatibility.commands import ACTS, STORE, act, ask, data_of, do, environment, questions
from tests.compatibility.manifests import PLAIN, manifests, masked
from typedpipe.ir import wire

HERE = Path(__file__).parent
TESTS = HERE.parent
PYTHON = f"{sys.version_info[0]}.{sys.version_info[1]}"
PLATFORM = f"{platform.system()} {platform.machine()}"
CONSTRUCTS = (
    "artifacts",
    "branches",
    "broken_contracts",
    "containers",
    "exit_handlers",
    "ignored_failures",
    "importers",
    "logged_artifacts",
    "loop_artifacts",
    "nested_pipelines",
    "objects",
    "optionals",
    "parameters",
    "retries",
    "texts",
)
"""Conformance pipelines that are run for the store."""
STOPS = "pipelines/stops.py"
FROM_PYTHON = """
import sys
sys.path.insert(0, "pipelines")
from stops import stops
stops.run(rows=9, name="from-python", runner="process").wait()
"""


def sources(folder: Path) -> list[str]:
    """Copy the pipelines; their files, relative to the folder."""
    (folder / "pipelines").mkdir(parents=True)
    (folder / "examples").mkdir()
    found = [
        *((path, f"pipelines/{path.name}") for path in (TESTS / "conformance" / "pipelines").glob("*.py")),
        *((path, f"pipelines/{path.name}") for path in (HERE / "pipelines").glob("*.py")),
        *((path, f"examples/{path.name}") for path in (TESTS.parent / "examples").glob("*.py")),
    ]
    for path, name in found:
        shutil.copyfile(path, folder / name)
    return sorted(name for _, name in found)


# ------------------------------------------------------------------------------------------------ pipelines


def record_pipelines(folder: Path) -> None:
    """Into a folder: the sources, and of each one its saved IR, its IR as text, and its YAML."""
    for name in sources(folder):
        saved = folder / "ir" / f"{Path(name).stem}.ir"
        saved.parent.mkdir(exist_ok=True)
        _well(folder, "ir", "save", name, "-o", str(saved))
        saved.with_suffix(".txt").write_text(_well(folder, "ir", "show", str(saved)), encoding="utf-8")
        record_manifests(folder, name)


def record_manifests(folder: Path, name: str) -> None:
    """The YAML of one pipeline; it does not depend on whether its source or its saved IR is compiled."""
    stem = Path(name).stem
    found = manifests(folder / "ir" / f"{stem}.ir")
    assert masked(_well(folder, "compile", name)) == found[PLAIN], name
    for variant, text in found.items():
        path = folder / "yaml" / f"{stem}.{variant}.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")


def _well(folder: Path, *arguments: str, codes: Sequence[int] = (0,), mood: str = "") -> str:
    found = do(*arguments, folder=folder, mood=mood)
    if found.code not in codes:
        raise SystemExit(f"typedpipe {' '.join(arguments)}: exit code {found.code}\n{found.errors}")
    return found.out


# ----------------------------------------------------------------------------------------------------- store


def record_store(folder: Path) -> None:
    """Runs of every kind, in ``folder/.typedpipe``."""
    for name in CONSTRUCTS:
        _run(folder, f"pipelines/{name}.py", name, codes=(0, 1))
    _run(folder, "examples/hello.py", "hello")
    _run(folder, "examples/hello.py", "hello-cached")
    _run(folder, "examples/hello.py", "hello-other", "--name", "you", "--times", "[1, 7]", "--shout")
    _run(folder, "examples/hello.py", "hello-here", "--no-cache", "--runner", "inprocess")
    _run(folder, "examples/hello.py", "hello-env", "--env", "WHO=me")
    _run(folder, STOPS, "failed", codes=(1,), mood="fails")
    _run(folder, STOPS, "failed-fast", "--rows", "4", "--fail-fast", codes=(1,), mood="fails")
    _run(folder, STOPS, "resumed", "--rows", "5", codes=(1,), mood="fails")
    _well(folder, "resume", "resumed", "--display", "quiet")
    _run(folder, STOPS, "timed-out", "--rows", "6", "--timeout", "2", codes=(124,), mood="waits")
    _stopped(folder, "canceled", "7", signal.SIGINT)
    _stopped(folder, "interrupted", "8", signal.SIGKILL)
    _well(folder, "spin", "artifacts/returned")
    subprocess.run([sys.executable, "-c", FROM_PYTHON], cwd=folder, env=environment(), check=True)
    for path in folder.glob(f"{STORE}/runs/*/engine.json"):  # which machine recorded it is nobody's concern
        engine = json.loads(path.read_text())
        path.write_text(json.dumps(engine | {"host": f"recorder {'0' * 8}-{'0' * 4}-{'0' * 4}-{'0' * 4}-{'0' * 12}"}))


def _run(folder: Path, file: str, name: str, *options: str, codes: Sequence[int] = (0,), mood: str = "") -> None:
    shown = ("--run-name", name, "--display", "quiet", "-j", "4")
    _well(folder, "run", file, *options, *shown, codes=codes, mood=mood)


def _stopped(folder: Path, name: str, rows: str, number: signal.Signals) -> None:
    """A run whose engine gets a signal while its task waits, when all else is done."""
    command = [sys.executable, "-m", "typedpipe", "run", STOPS, "--rows", rows, "--run-name", name]
    engine = subprocess.Popen(
        [*command, "--display", "quiet"], cwd=folder, env=environment("waits"), start_new_session=True
    )
    log = folder / STORE / "runs" / name / "tasks" / "middle" / "1" / "log"
    until = time.monotonic() + 60
    while not (log.exists() and log.stat().st_size):
        assert time.monotonic() < until, f"`middle` of {name} does not start"
        time.sleep(0.05)
    time.sleep(1)
    engine.send_signal(number)
    engine.wait(60)


def record_answers(store: Path, folder: Path, recorded: Path) -> dict[str, Any]:
    """Answers of this typedpipe about a copy of the store, in a directory with the sources."""
    _copy_of(store, folder)
    places = {str(folder): "{here}", str(recorded): "{recorded}"}
    runs = [path.name for path in (folder / STORE / "runs").iterdir()]
    with chdir(folder):
        reading = [data_of(question, ask(*question), places) for question in questions(runs)]
    acting: dict[str, Any] = {}
    for name in ACTS:
        place = folder / "acting" / name.replace(" ", "-")
        _copy_of(store, place)
        acting[name] = act(name, place, {str(place): "{here}", str(recorded): "{recorded}"})
    facts = {"python": PYTHON, "platform": PLATFORM, "recorded": str(recorded)}
    return facts | {"reading": reading, "acting": acting}


def _copy_of(store: Path, folder: Path) -> None:
    sources(folder)
    unpack(store, folder)


def lines(data: dict[str, Any]) -> str:
    """JSON with an answer a line, so that a difference can be read."""
    facts = [f'"{key}": {json.dumps(value)}' for key, value in data.items() if isinstance(value, str)]
    reading = ",\n ".join(json.dumps(each, ensure_ascii=False) for each in data["reading"])
    acting = ",\n ".join(
        f"{json.dumps(n)}: {json.dumps(each, ensure_ascii=False)}" for n, each in data["acting"].items()
    )
    return "{" + ",\n".join([*facts, f'"reading": [\n {reading}\n]', f'"acting": {{\n {acting}\n}}']) + "}\n"


def versions(folder: Path) -> str:
    """The formats of what was recorded, as the name of its folder: of the store, of saved IR, and of cache keys."""
    store = json.loads((folder / STORE / "format.json").read_text())["format"]
    with closing(sqlite3.connect(folder / STORE / "runs" / "hello" / "run.sqlite")) as database:
        (parts,) = database.execute("SELECT key_parts FROM tasks WHERE name = 'count'").fetchone()
    return f"store-{store}-ir-{wire.VERSION}-key-{json.loads(parts)['format']}"


# ------------------------------------------------------------------------------------------------------ all


def record(scratch: Path) -> Path:
    """Record what is not there yet; the folder."""
    recorded = scratch / "recorded"
    sources(recorded)
    record_store(recorded)
    target = HERE / versions(recorded)
    target.mkdir(exist_ok=True)
    store, answers = target / f"store-python-{PYTHON}.tar.xz", target / f"store-python-{PYTHON}.json"
    if not store.exists():
        shutil.copytree(recorded / STORE, scratch / "kept" / STORE, symlinks=True)
        pack(scratch / "kept", store)
        data = record_answers(store, scratch / "copy", recorded)
        answers.write_text(lines(data), encoding="utf-8")
    pipelines = target / "pipelines.tar.xz"
    if not pipelines.exists():
        record_pipelines(scratch / "pipelines")
        pack(scratch / "pipelines", pipelines)
    return target


def record_manifests_again(scratch: Path) -> Path:
    """Write the YAML of the newest recording anew."""
    archive = max(HERE.glob("*/pipelines.tar.xz"), key=lambda path: path.parent.name)
    unpack(archive, scratch / "pipelines")
    shutil.rmtree(scratch / "pipelines" / "yaml")
    for path in sorted((scratch / "pipelines").glob("*/*.py")):
        record_manifests(scratch / "pipelines", f"{path.parent.name}/{path.name}")
    pack(scratch / "pipelines", archive)
    return archive.parent


def main() -> None:
    parser = argparse.ArgumentParser(description="Record a fixture of the formats, with the typedpipe at hand.")
    parser.add_argument("--manifests", action="store_true", help="only write the YAML of the newest recording anew")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="typedpipe-") as scratch:
        print((record_manifests_again if options.manifests else record)(Path(scratch)))


if __name__ == "__main__":
    main()
