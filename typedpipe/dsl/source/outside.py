"""Reports of names that a component's function, or what is shipped with it, takes from its module, with remedies."""

from __future__ import annotations

import ast
import sys
import types
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any

from typedpipe.diagnostics.model import Diagnostics, Label
from typedpipe.dsl.source.files import BUILTINS, Function, ParsedFile, is_only_in_notebooks, parsed_file
from typedpipe.dsl.source.kinds import REMEDIES, is_installed, kind_of
from typedpipe.dsl.source.needs import Missing


def report_outside(
    fn: types.FunctionType, file: ParsedFile, node: Function, outside: list[str], report: Diagnostics
) -> None:
    """Report one error with all names, at the first use of the first one."""
    uses: dict[str, ast.Name | ast.Global] = {}
    for part in ast.walk(ast.Module(list(node.body), [])):
        if isinstance(part, ast.Name) and part.id in outside:
            first_use = uses.setdefault(part.id, part)
            if (part.lineno, part.col_offset) < (first_use.lineno, first_use.col_offset):
                uses[part.id] = part
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
    help_ = _Remedies(fn.__globals__, file, node).of(outside)
    report.error("TP137", text, first.span, first.text, others=others, help=help_)


def report_missing(missing: Sequence[Missing], report: Diagnostics) -> None:
    """Report names that definitions need that are shipped with a component."""
    for each in missing:
        name, file, space = each.name, each.file, each.namespace.space
        use, user = _use(name, each.node)
        text = f"`{each.title}` is shipped with the component, but it uses `{name}`, which cannot be shipped"
        if user is None and isinstance(each.node, ast.ClassDef) and kind_of(space.get(name)) != "value":
            user = each.node
        help_ = f"write the value of `{name}` in place of the name"  # in a default, a base class, a field
        if user is not None:
            help_ = _Remedies(space, file, user, f"`{user.name}`").of([name])
        span = file.span(use) if use is not None else file.header(each.node)
        report.error("TP139", text, span, _what(name, space) if use is not None else "", help=help_)


