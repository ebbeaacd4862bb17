"""Virtual environments: created once, shared, isolated, collected; failures are readable for users."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from local_samples import component, graph, out, pipeline, task

from typedpipe.diagnostics.model import Diagnostics
from typedpipe.ir.nodes import Component, PythonImpl
from typedpipe.local import run
from typedpipe.local.runners import environments, facts, placements
from typedpipe.local.runners.environments import EnvironmentFailed, Wanted, collect_environments, environment
from typedpipe.types.model import ANY


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A place for environments, and an index that is a folder: no network."""
    monkeypatch.setenv("TYPEDPIPE_ENVS", str(tmp_path / "envs"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "wheels"))
    for name in environments.SETTINGS:
        monkeypatch.delenv(f"UV_{name}", raising=False)
    wheel(tmp_path / "wheels", "tiny", "1.0")
    wheel(tmp_path / "wheels", "tiny", "2.0")
    return tmp_path / "envs"


def wheel(place: Path, name: str, version: str, *, more: str = "") -> None:
    """A package with one module, that says its version, and one script."""
    place.mkdir(exist_ok=True)
    about = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(place / f"{name}-{version}-py3-none-any.whl", "w") as file:
        file.writestr(f"{name}.py", f"version = {version!r}\n{more}def main():\n    print(version)\n")
        file.writestr(f"{about}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        file.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nGenerator: t\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        file.writestr(f"{about}/entry_points.txt", f"[console_scripts]\n{name} = {name}:main\n")
        file.writestr(f"{about}/RECORD", "".join(f"{entry},,\n" for entry in file.namelist()))


def needing(*packages: str) -> Component:
    source = "def look():\n    import sys, tiny\n    return [tiny.version, sys.prefix, 'pytest' in sys.modules]\n"
    made = component("look", source, {}, ANY)
    assert isinstance(made.impl, PythonImpl)
    return replace(made, impl=replace(made.impl, packages=packages))


@pytest.fixture(params=["uv", "pip"])
def installer(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "pip":
        monkeypatch.setattr(environments, "uv", tuple)
    elif not environments.uv():
        pytest.skip("uv is not on this machine")
    return str(request.param)


def test_an_environment_is_made_once_and_its_scripts_run(installer: str, folder: Path) -> None:
    told: list[str] = []
    made = environment(Wanted(("tiny==1.0",)), told.append)
    again = environment(Wanted(("Tiny == 1.0",)), told.append)
    assert made == again
    assert made.resolved == ("tiny==1.0",)
    assert told == ["creating a virtual environment with tiny==1.0"]
    script = folder / made.key / "bin" / "tiny"
    assert subprocess.run([script], capture_output=True, text=True, check=True).stdout == "1.0\n"
    assert [entry.name for entry in folder.iterdir() if entry.is_dir()] == [made.key]  # nothing half made is left


def test_files_are_copies(folder: Path) -> None:
    one, two = (environment(Wanted(("tiny==1.0",), trusted_hosts=hosts)) for hosts in ((), ("localhost",)))
    assert one.key != two.key
    files = [next(Path(made.folder).rglob("tiny.py")) for made in (one, two)]
    assert [file.stat().st_nlink for file in files] == [1, 1]


def test_two_at_once_make_one(folder: Path) -> None:
    program = (
        "from typedpipe.local.runners.environments import *\n"
        "told = []\nprint(environment(Wanted(('tiny==2.0',)), told.append).key, len(told))"
    )
    with ThreadPoolExecutor() as pool:
        said = list(pool.map(lambda _: subprocess.check_output([sys.executable, "-c", program], text=True), range(3)))
    keys, made = zip(*(line.split() for line in said), strict=True)
    assert len(set(keys)) == 1
    assert sorted(made) == ["0", "0", "1"]


def test_what_cannot_be_installed(installer: str, folder: Path) -> None:
    with pytest.raises(EnvironmentFailed) as caught:
        environment(Wanted(("tiny==9.9",)))
    assert "tiny" in "\n".join(caught.value.said)
    assert len(caught.value.said) <= environments.LAST_LINES
    assert [entry for entry in folder.iterdir() if entry.is_dir()] == []


def test_a_component_that_lacks_packages_gets_an_environment(tmp_path: Path, folder: Path) -> None:
    look, plain = needing("tiny"), component("plain", "def plain():\n    import sys\n    return sys.prefix\n", {}, ANY)
    body = graph(task("l", look), task("p", plain), outputs={"l": (out("l"), ANY), "p": (out("p"), ANY)})
    report = Diagnostics()
    found = placements(pipeline(body, look, plain), None, report)
    assert not list(report)
    assert {key: placed.runner for key, placed in found.items()} == {"look": "venv", "plain": "process"}
    assert facts(found["look"])["requirements"] == ["tiny==2.0"]
    assert facts(found["plain"])["requirements"] == []
    result = run(pipeline(body, look, plain), {}, folder=tmp_path / "runs")
    made = found["look"].environment
    assert made is not None
    assert result.outputs == {"l": ["2.0", str(made.folder), False], "p": sys.prefix}


def test_a_failing_install_is_said_before_anything_starts() -> None:
    report = Diagnostics()
    look = needing("tiny==9.9")
    assert placements(pipeline(graph(task("l", look)), look), None, report) == {}
    (found,) = report
    assert found.code == "TP620"
    assert "cannot be installed" in found.message and found.notes


def test_a_check_makes_no_environment(folder: Path) -> None:
    report = Diagnostics()
    look = needing("tiny==9.9")
    found = placements(pipeline(graph(task("l", look)), look), None, report, ready=False)
    assert not list(report)
    assert (found["look"].runner, found["look"].environment) == ("venv", None)
    assert not folder.exists() or not list(folder.iterdir())


def test_every_component_has_its_own_with_venv(tmp_path: Path) -> None:
    bare = component("bare", "def bare():\n    import sys\n    return sys.prefix\n", {}, ANY)
    body = graph(task("b", bare), outputs={"b": (out("b"), ANY)})
    result = run(pipeline(body, bare), {}, folder=tmp_path / "runs", runner="venv")
    assert str(result.outputs["b"]).startswith(os.environ["TYPEDPIPE_ENVS"])


def test_what_is_not_used_is_collected(folder: Path) -> None:
    old, new = environment(Wanted(("tiny==1.0",))), environment(Wanted(("tiny==2.0",)))
    (folder / f".{old.key}-ab12").mkdir()  # its maker was killed
    past = time.time() - 1000
    os.utime(old.folder / environments.USED, (past, past))
    holder = subprocess.Popen(
        [old.python, "-c", "input()"], stdin=subprocess.PIPE, env={"VIRTUAL_ENV": str(old.folder)}
    )
    try:
        time.sleep(0.1)
        assert collect_environments(500) == [folder / f".{old.key}-ab12"]
    finally:
        holder.communicate(b"\n")
    assert collect_environments(500, dry_run=True) == [old.folder]
    assert old.folder.exists()
    assert collect_environments(500) == [old.folder]
    assert new.folder.exists() and not old.folder.exists()


def test_a_half_made_one_is_made_again(folder: Path) -> None:
    made = environment(Wanted(("tiny==1.0",)))
    (made.folder / environments.ABOUT).unlink()
    assert environment(Wanted(("tiny==1.0",))) == made
    assert json.loads((made.folder / environments.ABOUT).read_text())["resolved"] == ["tiny==1.0"]


def test_a_local_package_that_changed_is_another_environment(tmp_path: Path) -> None:
    path = tmp_path / "wheels" / "tiny-1.0-py3-none-any.whl"
    before = Wanted((str(path),)).key
    os.utime(path, (1, 1))
    assert Wanted((str(path),)).key == before
    wheel(tmp_path / "wheels", "tiny", "1.0", more="# edited\n")
    assert Wanted((str(path),)).key != before


def test_an_edited_local_package_runs_and_is_no_hit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the version untouched, whatever the runner: the case `34-local-package-venv`."""
    path = tmp_path / "wheels" / "tiny-1.0-py3-none-any.whl"
    look = needing(str(path))
    body = graph(task("l", look), outputs={"l": (out("l"), ANY)})
    for version in ("1.0", "one", "uno", "1.0"):
        wheel(tmp_path / "wheels", "tiny", "1.0", more=f"version = {version!r}\n")
        found = run(pipeline(body, look), {}, folder=tmp_path / "runs")
        assert isinstance(found.outputs["l"], list) and found.outputs["l"][0] == version
    assert [found.tasks["l"].reused] == ["cache"]  # the first one's content again


def test_a_package_installed_from_a_path_is_met_only_from_there(tmp_path: Path) -> None:
    path = tmp_path / "wheels" / "tiny-1.0-py3-none-any.whl"
    for requirement in (str(path), "./pkg", "typedpipe @ https://example.org/typedpipe.zip", "git+https://x.org/y@v1"):
        look = needing(requirement)
        report = Diagnostics()
        found = placements(pipeline(graph(task("l", look)), look), None, report, ready=False)
        assert [placed.runner for placed in found.values()] == ["venv"]


def test_advice_for_a_missing_local_package_is_a_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my pkg").mkdir()
    look = needing("./my pkg", "tiny>=3")
    report = Diagnostics()
    placements(pipeline(graph(task("l", look)), look), "process", report)
    (found,) = report
    assert found.code == "TP196"
    assert found.help.endswith("or run `pip install -e './my pkg' 'tiny>=3'`")
