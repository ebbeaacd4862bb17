"""The content of installed packages is known where their version says nothing: edited, or built again."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from local_samples import component, graph, out, pipeline, task

from typedpipe.installed import packages
from typedpipe.installed.distributions import (
    content_digest,
    current,
    distributions,
    editable_roots,
    modules_of,
    used,
)
from typedpipe.installed.packages import environment_facts, installed
from typedpipe.installed.references import direct_reference, installed_from, local_path
from typedpipe.installed.trees import tree_digest
from typedpipe.ir.nodes import Pipeline
from typedpipe.local.run import run
from typedpipe.types.model import INT

Make = Callable[[Path], Path]


def put(path: Path, text: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def dist(
    site: Path, name: str, files: dict[str, str], *, url: dict[str, object] | None = None, requires: str = ""
) -> Path:
    """A distribution as an installer leaves it: files, then RECORD."""
    info = site / f"{name}-1.0.dist-info"
    for path, text in files.items():
        put(site / path, text)
    put(info / "METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{requires}\n")
    put(info / "INSTALLER", f"pip {time.time_ns()}")
    if url is not None:
        put(info / "direct_url.json", json.dumps(url))
    names = [
        *files,
        f"{name}-1.0.dist-info/METADATA",
        f"{name}-1.0.dist-info/INSTALLER",
        f"{name}-1.0.dist-info/RECORD",
    ]
    put(info / "RECORD", "".join(f"{path},,\n" for path in [*names, f"{name}/__pycache__/x.pyc", "../../../bin/x"]))
    return info


# Each lays a package `mine` out, installs it into `site`, and returns the file that its users import.


def flat(place: Path) -> Path:
    module = put(place / "project/mine/__init__.py", "K = 1\n")
    put(place / "project/pyproject.toml")
    dist(place / "site", "mine", {"mine.pth": f"{place / 'project'}\n"}, url=editable(place))
    return module


def src(place: Path) -> Path:
    module = put(place / "project/src/mine/__init__.py", "K = 1\n")
    dist(place / "site", "mine", {"mine.pth": f"{place / 'project/src'}\n"}, url=editable(place))
    return module


def mapped(place: Path) -> Path:
    module = put(place / "project/lib/code/__init__.py", "K = 1\n")
    finder = f"MAPPING: dict[str, str] = {{'mine': {str(place / 'project/lib/code')!r}}}\nNAMESPACES = {{}}\n"
    files = {"__editable___mine_finder.py": finder, "mine.pth": "import __editable___mine_finder"}
    dist(place / "site", "mine", files, url=editable(place))
    return module


def one_file(place: Path) -> Path:
    module = put(place / "project/mine.py", "K = 1\n")
    finder = f"MAPPING = {{'mine': {str(place / 'project/mine')!r}}}\n"
    dist(place / "site", "mine", {"__editable___mine_finder.py": finder}, url=editable(place))
    return module


def namespace(place: Path) -> Path:
    module = put(place / "project/src/mine/deep/code.py", "K = 1\n")
    dist(place / "site", "mine", {"mine.pth": f"{place / 'project/src'}\n"}, url=editable(place))
    return module


def built(place: Path) -> Path:
    put(place / "project/mine/__init__.py", "K = 1\n")
    dist(
        place / "site",
        "mine",
        {"mine/__init__.py": "K = 1\n"},
        url={"url": (place / "project").as_uri(), "dir_info": {}},
    )
    return place / "site/mine/__init__.py"


def editable(place: Path) -> dict[str, object]:
    return {"url": (place / "project").as_uri(), "dir_info": {"editable": True}}


LAYOUTS: list[Make] = [flat, src, mapped, one_file, namespace, built]


def digest(place: Path) -> str:
    found = content_digest(distributions([str(place / "site")])["mine"])
    assert found
    return found


@pytest.mark.parametrize("layout", LAYOUTS)
def test_an_edit_is_seen_and_its_return_too(layout: Make, tmp_path: Path) -> None:
    module = layout(tmp_path)
    before = digest(tmp_path)
    kept = module.stat()
    module.write_text("K = 2\n")
    os.utime(module, ns=(kept.st_atime_ns, kept.st_mtime_ns + 10**9))
    assert digest(tmp_path) != before
    module.write_text("K = 1\n")
    assert digest(tmp_path) == before


@pytest.mark.parametrize("layout", LAYOUTS)
def test_its_modules_are_known(layout: Make, tmp_path: Path) -> None:
    layout(tmp_path)
    assert "mine" in modules_of(distributions([str(tmp_path / "site")])["mine"])


def test_a_file_beside_the_module_is_seen(tmp_path: Path) -> None:
    module = flat(tmp_path)
    before = digest(tmp_path)
    put(module.parent / "data.json", "{}")
    assert digest(tmp_path) != before


IGNORED = (
    ".git/HEAD", ".venv/x.py", "env/pyvenv.cfg", "env/lib/x.py", ".typedpipe/x.py", "mine/__pycache__/x.pyc",
    "build/lib/mine/__init__.py", "dist/x.py", "mine.egg-info/x.py", "data/a.csv", "out.log", "mine/.x.py.swp",
    "store/format.json", "store/objects/x", "store/runs/r/x.py", "cache/CACHEDIR.TAG", "cache/x.py",
)  # fmt: skip


def test_what_a_run_or_a_build_leaves_is_not_code(tmp_path: Path) -> None:
    flat(tmp_path)
    before = tree_digest(tmp_path / "project")
    for name in IGNORED:
        put(tmp_path / "project" / name, str(time.time_ns()))
    assert tree_digest(tmp_path / "project") == before
    put(tmp_path / "project/mine/build/__init__.py")
    assert tree_digest(tmp_path / "project") != before


def test_a_link_that_leads_back_ends(tmp_path: Path) -> None:
    flat(tmp_path)
    (tmp_path / "project/mine/up").symlink_to(tmp_path / "project")
    assert tree_digest(tmp_path / "project")


def test_the_installer_is_not_content(tmp_path: Path) -> None:
    built(tmp_path / "a")
    built(tmp_path / "b")
    assert digest(tmp_path / "a") == digest(tmp_path / "b")


def test_what_is_used_follows_requirements_and_imports(tmp_path: Path) -> None:
    site = tmp_path / "site"
    dist(site, "one", {}, requires="Requires-Dist: two\nRequires-Dist: no; extra == 'x'")
    dist(site, "two", {}, requires="Requires-Dist: one")
    dist(site, "no", {})
    dist(site, "index", {"index.py": ""})
    flat(tmp_path)
    found = distributions([str(site)])
    assert set(used(["One>=1"], [], found)) == {"one", "two"}
    assert set(used([], ["mine", "index"], found)) == {"mine"}  # `index` is not local: explain-cache names it
    assert set(used([str(tmp_path / "project")], [], found)) == {"mine"}
    assert set(used(["absent"], ["os"], found)) == set()


def test_facts_of_a_component(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = flat(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path / "site"), *sys.path])
    seen: list[dict[str, object]] = []
    for text in ("K = 1\n", "K = 2\n"):
        module.write_text(text)
        facts = environment_facts([], ["def f():\n    import mine\n"])
        assert facts["requirements"] == ["mine==1.0"]
        seen += [facts["contents"]]
        assert environment_facts(["mine"], []) == facts
    assert seen[0] != seen[1]
    assert environment_facts([], ["import os"]) == {"requirements": []}


@pytest.mark.parametrize(
    ("requirement", "url"),
    [
        ("numpy>=2", ""),
        ("numpy[a]>=2; python_version > '3'", ""),
        ("tool @ https://example.org/tool.zip", "https://example.org/tool.zip"),
        ("git+https://example.org/x@v1", "git+https://example.org/x@v1"),
        ("file:///a/b", "file:///a/b"),
        ("./pkg", "file:///here/pkg"),
        ("./pkg[extra]", "file:///here/pkg"),
        (".", "file:///here"),
        ("sub/pkg", "file:///here/sub/pkg"),
        ("/abs/pkg", "file:///abs/pkg"),
        ("tool @ file:///abs/pkg", "file:///abs/pkg"),
    ],
)
def test_requirements_that_name_a_path(requirement: str, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getcwd", lambda: "/here")
    assert direct_reference(requirement) == url
    assert local_path(requirement) == ""  # none of them exists


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_path_is_met_by_what_was_installed_from_it(
    layout: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    layout(tmp_path)
    (tmp_path / "other").mkdir()
    monkeypatch.setattr(sys, "path", [str(tmp_path / "site")])
    assert installed(str(tmp_path / "project")) is (layout is not built)  # what a directory builds is not known
    assert not installed(str(tmp_path / "other"))
    monkeypatch.chdir(tmp_path)
    assert installed("./project") is (layout is not built)


@pytest.mark.parametrize(
    ("url", "reference", "same"),
    [
        ({"url": "https://x.org/a.zip"}, "https://x.org/a.zip", True),
        ({"url": "https://x.org/a.zip"}, "https://x.org/b.zip", False),
        ({"url": "https://x.org/a", "vcs_info": {"requested_revision": "v1"}}, "git+https://x.org/a@v1", True),
        ({"url": "https://x.org/a", "vcs_info": {"requested_revision": "v1"}}, "git+https://x.org/a@v2", False),
        ({"url": "https://x.org/a", "vcs_info": {}}, "git+https://x.org/a@v2", False),
        (None, "https://x.org/a.zip", False),
    ],
)
def test_a_url_is_met_by_what_was_installed_from_it(
    url: dict[str, object] | None, reference: str, same: bool, tmp_path: Path
) -> None:
    dist(tmp_path, "mine", {}, url=url)
    found = distributions([str(tmp_path)])["mine"]
    assert installed_from(found, reference) is same
    assert current(found, reference)


def test_a_real_editable_install(tmp_path: Path) -> None:
    """As pip and uv leave it: the case `02-editable-package-changed`."""
    found = packages.environment_facts([], ["import typedpipe"])
    assert found == {"requirements": []}  # typedpipe itself is no part of keys
    known = distributions(sys.path)["typedpipe"]
    if not known.editable:
        pytest.skip("typedpipe is not installed in editable mode here")
    roots = editable_roots(known)
    assert any((Path(root) / "typedpipe").is_dir() or Path(root).name == "typedpipe" for root in roots)
    assert subprocess.run([sys.executable, "-c", "import typedpipe"], check=False).returncode == 0


def using(body: str) -> Pipeline:
    what = component("use", f"def use():\n    import mine\n    k = mine.K\n{body}    return k\n", {}, INT)
    return pipeline(graph(task("u", what), outputs={"o": (out("u"), INT)}), what)


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A package in editable mode on this process's path."""
    module = src(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path / "site"), str(tmp_path / "project/src"), *sys.path])
    yield module
    sys.modules.pop("mine", None)


