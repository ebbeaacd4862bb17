"""The driver: barriers, print_after, backends; Compiler writes all or nothing."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.ir_samples import Body, chain, const, pipeline
from typedpipe.cli.loading import load
from typedpipe.compiler import Compiler, extensions, registry
from typedpipe.compiler.api import write_files
from typedpipe.compiler.backend import Option, Options, Support
from typedpipe.compiler.driver import PASSES, check, compile as compile_files
from typedpipe.compiler.passes.check_scopes import check_scopes
from typedpipe.compiler.passes.close_scopes import close_scopes
from typedpipe.diagnostics.errors import PipelineError
from typedpipe.diagnostics.model import NOWHERE, Diagnostics
from typedpipe.ir.nodes import Pipeline


class Echo:
    name = "echo"
    support = Support()
    options: tuple[Option, ...] = ()
    fails = ""

    def check_target(self, pipeline: Pipeline, options: Options, report: Diagnostics) -> None:
        self.steps = ["check_target"]
        if self.fails:
            report.error(self.fails, "cannot", NOWHERE)

    def legalise(self, pipeline: Pipeline, options: Options, report: Diagnostics) -> Pipeline:
        self.steps.append("legalise")
        return pipeline

    def lower(self, pipeline: Pipeline, options: Options, report: Diagnostics) -> dict[str, str]:
        self.steps.append("lower")
        return {"out.txt": pipeline.name}


def test_passes_are_printed_in_order() -> None:
    seen: list[str] = []
    backend = Echo()
    files = compile_files(chain(), backend, print_after=lambda name, _: seen.append(name))
    assert files == {"out.txt": "chain"}
    assert tuple(seen) == PASSES
    assert backend.steps == ["check_target", "legalise", "lower"]


def test_nothing_is_lowered_after_an_error() -> None:
    backend = Echo()
    backend.fails = "TP401"
    with pytest.raises(PipelineError):
        compile_files(chain(), backend)
    assert backend.steps == ["check_target"]


def test_a_closed_pipeline_is_verified_only() -> None:
    closed = check(chain())
    assert check(closed) is closed


class Point:
    def __init__(self, name: str, value: str, owner: str) -> None:
        self.name, self.value, self.dist = name, value, type("Dist", (), {"name": owner})


def test_two_owners_of_one_name(monkeypatch: pytest.MonkeyPatch) -> None:
    points = [Point("argo", "typedpipe.compiler.argo:backend", "typedpipe"), Point("argo", "evil:backend", "evil")]
    monkeypatch.setattr(registry, "_entry_points", lambda _group: points)
    registry.backend.cache_clear()
    with pytest.raises(PipelineError) as caught:
        registry.backend("argo")
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.code == "TP391"
    assert "evil" in diagnostic.notes[0]
    assert "typedpipe" in diagnostic.notes[0]


def test_a_backend_is_looked_up_once(monkeypatch: pytest.MonkeyPatch) -> None:
    first = registry.backend("argo")
    monkeypatch.setattr(registry, "_entry_points", lambda _group: pytest.fail("looked up again"))
    assert registry.backend("argo") is first


def test_what_is_left_out_for_one_scope_would_find_and_change_nothing() -> None:
    traced, report = chain(), Diagnostics()
    assert check_scopes(traced, report) is traced
    assert not report.items
    after: dict[str, Pipeline] = {}
    check(traced, print_after=after.__setitem__)
    assert list(after) == ["verify", "check_types", "check_scopes", "close_scopes", "dedupe", "prune"]
    assert after["close_scopes"] == close_scopes(traced, report)


def test_an_unknown_backend(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_entry_points", lambda _group: [])
    with pytest.raises(PipelineError) as caught:
        registry.backend("agro")
    assert caught.value.diagnostics[0].help == "did you mean `argo`?"


class AnExtension:
    def problems(self, data: object) -> list[tuple[str, str]]:
        return []

    def merge(self, data: object, pod: object) -> None: ...


@pytest.mark.parametrize(
    ("place", "why"),
    [
        ("json:dumps", "`dumps` is a `function`, not a `{kind}`"),
        ("json:JSONEncoder", "`JSONEncoder` is the class `JSONEncoder`, not a `{kind}`"),
        ("json:nothing", "the module `json` has no `nothing`"),
        ("no_such_module:thing", "the import of `no_such_module` fails: No module named 'no_such_module'"),
    ],
)
def test_a_package_whose_entry_point_is_wrong(monkeypatch: pytest.MonkeyPatch, place: str, why: str) -> None:
    monkeypatch.setattr(registry, "_entry_points", lambda _group: [Point("mine", place, "theirs")])
    registry.backend.cache_clear()
    extensions.extension.cache_clear()
    for find, kind, what in (
        (registry.backend, "Backend", "the backend `mine`"),
        (extensions.extension, "Extension", "the extension `mine`"),
    ):
        with pytest.raises(PipelineError) as caught:
            find("mine")
        (found,) = caught.value.diagnostics
        assert found.code == "TP394"
        assert found.message == f"{what} cannot be used: {why.format(kind=kind)}"
        assert found.notes == (f"its entry point is `{place}`",)


def test_an_extension_by_its_entry_point(monkeypatch: pytest.MonkeyPatch) -> None:
    module = SimpleNamespace(extension=AnExtension(), cls=AnExtension)
    monkeypatch.setitem(sys.modules, "with_extension", module)
    points = [Point("mine", "with_extension:extension", "theirs")]
    monkeypatch.setattr(registry, "_entry_points", lambda _group: points)
    extensions.extension.cache_clear()
    assert extensions.extension("mine") is module.extension
    points[0].value = "with_extension:cls"
    extensions.extension.cache_clear()
    with pytest.raises(PipelineError, match="`cls` is the class `AnExtension`, not a `Extension`"):
        extensions.extension("mine")


def test_compiler_takes_a_handle_and_writes_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "backend", lambda name: Echo())
    handle = type("Handle", (), {"ir": chain(), "_warn_if_outdated": lambda _: None})()
    Compiler().compile(handle, tmp_path / "a.yaml", pipeline_name="other", pipeline_parameters={"n": 3})
    assert (tmp_path / "a.yaml").read_text() == "other"
    assert [each.name for each in tmp_path.iterdir()] == ["a.yaml"]


@pytest.mark.parametrize(("parameters", "code"), [({"m": 3}, "TP393"), ({"n": "x"}, "TP210")])
def test_wrong_parameters(parameters: dict[str, object], code: str, tmp_path: Path) -> None:
    with pytest.raises(PipelineError) as caught:
        Compiler().compile(chain(), tmp_path / "a.yaml", pipeline_parameters=parameters)
    assert caught.value.diagnostics[0].code == code
    assert list(tmp_path.iterdir()) == []


def test_a_wrong_pipeline_leaves_the_old_file(tmp_path: Path) -> None:
    b = Body()
    b.task("add", a=const("x"), b=const(1))
    (tmp_path / "a.yaml").write_text("old")
    with pytest.raises(PipelineError):
        Compiler().compile(pipeline(b.graph()), tmp_path / "a.yaml")
    assert (tmp_path / "a.yaml").read_text() == "old"


def test_what_is_no_pipeline(tmp_path: Path) -> None:
    with pytest.raises(PipelineError) as caught:
        Compiler().compile(len, tmp_path / "a.yaml")
    assert caught.value.diagnostics[0].code == "TP392"


def test_several_files_go_into_a_folder(tmp_path: Path) -> None:
    write_files({"a": "1", "b": "2"}, tmp_path / "out")
    assert sorted(each.name for each in (tmp_path / "out").iterdir()) == ["a", "b"]


def test_a_file_that_is_loaded_again_compiles_to_the_same(tmp_path: Path) -> None:
    file = Path(__file__).parents[2] / "conformance" / "pipelines" / "exit_pipeline.py"
    made = set()
    for _ in range(3):
        loaded = load(f"{file}:main", Diagnostics())
        assert loaded is not None
        Compiler().compile(getattr(loaded.module, "main"), str(tmp_path / "again.yaml"))  # noqa: B009 - of any file
        made.add((tmp_path / "again.yaml").read_text())
    assert len(made) == 1
    assert "name: clean-up-2" not in made.pop()
