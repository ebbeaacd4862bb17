"""Dependencies of a component: imports as imports, the user's own classes, functions and constants by source.

Each piece of source keeps the module that it comes from: two modules may use one name for different things.
"""

from __future__ import annotations

import ast
import inspect
import os
import sys
import types
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum
from importlib.util import resolve_name
from typing import Any, TypeVar

from typedpipe.diagnostics.model import Diagnostics, Span
from typedpipe.diagnostics.record import replace
from typedpipe.dsl.source.annotations import annotation_names
from typedpipe.dsl.source.files import (
    MODULE_NAMES,
    PACKAGE,
    Definition,
    ParsedFile,
    definition_of,
    is_builtin,
    is_ours,
    is_stand_in,
    names_of,
    parsed_file,
    stored_names_of,
)
from typedpipe.dsl.source.kinds import kind_of, refusal
from typedpipe.dsl.source.notebook import cells
from typedpipe.dsl.source.versions import least_python
from typedpipe.ir import nodes as ir
from typedpipe.runtime.task import MODULE, STUB_NAMES, Artifact

_INSTALLED = (f"site-packages{os.sep}", f"dist-packages{os.sep}")


def is_installed(module: str) -> bool:
    """Whether a module comes with Python or from a package, so that an import in the container may find it."""
    top = module.partition(".")[0]
    if top in sys.stdlib_module_names and top != "__main__":
        return True
    loaded = sys.modules.get(module) or sys.modules.get(top)
    file = getattr(loaded, "__file__", None) or next(iter(getattr(loaded, "__path__", ())), None)
    return file is not None and any(part in file + os.sep for part in _INSTALLED)


@dataclass(slots=True, eq=False)
class Namespace:
    """The names of one module in the task, beside those of the user's module in this process."""

    module: str
    """The user's module; empty for that of the component."""
    space: dict[str, Any]
    names: dict[str, Any] = field(default_factory=dict[str, Any])
    """The object that each name is bound to; None if it is not known."""
    texts: dict[str, str] = field(default_factory=dict[str, str])
    """The definition of a name that is defined here."""
    stored: set[str] = field(default_factory=set[str])
    """Names that a shipped function assigns by ``global``."""


@dataclass(frozen=True, slots=True)
class Home:
    """The place of a shipped object: a dotted name in a namespace. The object is kept so that its id stays unique."""

    value: Any
    namespace: Namespace
    dotted: str
    installed: bool = False


