"""Untracked dependencies of a task, which no cache key can see, found in its source and its inputs."""

from __future__ import annotations

import ast
import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence

from typedpipe.ir import nodes as ir
from typedpipe.local.caching.normal_form import trees_of
from typedpipe.local.store.cache_table import artifacts_of
from typedpipe.local.values import load
from typedpipe.runs.model import Value
from typedpipe.runtime.task import MODULE

ALWAYS = "the clock, the network, random numbers without a seed"
_READERS = frozenset({"open", "Path", "read_csv", "read_parquet", "read_json", "read_excel", "loadtxt", "load"})
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def untracked(component: ir.Component, inputs: Mapping[str, Value], declared_env: Iterable[str] = ()) -> list[str]:
    """Descriptions of the untracked dependencies of a task.

    >>> from typedpipe.ir.nodes import ContainerImpl
    >>> untracked(ir.Component("a", (), (), ContainerImpl(), "busybox:1"), {})[1]
    'the content of the image `busybox:1`, if its tag moved and its digest is unknown'
    """
    found = [ALWAYS]
    impl = component.impl
    if isinstance(impl, ir.PythonImpl):
        trees = list(trees_of(impl.chunks))
        found += _modules(trees, impl.packages)
        found += _reads(trees, frozenset(declared_env))
        if impl.packages:
            found.append("dependencies of declared packages, unless the task runs in a separate virtual environment")
    else:
        found.append(f"the content of the image `{component.image}`, if its tag moved and its digest is unknown")
    found += _given(inputs)
    return list(dict.fromkeys(found))


def _modules(trees: Sequence[ast.Module], packages: Sequence[str]) -> Iterator[str]:
    """Imports that are neither in the standard library nor declared."""
    declared = {_plain(match.group()) for package in packages if (match := _NAME.match(package.strip()))}
    for name in dict.fromkeys(name for tree in trees for name in _imported(tree)):
        if name in sys.stdlib_module_names or name in ("typedpipe", "kfp", MODULE) or _plain(name) in declared:
            continue
        owners = _distributions(name)
        if not owners:
            yield f"the imported module `{name}`, which is your own file or is not installed"
        elif declared.isdisjoint(map(_plain, owners)):
            yield f"the version of `{owners[0]}`, which is imported but not listed in `packages_to_install`"


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _distributions(module: str) -> list[str]:
    from importlib.metadata import packages_distributions

    return list(packages_distributions().get(module, ()))


def _imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


def _reads(trees: Sequence[ast.Module], declared: frozenset[str]) -> Iterator[str]:
    """Files and environment variables that the source names."""
    for node in (node for tree in trees for node in ast.walk(tree)):
        if isinstance(node, ast.Subscript) and _is_environ(node.value):
            key: ast.expr | None = node.slice
        elif isinstance(node, ast.Call):
            key = node.args[0] if node.args else None
            name = _called(node.func)
            text = _text(key)
            if name in _READERS and text:
                yield f"the file `{text}`, which the task reads by path"
            reads_variable = name == "getenv" or (
                name == "get" and isinstance(node.func, ast.Attribute) and _is_environ(node.func.value)
            )
            if not reads_variable:
                continue
        else:
            continue
        variable = _text(key)
        if variable and variable not in declared:
            yield f"the environment variable `{variable}`, which the component reads but the task does not set"


def _called(function: ast.expr) -> str:
    return (
        function.id if isinstance(function, ast.Name) else function.attr if isinstance(function, ast.Attribute) else ""
    )


def _is_environ(value: ast.expr) -> bool:
    return _called(value) == "environ"


def _text(value: ast.expr | None) -> str:
    return value.value if isinstance(value, ast.Constant) and isinstance(value.value, str) else ""


def _given(inputs: Mapping[str, Value]) -> Iterator[str]:
    for name, value in inputs.items():
        if isinstance(value, str):
            text = load(value) if value.startswith('"') else None
            if isinstance(text, str) and os.sep in text and os.path.exists(text):
                yield f"the content of {text}, the path in the parameter `{name}`"
            continue
        for item in artifacts_of(value):
            if item.path is None:
                yield f"the content of {item.uri} (input `{name}`): only its URI is part of the cache key"
