"""Dependencies of classes and included helpers: imports as imports, the user's own classes and functions by source."""

from __future__ import annotations

import ast
import inspect
import os
import sys
import types
from enum import Enum
from typing import Any

from typedpipe.diagnostics.model import Diagnostics, Span
from typedpipe.dsl.source.files import (
    MODULE_NAMES,
    PACKAGE,
    Definition,
    ParsedFile,
    annotation_names,
    is_builtin,
    is_ours,
    is_stand_in,
    least_python,
    names_of,
    parsed_file,
)
from typedpipe.dsl.source.kinds import kind_of, refusal
from typedpipe.dsl.source.notebook import cells
from typedpipe.ir import nodes as ir
from typedpipe.runtime.task import STUB_NAMES

_TYPING = ("typing", "typing_extensions", "collections.abc")
_INSTALLED = (f"site-packages{os.sep}", f"dist-packages{os.sep}")


def is_installed(module: str) -> bool:
    """Whether a module comes with Python or from a package, so that an import in the container may find it."""
    top = module.partition(".")[0]
    if top in sys.stdlib_module_names and top != "__main__":
        return True
    loaded = sys.modules.get(module) or sys.modules.get(top)
    file = getattr(loaded, "__file__", None) or next(iter(getattr(loaded, "__path__", ())), None)
    return file is not None and any(part in file + os.sep for part in _INSTALLED)


class Bundle:
    """Chunks that a component needs before its function, in the order of execution."""

    def __init__(self, file: ParsedFile, space: dict[str, Any], span: Span, report: Diagnostics) -> None:
        self.file = file
        self.space = space
        self.span = span
        self.report = report
        self.chunks: list[ir.Chunk] = []
        self.names: dict[str, Any] = {}
        self.failed = False
        self.refused: list[Any] = []
        """Items of ``include`` that were reported."""
        self.min_python = (3, 8)

    def alias(self, name: str, value: Any) -> bool:
        """Bind another name to an object that is already shipped; return whether it is."""
        own = next((known for known, item in self.names.items() if item is value and value is not None), None)
        if own is None:
            return False
        self._emit(ir.Chunk(f"{name} = {own}\n"), name, value)
        return True

    def add_included(self, item: Any) -> None:
        """Add a helper function or class that the user passed."""
        if isinstance(item, type):
            self.add_class(item)
        elif kind_of(item) == "function":
            self.add_function(item)
        else:
            self.refused.append(item)
            self._fail("TP138", *refusal(item))

    def add_class(self, cls: type) -> None:
        """Add a class by its source, or by its import if it is installed, with its dependencies."""
        if is_ours(cls) or cls.__module__ == "builtins" or self.names.get(cls.__name__) is cls:
            return
        if is_installed(cls.__module__):
            top, *rest = cls.__qualname__.split(".")
            self._emit(ir.Chunk(f"from {cls.__module__} import {top}\n"), top, cls)
            self._bind_inner(cls, rest)
            return
        path = cls.__qualname__.rpartition("<locals>.")
        outer, *inner = path[2].split(".")
        found = self._find_class(cls, path[0] + path[1] + outer)
        if found is None:
            self.names[cls.__name__] = cls  # already added, or rebuilt by the runtime
            return
        file, node = found
        self.names[outer] = cls if not inner else None
        space = self.space if file is self.file else vars(sys.modules.get(cls.__module__, sys.modules[__name__]))
        self._add_definition(file, node, space, evaluated=hasattr(cls, "model_fields"))
        self._bind_inner(cls, inner)

    def _bind_inner(self, cls: type, inner: list[str]) -> None:
        if inner:
            dotted = cls.__qualname__.rpartition("<locals>.")[2]
            self._emit(ir.Chunk(f"{cls.__name__} = {dotted}\n"), cls.__name__, cls)

    def add_function(self, fn: Any) -> None:
        """Add a helper by its source, with its dependencies."""
        if self.names.get(fn.__name__) is fn:
            return
        file = parsed_file(fn.__code__.co_filename, fn.__globals__)
        node = file.functions.get((fn.__code__.co_firstlineno, fn.__code__.co_name)) if file is not None else None
        if file is None or node is None:
            self._fail(
                "TP138", f"the source of `{fn.__name__}` cannot be found", "define it in a file or a notebook cell"
            )
            return
        self.names[fn.__name__] = fn
        self._add_definition(file, node, fn.__globals__, evaluated=False)

    def _add_definition(self, file: ParsedFile, node: Definition, space: dict[str, Any], *, evaluated: bool) -> None:
        chunk = file.chunk(node)
        soft = annotation_names(node) if isinstance(node, ast.ClassDef) else {}
        own = {target.id for target in getattr(node, "targets", ()) if isinstance(target, ast.Name)}
        hard = {name: None for name in names_of(chunk.text) if name not in own}
        for name in {**hard, **soft}:
            if not self._need(name, space, file) and name in hard:
                title = getattr(node, "name", None) or next(iter(own))
                text = f"`{title}` is shipped with the component, but it uses `{name}`, which cannot be shipped"
                self._fail("TP139", text, f"write the value of `{name}` in place of the name", file.header(node))
        self.min_python = max(self.min_python, least_python(chunk.text, evaluated=evaluated))
        self.chunks.append(chunk)

    def _need(self, name: str, space: dict[str, Any], file: ParsedFile) -> bool:
        """Ship the object that a name is bound to; return whether this was possible."""
        if name in MODULE_NAMES or is_builtin(name, space):
            return True
        if name not in space:
            return name in self.names or name in STUB_NAMES
        value = space[name]
        if (name in self.names and self.names[name] in (value, None)) or is_stand_in(name, value, absent=False):
            return True
        if self.alias(name, value):
            return True
        line = _import_line(name, value, file)
        if line:
            self._emit(ir.Chunk(line), name, value)
        elif isinstance(value, type) and not is_installed(value.__module__):
            self.add_class(value)
        elif kind_of(value) == "function" and not is_installed(value.__module__):
            self.add_function(value)
        else:
            return False
        return name in self.names or self.alias(name, value) or self.failed

    def _find_class(self, cls: type, qualname: str) -> tuple[ParsedFile, Definition] | None:
        found: list[tuple[ParsedFile, Definition]] = []
        for file in self._files(cls):
            nodes = file.classes.get(qualname, [])
            exact = [n for n in nodes if n.lineno == getattr(cls, "__firstlineno__", 0)] if len(nodes) > 1 else nodes
            fitting: list[Definition] = list(exact or [n for n in nodes if _same_fields(n, cls)])
            if not nodes and qualname in file.assigned:
                fitting = [file.assigned[qualname]]
            found += [(file, node) for node in fitting]
        found = self._newest(found, cls)
        if len({file.chunk(node).text for file, node in found}) == 1:
            return found[-1]
        if not found and _is_functional(cls):
            return None  # the runtime rebuilds it from the interface
        text = (
            f"`{cls.__name__}` has two definitions that cannot be distinguished"
            if found
            else f"the source of `{cls.__name__}` cannot be found"
        )
        self._fail("TP139", text, "define the class once, in a file or a notebook cell")
        return None

    def _newest(self, found: list[tuple[ParsedFile, Definition]], cls: type) -> list[tuple[ParsedFile, Definition]]:
        """Of definitions in several cells, those in the cell of the class's methods, or in the cell that ran last.

        The cell of the component runs now: what it defines below the component does not exist yet.
        """
        order = cells()
        if len({file.name for file, _ in found}) < 2 or not all(file.name in order for file, _ in found):
            return found
        home = next(
            (code.co_filename for value in vars(cls).values() if (code := getattr(value, "__code__", None))), ""
        )
        exact = [(file, node) for file, node in found if file.name == home]
        done = [(f, n) for f, n in found if f is not self.file or n.lineno < self.span.line]
        last = max((file.name for file, _ in done), key=order.index, default="")
        return exact or [(file, node) for file, node in done if file.name == last]

    def _files(self, cls: type) -> list[ParsedFile]:
        module = sys.modules.get(cls.__module__)
        names = [getattr(module, "__file__", None)] if module else []
        if cls.__module__ == self.space.get("__name__"):
            names = [self.file.name, *(cells() if self.file.name in cells() else ())]
        files = [parsed_file(name) for name in dict.fromkeys(names) if name]
        return [file for file in files if file is not None]

    def _emit(self, chunk: ir.Chunk, name: str, value: Any) -> None:
        self.names[name] = value
        self.chunks.append(chunk)
        self.min_python = max(self.min_python, least_python(chunk.text))

    def _fail(self, code: str, text: str, help_: str, span: Span | None = None) -> None:
        self.failed = True
        self.report.error(code, text, span or self.span, help=help_)


