"""Golden of the public signatures: a change of the API is visible in review."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from tests.masks import without_runtime
from typedpipe.cli.app import run_app

ROOT = Path(__file__).parents[2]
MODULES = (
    "typedpipe",
    "typedpipe.dsl",
    "typedpipe.compiler",
    "typedpipe.kubernetes",
    "typedpipe.local",
    "typedpipe.testing",
)


def names(module: Any) -> list[str]:
    return sorted(getattr(module, "__all__", None) or [name for name in vars(module) if not name.startswith("_")])


def signature(value: Any) -> str:
    try:
        return str(inspect.signature(value))
    except (TypeError, ValueError):
        return ""


def described(name: str, value: Any) -> Iterator[str]:
    if inspect.isclass(value):
        bases = ", ".join(base.__name__ for base in value.__bases__ if base is not object)
        yield f"class {name}({bases})"
        for each, member in sorted(vars(value).items()):
            if each.startswith("_") and each not in ("__init__", "__call__", "__enter__", "__class_getitem__"):
                continue
            if isinstance(member, property):
                yield f"    {each}: property"
            elif callable(member) or isinstance(member, (classmethod, staticmethod)):
                yield f"    {each}{signature(getattr(value, each))}"
    elif callable(value):
        yield f"{name}{signature(value)}"
    else:
        yield f"{name}: {type(value).__name__}"


def test_public_signatures(golden: Callable[[str, str], None]) -> None:
    lines: list[str] = []
    for module_name in MODULES:
        module = import_module(module_name)
        lines.append(f"# {module_name}")
        seen = names(import_module("typedpipe.dsl")) if module_name == "typedpipe" else []
        for name in names(module):
            value = getattr(module, name)
            if inspect.ismodule(value):
                lines.append(f"module {name}")
            elif name in seen and getattr(import_module("typedpipe.dsl"), name) is value:
                lines.append(f"{name}: that of typedpipe.dsl")
            else:
                lines.extend(described(name, value))
        lines.append("")
    golden("public.txt", "\n".join(lines))


@pytest.mark.parametrize("name", ["hello", "digits"])
def test_the_examples_as_ir_and_for_argo(
    name: str,
    golden: Callable[[str, str], None],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(ROOT)
    saved = tmp_path / f"{name}.tpir"
    assert run_app(["compile", f"examples/{name}.py", "--to", "ir", "-o", str(saved)]) == 0
    assert run_app(["ir", "show", str(saved)]) == 0
    golden(f"{name}.ir", capsys.readouterr().out)
    assert run_app(["compile", f"examples/{name}.py"]) == 0
    text = capsys.readouterr().out
    golden(f"{name}.argo.yaml", text if name == "hello" else without_runtime(text))  # one holds the real runtime