def test_a_package_edited_during_a_run_leaves_no_result(mine: Path, tmp_path: Path) -> None:
    edits = using(f"    open({str(mine)!r}, 'w').close()\n")
    os.utime(mine, (1, 1))  # loaded as it is
    for _ in range(2):
        mine.write_text("K = 1\n")
        os.utime(mine, (1, 1))
        sys.modules.pop("mine", None)
        result = run(edits, {}, folder=tmp_path / "store", runner="inprocess")
        assert result.tasks["u"].reused == "", "the first run must not have kept a result"


def test_a_package_edited_after_it_was_loaded_has_no_key_in_this_process(mine: Path, tmp_path: Path) -> None:
    os.utime(mine, (1, 1))
    found: list[tuple[object, str]] = []
    for text in ("K = 1\n", "K = 2\n", "K = 2\n"):
        if mine.read_text() != text:
            mine.write_text(text)  # the module that is loaded stays as it was
        result = run(using(""), {}, folder=tmp_path / "store", runner="inprocess")
        found.append((result.outputs["o"], result.tasks["u"].reused))
    assert found == [(1, ""), (1, ""), (1, "")]
    sys.modules.pop("mine")
    os.utime(mine, (2, 2))  # Python knows compiled files by time and size: neither may be that of the first text
    result = run(using(""), {}, folder=tmp_path / "store", runner="inprocess")
    assert (result.outputs["o"], result.tasks["u"].reused) == (2, "")
