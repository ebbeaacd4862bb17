"""The report of names that a component's function takes from its module, with a remedy for each."""

from __future__ import annotations

import ast
import sys
import types
from difflib import get_close_matches
from typing import Any

from typedpipe.diagnostics.model import Diagnostics, Label
from typedpipe.dsl.source.files import BUILTINS, Function, ParsedFile, is_only_in_notebooks
from typedpipe.dsl.source.kinds import REMEDIES, is_installed, kind_of


def report_outside(
    fn: types.FunctionType, file: ParsedFile, node: Function, outside: list[str], report: Diagnostics
) -> None:
    """Report one error with all names, at the first use of the first one."""
    uses: dict[str, ast.Name | ast.Global] = {}
    for part in ast.walk(ast.Module(list(node.body), [])):
        if isinstance(part, ast.Name) and part.id in outside:
            uses.setdefault(part.id, part)
        elif isinstance(part, ast.Global):
            for name in part.names:
                uses.setdefault(name, part)
    far = (sys.maxsize, 0)
    outside = sorted(outside, key=lambda n: (uses[n].lineno, uses[n].col_offset) if n in uses else far)
    names = ", ".join(f"`{name}`" for name in outside)
    subject = "a name" if len(outside) == 1 else "names"
    labels = [Label(file.span(uses[name]), _what(name, fn.__globals__)) for name in outside if name in uses]
    first, others = (labels[0], labels[1:]) if labels else (Label(file.header(node)), [])
    text = f"`{fn.__name__}` uses {subject} that it does not define: {names}"
    help_ = _Remedies(fn, file, node).of(outside)
    report.error("TP137", text, first.span, first.text, others=others, help=help_)


def _what(name: str, space: dict[str, Any]) -> str:
    if is_only_in_notebooks(name, space):
        return f"`{name}` exists only in a notebook"
    if name not in space:
        return f"`{name}` is not defined when the component is created"
    match kind_of(space[name]):
        case "module" if is_installed(space[name].__name__):
            return f"`{name}` is a module imported outside the function"
        case "module":
            return f"`{name}` is a module of your own"
        case "function" | "class" as kind:
            return f"`{name}` is a {kind} defined outside the component"
        case "value":
            return f"`{name}` is a global variable"
        case kind:
            return f"`{name}` is a {kind}"


class _Remedies:
    """Remedies for names, by kind: each is said once, for all its names."""

    def __init__(self, fn: types.FunctionType, file: ParsedFile, node: Function) -> None:
        self.fn = fn
        self.file = file
        self.node = node
        self.included: list[str] = []
        self.imported: list[str] = []
        self.others: list[str] = []

    def of(self, names: list[str]) -> str:
        space = self.fn.__globals__
        local = [name for name in names if is_only_in_notebooks(name, space)]
        for name in names:
            if name in space and name not in local:
                self._add(name, space[name])
        unknown = [name for name in names if name not in space and name not in local]
        if local:
            self.others.append(f"{_these(local)} cannot be used in a task: print the value, or return it")
        parts: list[str] = []
        if self.included:
            parts.append(f"pass {_these(self.included)} with `include=[{', '.join(self.included)}]`")
        if self.imported:
            parts.append(f"import {_these(self.imported)} inside the function")
        parts += self.others
        if unknown:
            parts.append(self._unknown(unknown[0]))
        return "; ".join(dict.fromkeys(parts))

    def _add(self, name: str, value: Any) -> None:
        kind = kind_of(value)
        line = self._import(name)
        if kind in ("function", "class") and _is_users(value, self.fn):
            self.included.append(name)
        elif kind in ("component", "pipeline"):
            self.others.append(REMEDIES[kind].format(name=name))
        elif line == f"import {name}":
            self.imported.append(name)
        elif line:
            self.others.append(f"write `{line}` inside the function")
        elif kind == "module":
            self._own_module(name, value)
        elif kind == "lambda":
            self.others.append(f"write `{name}` as a `def`, and pass it with `include=[{name}]`")
        elif kind in ("decorated function", "closure"):
            self.others.append(
                f"`{name}` cannot be shipped, because it is a {kind}: write a plain `def` at module level, and pass that with `include`"
            )
        elif kind in ("function", "class") or (callable(value) and kind == "value" and name not in self.file.assigned):
            self.imported.append(name)
        else:
            self._value(name)

    def _value(self, name: str) -> None:
        """A variable: its assignment can move into the function, if it is the call that creates the object."""
        made = self.file.assigned.get(name)
        text = ast.unparse(made) if made is not None and not made.col_offset else ""
        if text and len(text) <= _LONGEST:
            uses = made is not None and any(isinstance(part, ast.Name) for part in ast.walk(made.value))
            self.others.append(f"move `{text}` into the function" + ", with the imports that it needs" * uses)
        else:
            self.others.append(f"make `{name}` a parameter, or assign its value inside the function")

    def _import(self, name: str) -> str:
        """The user's own import of an installed module or of a name in it, as a line; empty for others."""
        module, item, level = self.file.imports.get(name, ("", "", 0))
        if not module or level or not is_installed(module):
            return ""
        renamed = "" if name == (item or module.partition(".")[0]) else f" as {name}"
        return f"from {module} import {item}{renamed}" if item else f"import {module}{renamed}"

    def _own_module(self, name: str, module: types.ModuleType) -> None:
        """A module of the user's: the functions and classes in it that the component uses can be included."""
        used = dict.fromkeys(
            part.attr
            for part in ast.walk(self.node)
            if isinstance(part, ast.Attribute) and isinstance(part.value, ast.Name) and part.value.id == name
        )
        kept = [item for item in used if kind_of(getattr(module, item, None)) in ("function", "class")]
        items = ", ".join(kept) or "…"
        self.others.append(
            f"`{name}` is not installed in the container: write `from {module.__name__} import {items}` at the top of the "
            f"file, use {'the names' if len(kept) != 1 else f'`{items}`'} without `{name}.`, and pass `include=[{items}]`"
        )

    def _unknown(self, name: str) -> str:
        close = get_close_matches(name, {*self.fn.__code__.co_varnames, *BUILTINS}, 1)
        later = self.file.definition(name)
        if later is not None and later.lineno > self.node.lineno:
            return f"`{name}` is defined below: move its definition above `{self.fn.__name__}`, and pass it with `include=[{name}]`"
        if close:
            return f"did you mean `{close[0]}`?"
        return f"define `{name}` before the component, or import it inside the function"


_LONGEST = 100


def _these(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _is_users(value: Any, fn: types.FunctionType) -> bool:
    return (
        value.__module__ == fn.__module__ or value.__module__ not in sys.modules or not is_installed(value.__module__)
    )