def _same_fields(node: ast.ClassDef, cls: type[Any]) -> bool:
    own = {s.target.id for s in node.body if isinstance(s, ast.AnnAssign) and isinstance(s.target, ast.Name)}
    if issubclass(cls, Enum):
        plain = [t.id for s in node.body if isinstance(s, ast.Assign) for t in s.targets if isinstance(t, ast.Name)]
        return set(plain) == set(cls.__members__)
    return own == set(inspect.get_annotations(cls))


def _is_functional(cls: type[Any]) -> bool:
    return issubclass(cls, Enum) or hasattr(cls, "_fields") or hasattr(cls, "__total__")


def _import_line(name: str, value: Any, file: ParsedFile) -> str:
    """The import that also binds the name in the container, or nothing if only this machine has the module."""
    if is_ours(value):
        return _import_of_ours(name, value)
    module, item, level = file.imports.get(name, ("", "", 0))
    if module and not level and is_installed(module):
        if item:
            return f"from {module} import {item}{'' if item == name else f' as {name}'}\n"
        return f"import {module}{'' if module.partition('.')[0] == name else f' as {name}'}\n"
    if isinstance(value, types.ModuleType):
        return f"import {value.__name__} as {name}\n" if is_installed(value.__name__) else ""
    home, own = getattr(value, "__module__", None), getattr(value, "__qualname__", None)
    if isinstance(home, str) and isinstance(own, str) and is_installed(home) and own.isidentifier():
        return f"from {home} import {own}{'' if own == name else f' as {name}'}\n"
    return ""


def _import_of_ours(name: str, value: Any) -> str:
    if isinstance(value, types.ModuleType):
        return (
            f"import {PACKAGE} as {name}\n"
            if value.__name__ in (PACKAGE, "kfp")
            else f"from {PACKAGE} import dsl as {name}\n"
        )
    own = getattr(value, "__name__", "")
    return f"from {PACKAGE}.dsl import {own} as {name}\n" if own in STUB_NAMES else ""