def _use(name: str, node: ast.AST) -> tuple[ast.Name | None, Function | ast.ClassDef | None]:
    """The first use of a name in a definition, and the function whose body it is in."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        use, _ = _use(name, ast.Module(list(node.body), []))
        if use is not None:
            return use, node
    if isinstance(node, ast.Name) and node.id == name:
        return node, None
    found = (_use(name, child) for child in ast.iter_child_nodes(node))
    return next((each for each in found if each[0] is not None), (None, None))


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
    """Remedies for names, by kind: each is said once, for all its names.

    ``helper`` is the function or class that uses them, in backticks, if it is shipped with a component: so is what it
    calls.
    """

    def __init__(
        self, space: dict[str, Any], file: ParsedFile, node: Function | ast.ClassDef, helper: str = ""
    ) -> None:
        self.space = space
        self.file = file
        self.node = node
        self.helper = helper
        self.place = helper or "the function"
        self.included: list[str] = []
        self.imported: list[str] = []
        self.others: list[str] = []

    def of(self, names: list[str]) -> str:
        space = self.space
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
            parts.append(f"import {_these(self.imported)} inside {self.place}")
        parts += self.others
        if unknown:
            parts.append(self._unknown(unknown[0]))
        return "; ".join(dict.fromkeys(parts))

    def _add(self, name: str, value: Any) -> None:
        kind = kind_of(value)
        line = self._import(name)
        if kind in ("function", "class") and self._is_users(value):
            self.included.append(name)
        elif kind in ("component", "pipeline"):
            self.others.append(REMEDIES[kind].format(name=name))
        elif line == f"import {name}":
            self.imported.append(name)
        elif line:
            self.others.append(f"write `{line}` inside {self.place}")
        elif kind == "module":
            self._own_module(name, value)
        elif kind == "lambda":
            include = "" if self.helper else f", and pass it with `include=[{name}]`"
            self.others.append(f"write `{name}` as a `def`{include}")
        elif kind in ("decorated function", "closure"):
            include = f"call that in {self.helper}" if self.helper else "pass that with `include`"
            self.others.append(
                f"`{name}` cannot be shipped, because it is a {kind}: write a plain `def` at module level, and {include}"
            )
        elif not (name in self.file.assigned or name in self.file.constants) and (
            kind in ("function", "class") or (kind == "value" and self._is_installed_function(value))
        ):
            self.imported.append(name)
        else:
            self._value(name)

    def _is_installed_function(self, value: Any) -> bool:
        """Whether a callable object, such as a function of NumPy, comes from a package: by ``import *``, for example."""
        home = getattr(value, "__module__", None) or type(value).__module__
        return callable(value) and is_installed(home)

    def _is_users(self, value: Any) -> bool:
        module = value.__module__
        return module == self.space.get("__name__") or module not in sys.modules or not is_installed(module)

    def _value(self, name: str) -> None:
        """A variable: its assignment can move into the function, if it is the call that creates the object."""
        made = self.file.assigned.get(name)
        text = ast.unparse(made) if made is not None and not made.col_offset else ""
        if text and len(text) <= _LONGEST:
            uses = made is not None and any(isinstance(part, ast.Name) for part in ast.walk(made.value))
            self.others.append(f"move `{text}` into {self.place}" + ", with the imports that it needs" * uses)
        else:
            parameter = f"a parameter of {self.helper}" if self.helper else "a parameter"
            self.others.append(f"make `{name}` {parameter}, or assign its value inside {self.place}")

    def _import(self, name: str) -> str:
        """The user's own import of an installed module or of a name in it, as a line; empty for others."""
        module, item, level = self.file.imports.get(name, ("", "", 0))
        if not module or level or not is_installed(module):
            return ""
        renamed = "" if name == (item or module.partition(".")[0]) else f" as {name}"
        return f"from {module} import {item}{renamed}" if item else f"import {module}{renamed}"

    def _own_module(self, name: str, module: types.ModuleType) -> None:
        """A module of the user's: the functions and classes in it can be included, and constants are shipped."""
        used = dict.fromkeys(
            part.attr
            for part in ast.walk(self.node)
            if isinstance(part, ast.Attribute) and isinstance(part.value, ast.Name) and part.value.id == name
        )
        parsed = parsed_file(getattr(module, "__file__", None) or "", vars(module))
        included: list[str] = []
        shipped: list[str] = []
        others: list[str] = []
        for item in used:
            value = getattr(module, item, None)
            kind = kind_of(value)
            if kind in ("function", "class"):
                included.append(item)
                shipped.append(item)
            elif hasattr(module, item) and parsed is not None and parsed.constant(item, value) is not None:
                shipped.append(item)
            elif hasattr(module, item) and parsed is not None:
                inner = _Remedies(vars(module), parsed, self.node, self.helper)
                others.append(f"{inner.of([item])}, and write `{item}` without `{name}.`")
        items = ", ".join(shipped)
        if shipped:
            which = f"`{items}`" if len(shipped) == 1 else "the names"
            steps = [f"write `from {module.__name__} import {items}` at the top of the file"]
            steps.append(f"use {which} without `{name}.`")
            steps += [f"pass `include=[{', '.join(included)}]`"] if included and not self.helper else []
            last = f"{', ' if len(steps) > 2 else ' '}and {steps.pop()}"
            others.insert(0, f"`{name}` is not installed in the container: {', '.join(steps)}{last}")
        if not others:
            include = "" if self.helper else ", and pass them with `include`"
            others.append(
                f"`{name}` is not installed in the container: import the functions and classes that it needs from it by name{include}"
            )
        self.others += others

    def _unknown(self, name: str) -> str:
        own = {
            part.id for part in ast.walk(self.node) if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)
        }
        own |= {part.arg for part in ast.walk(self.node) if isinstance(part, ast.arg)}
        close = get_close_matches(name, {*own, *BUILTINS}, 1)
        later = self.file.definition(name)
        if later is not None and later.lineno > self.node.lineno:
            include = "" if self.helper else f", and pass it with `include=[{name}]`"
            return f"`{name}` is defined below: move its definition above `{self.node.name}`{include}"
        if close:
            return f"did you mean `{close[0]}`?"
        return f"define `{name}` before the component, or import it inside {self.place}"


_LONGEST = 100


def _these(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
