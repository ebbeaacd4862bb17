"""Shipped source of generated modules with the same names does what Python does with the modules themselves."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from hypothesis import given, settings, strategies as st

from typedpipe.diagnostics.model import Diagnostics
from typedpipe.dsl.source.capture import capture
from typedpipe.runtime import task

NAMES = ("clean", "Config", "LIMIT", "datetime", "other", "run")
LITERALS = ("1", "-2.5", "'a'", "(1, 'x')", "[1, [2]]", "{'k': (1,)}", "None", "True", "{1, 2}", "b'z'")
IMPORTS = {"datetime": ("import datetime", "datetime.date(2024, 2, 1).day"),
           "clean": ("from math import floor as clean", "clean(2.5)"),
           "other": ("import os.path as other", "other.basename('a/b')"),
           "run": ("from datetime import datetime as run", "run(2024, 2, 3).day")}  # fmt: skip


@dataclass
class Module:
    """The text of a module, and for each of its names an expression that uses it and whether it must be included."""

    name: str
    lines: list[str] = field(default_factory=list[str])
    uses: dict[str, str] = field(default_factory=dict[str, str])
    kinds: dict[str, str] = field(default_factory=dict[str, str])


def _defined(module: Module, name: str, kind: str, literal: str, known: Sequence[str], decorated: bool) -> None:
    inside = ", ".join([repr(f"{module.name}.{name}"), *(module.uses[each] for each in known)])
    if kind in ("constant", "alias"):
        inner = next((each for each in known if module.kinds[each] == "alias"), "int")
        module.lines.append(f"{name} = {literal}" if kind == "constant" else f"{name} = Annotated[{inner}, {literal}]")
        module.uses[name] = name
    elif kind == "function":
        module.lines += [f"def {name}(x={literal}):", f"    return ({inside}, x)"]
        module.uses[name] = f"{name}()"
    elif kind == "class":
        module.lines += ["@dataclass"] * decorated + [f"class {name}:", f"    value: object = {literal}"]
        module.lines += ["    def get(self):", f"        return ({inside}, self.value)"]
        module.uses[name] = f"{name}().get()"
    else:
        line, use = IMPORTS[name]
        module.lines.append(line)
        module.uses[name] = use
    module.kinds[name] = kind


@st.composite
def modules(draw: st.DrawFn) -> list[Module]:
    made: list[Module] = []
    for number in range(draw(st.integers(2, 3))):
        module = Module(f"shipped_{number}", ["from dataclasses import dataclass", "from typing import Annotated"])
        for name in draw(st.lists(st.sampled_from(NAMES), min_size=1, unique=True)):
            sources = [(each, theirs) for each in made for theirs in each.kinds if each.kinds[theirs] != "import"]
            imported: bool = draw(st.booleans())
            if sources and imported:
                source, theirs = draw(st.sampled_from(sources))
                module.lines.append(f"from {source.name} import {theirs} as {name}")
                use = source.uses[theirs]
                module.uses[name] = name + use[len(theirs) :]
                module.kinds[name] = source.kinds[theirs]
                continue
            kinds = ["constant", "alias", "function", "class", *(["import"] if name in IMPORTS else [])]
            known = draw(st.lists(st.sampled_from(list(module.uses)), max_size=3, unique=True)) if module.uses else []
            literal = draw(st.sampled_from(LITERALS))
            kind = draw(st.sampled_from(kinds))
            if kind == "class" and literal[0] in "[{":
                literal = "0"
            _defined(module, name, kind, literal, known, draw(st.booleans()))
        made.append(module)
    return made


def _loaded(module: Module, folder: Path) -> ModuleType:
    path = folder / f"{module.name}.py"
    path.write_text("\n".join(module.lines) + "\n", encoding="utf-8")
    loaded = sys.modules[module.name] = ModuleType(module.name)
    loaded.__file__ = str(path)
    exec(compile(path.read_text(encoding="utf-8"), str(path), "exec"), vars(loaded))
    return loaded


@settings(max_examples=150, deadline=None)
@given(modules())
def test_each_name_means_what_it_means_in_its_module(made: list[Module]) -> None:
    used = [name for name, kind in made[-1].kinds.items() if kind != "import"]
    made[-1].lines += ["def component():", f"    return ({''.join(made[-1].uses[name] + ', ' for name in used)})"]
    before = set(sys.modules)
    with tempfile.TemporaryDirectory() as folder:
        try:
            space = [vars(_loaded(module, Path(folder))) for module in made][-1]
            include = [space[name] for name in used if made[-1].kinds[name] in ("function", "class")]
            report = Diagnostics()
            source = capture(space["component"], include=include, report=report)
            assert source is not None, [item.message for item in report]
            chunks = [[chunk.file, chunk.line, chunk.text, chunk.module] for chunk in source.chunks]
            expected: Any = space["component"]()
            for name in set(sys.modules) - before:
                del sys.modules[name]  # the task does not have them
            spec = {"entry": "component", "chunks": chunks, "inputs": [], "outputs": []}
            assert repr(vars(task.load(spec))["component"]()) == repr(expected)
        finally:
            task.unload({})
            for name in set(sys.modules) - before:
                if name.startswith(("shipped_", task.MODULE)):
                    del sys.modules[name]