class Bundle:
    """Chunks that a component needs before its function, in the order of execution."""

    def __init__(self, file: ParsedFile, space: dict[str, Any], span: Span, report: Diagnostics) -> None:
        self.file = file
        self.span = span
        self.report = report
        self.chunks: list[ir.Chunk] = []
        self.failed = False
        self.refused: list[Any] = []
        """Items of ``include`` that were reported."""
        self.min_python = (3, 8)
        self._main = Namespace("", space)
        self._others: dict[str, Namespace] = {}
        self._homes: dict[int, Home] = {}
        self._ready: set[int] = set()
        self._waiting: dict[int, list[tuple[Namespace, str]]] = {}
        self._titles: dict[str, str] = {}
        self._missing: list[tuple[Namespace, str, str, Span]] = []

    # ------------------------------------------------------------------------------------- what is asked for

    def add_included(self, item: Any) -> None:
        """Add a helper function or class that the user passed."""
        if isinstance(item, type):
            self.add_class(item)
        elif kind_of(item) == "function":
            self.add_function(item)
        else:
            self.refused.append(item)
            self._fail("TP138", *refusal(item))

    def supply(self, name: str) -> bool:
        """Bind a name of the component's module to what is shipped; return whether it is.

        A name that the module does not have may be that of an object that was included from another module.
        """
        main = self._main
        if name not in main.space:
            found = [home for home in self._homes.values() if home.dotted == name]
            if name not in main.names and len(found) == 1:
                self._bind(main, name, found[0])
            return name in main.names or name in main.stored
        home = self._homes.get(id(main.space[name]))
        if home is not None:
            self._bind(main, name, home)
        return self._is_bound(main, name)

    def supply_annotation(self, name: str) -> None:
        """Bind a name in an annotation that is evaluated in the component's function, if it is installed or a constant."""
        main = self._main
        if name not in main.space or self.supply(name) or is_stand_in(name, main.space[name], absent=False):
            return
        line = _import_line(name, main.space[name], self.file)
        if line:
            self._emit(main, line, name, main.space[name])
        else:
            self._constant(main, name, self.file)

    def supply_constant(self, name: str) -> bool:
        """Ship a constant of the user's that the component's function uses; return whether it is one."""
        return name in self._main.space and self._constant(self._main, name, self.file)

    def finish(self, stored: Iterable[str]) -> None:
        """Report the names that nothing defines; ``stored`` are those that the component's function assigns."""
        self._main.stored.update(stored)
        for namespace, name, title, span in self._missing:
            if name not in namespace.stored:
                text = f"`{title}` is shipped with the component, but it uses `{name}`, which cannot be shipped"
                self._fail("TP139", text, f"write the value of `{name}` in place of the name", span)

    def add_class(self, cls: type) -> None:
        """Add a class by its source, or by its import if it is installed, with its dependencies."""
        if is_ours(cls) or cls.__module__ == "builtins" or id(cls) in self._homes:
            return
        if issubclass(cls, Artifact):
            self._check_title(cls)
        namespace = self._namespace(cls.__module__)
        before, _, dotted = cls.__qualname__.rpartition("<locals>.")
        outer = dotted.partition(".")[0]
        if is_installed(cls.__module__):
            self._homes[id(cls)] = Home(cls, namespace, dotted, installed=True)
            if outer not in namespace.names:
                self._emit(namespace, f"from {cls.__module__} import {outer}\n", outer, None)
            self._is_ready(cls)
            return
        found = self._find_class(cls, f"{before}<locals>.{outer}" if before else outer, namespace)
        if found is None:
            self._homes[id(cls)] = Home(cls, namespace, cls.__name__)
            namespace.names[cls.__name__] = cls  # the runtime rebuilds it from the interface
            self._is_ready(cls)
            return
        self._homes[id(cls)] = Home(cls, namespace, dotted)
        value = namespace.space.get(outer) if "." in dotted else cls
        self._define(namespace, outer, value, *found, evaluated=hasattr(cls, "model_fields"))
        self._is_ready(cls)

    def _check_title(self, cls: type[Artifact]) -> None:
        """Reject two artifact classes with one title: a value gets the class of its title."""
        title, own = cls.schema_title, f"{cls.__module__}.{cls.__qualname__}"
        other = self._titles.setdefault(title, own)
        if other != own:
            text = f"`{other}` and `{own}` have the same `schema_title`, {title!r}, so they are the same artifact type"
            self._fail("TP139", text, "set another `schema_title` in one of the two classes")

    def add_function(self, fn: Any) -> None:
        """Add a helper by its source, with its dependencies."""
        if id(fn) in self._homes:
            return
        found = definition_of(fn)
        if found is None:
            self._fail(
                "TP138", f"the source of `{fn.__name__}` cannot be found", "define it in a file or a notebook cell"
            )
            return
        file, node = found
        namespace = self._namespace(str(fn.__globals__.get("__name__", "")), fn.__globals__)
        self._homes[id(fn)] = Home(fn, namespace, node.name)
        self._define(namespace, node.name, fn, file, node, evaluated=False)
        self._is_ready(fn)

    # ---------------------------------------------------------------------------------------- definitions

    def _namespace(self, module: str, space: dict[str, Any] | None = None) -> Namespace:
        main = self._main.space
        if space is main or module == main.get("__name__", ""):
            return self._main
        known = self._others.get(module)
        if known is None:
            space = vars(sys.modules[module]) if space is None and module in sys.modules else space or {}
            known = self._others[module] = Namespace(module, space)
        return known

    def _define(
        self, namespace: Namespace, name: str, value: Any, file: ParsedFile, node: Definition, *, evaluated: bool
    ) -> None:
        chunk = replace(file.chunk(node), module=namespace.module)
        known = namespace.texts.get(name)
        if known is not None or name in namespace.names:
            if known != chunk.text:
                self._fail(
                    "TP139",
                    f"two different definitions of `{name}` are shipped with the component",
                    "rename one of them",
                    file.header(node),
                )
            return
        namespace.texts[name], namespace.names[name] = chunk.text, value
        namespace.stored |= stored_names_of(chunk.text)
        own = {target.id for target in getattr(node, "targets", ()) if isinstance(target, ast.Name)}
        hard = {each: None for each in names_of(chunk.text) if each not in own}
        for each in {**hard, **annotation_names(node)}:
            if not self._need(each, namespace, file) and each in hard:
                self._missing.append((namespace, each, name, file.header(node)))
        self.min_python = max(self.min_python, least_python(chunk.text, evaluated=evaluated))
        self.chunks.append(chunk)

    def _is_ready(self, value: Any) -> None:
        """Bind the names that had to wait for the definition of an object: its dependencies may refer to it."""
        self._ready.add(id(value))
        for namespace, name in self._waiting.pop(id(value), ()):
            self._emit(namespace, _binding(namespace, name, self._homes[id(value)]), name, value)

    def _bind(self, namespace: Namespace, name: str, home: Home) -> None:
        """Bind a name to a shipped object, once it is defined."""
        if self._is_bound(namespace, name) or (home.namespace is namespace and home.dotted == name):
            return
        if id(home.value) in self._ready:
            self._emit(namespace, _binding(namespace, name, home), name, home.value)
        else:
            namespace.names[name] = home.value
            self._waiting.setdefault(id(home.value), []).append((namespace, name))

    def _is_bound(self, namespace: Namespace, name: str) -> bool:
        if name not in namespace.names:
            return False
        bound = namespace.names[name]
        return bound is None or name not in namespace.space or bound is namespace.space[name]

    def _need(self, name: str, namespace: Namespace, file: ParsedFile) -> bool:
        """Ship the object that a name is bound to; return whether this was possible."""
        if name in MODULE_NAMES or is_builtin(name, namespace.space) or self._is_bound(namespace, name):
            return True
        if name not in namespace.space:
            return name in STUB_NAMES
        value = namespace.space[name]
        if is_stand_in(name, value, absent=False):
            return True
        line = _import_line(name, value, file)
        if line:
            self._emit(namespace, line, name, value)
            return True
        if self._constant(namespace, name, file):
            return True
        if isinstance(value, type) and not is_installed(value.__module__):
            self.add_class(value)
        elif kind_of(value) == "function" and not is_installed(value.__module__):
            self.add_function(value)
        home = self._homes.get(id(value))
        if home is None:
            return self.failed
        self._bind(namespace, name, home)
        return True

    def _constant(self, namespace: Namespace, name: str, file: ParsedFile) -> bool:
        """Ship a constant: the assignment of a literal, in this module or in the one that it is imported from."""
        if self._is_bound(namespace, name):
            return True
        value = namespace.space[name]
        for each in self._files(namespace, file):
            chunk = each.constant(name, value)
            if chunk is not None:
                self._emit(namespace, chunk.text, name, value, replace(chunk, module=namespace.module))
                return True
        module, item, level = file.imports.get(name, ("", "", 0))
        if level and namespace.space.get("__package__"):
            module = resolve_name("." * level + module, namespace.space["__package__"])
        loaded = sys.modules.get(module)
        if not item or loaded is None or is_installed(module) or vars(loaded).get(item) is not value:
            return False
        other = self._namespace(module)
        source = parsed_file(getattr(loaded, "__file__", None) or "", vars(loaded))
        if source is None or other is namespace or not self._constant(other, item, source):
            return False
        self._emit(namespace, _binding(namespace, name, Home(value, other, item)), name, value)
        return True

    # ------------------------------------------------------------------------------------------ the files

    def _find_class(self, cls: type, qualname: str, namespace: Namespace) -> tuple[ParsedFile, Definition] | None:
        found: list[tuple[ParsedFile, Definition]] = []
        for file in self._files(namespace, self.file):
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

    def _files(self, namespace: Namespace, file: ParsedFile) -> list[ParsedFile]:
        """The files of a module: one, or all cells of a notebook."""
        names = [namespace.space.get("__file__")]
        if namespace is self._main:
            names += [file.name, *(cells() if file.name in cells() else ())]
        files = [parsed_file(name) for name in dict.fromkeys(names) if name]
        return [each for each in files if each is not None]

    # --------------------------------------------------------------------------------------------- results

    def _emit(self, namespace: Namespace, text: str, name: str, value: Any, chunk: ir.Chunk | None = None) -> None:
        namespace.names[name] = value
        self.chunks.append(chunk or ir.Chunk(text, module=namespace.module))
        self.min_python = max(self.min_python, least_python(text))

    def _fail(self, code: str, text: str, help_: str, span: Span | None = None) -> None:
        self.failed = True
        self.report.error(code, text, span or self.span, help=help_)


def _binding(namespace: Namespace, name: str, home: Home) -> str:
    """The statement that binds a name to an object that is shipped in the same or in another module."""
    top, *rest = home.dotted.split(".")
    if home.namespace is namespace and not home.installed:
        return f"{name} = {home.dotted}\n"
    inner = f"{name} = {'.'.join([name, *rest])}\n" if rest else ""
    module = home.namespace.module if home.installed else ".".join(filter(None, [MODULE, home.namespace.module]))
    return f"from {module} import {top}{'' if top == name else f' as {name}'}\n{inner}"


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
    if isinstance(value, TypeVar):  # of a generic class: it has no value that could differ
        return f'{name} = __import__("typing").TypeVar("{value.__name__}")\n'
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
