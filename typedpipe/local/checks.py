"""What is found out before anything starts: the caller's arguments, and whether every task can run on this machine."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from shutil import which
from typing import Literal, TypeAlias

from typedpipe.diagnostics.model import Diagnostics, Label
from typedpipe.diagnostics.words import nearest
from typedpipe.ir.nodes import Branch, Component, ContainerImpl, ExitHandler, Graph, Loop, Pipeline, PythonImpl, Task
from typedpipe.ir.scopes import bodies
from typedpipe.types.assignable import mismatch
from typedpipe.types.display import show
from typedpipe.types.model import Type, is_artifact, is_optional
from typedpipe.types.values import NotAConstant, constant

Containers: TypeAlias = Literal["", "host"]


def bind_arguments(pipeline: Pipeline, arguments: Mapping[str, object], report: Diagnostics) -> dict[str, str]:
    """The caller's arguments as wire text, each checked against its parameter; defaults are left to the engine.

    >>> bind_arguments(Pipeline("p", Graph()), {}, Diagnostics())
    {}
    """
    ports = {port.name: port for port in pipeline.graph.inputs}
    for name in arguments:
        if name not in ports:
            close = nearest(name, ports)
            known = ", ".join(f"`{port}`" for port in ports) or "none"
            report.error(
                "TP188",
                f"the pipeline `{pipeline.name}` has no parameter `{name}`",
                pipeline.span,
                help=f"did you mean `{close}`?" if close else f"its parameters: {known}",
            )
    bound: dict[str, str] = {}
    for port in ports.values():
        where = port.span if port.span.line else pipeline.span
        if port.name not in arguments:
            if port.default is None and not is_optional(port.type):
                report.error(
                    "TP189",
                    f"the pipeline `{pipeline.name}` needs a value for `{port.name}`",
                    where,
                    f"`{port.name}` is a `{show(port.type)}` without a default",
                    help=f"pass `{port.name}=...`",
                )
            continue
        text, why = fitting(arguments[port.name], port.type)
        if not why:
            bound[port.name] = text
            continue
        report.error(
            "TP187",
            f"the argument `{port.name}` does not fit `{show(port.type)}`: {why}",
            where,
            f"`{port.name}` is declared here",
            help=f"pass a `{show(port.type)}`",
        )
    return bound


def fitting(value: object, type_: Type) -> tuple[str, str]:
    """The wire text of a caller's value, and why it does not fit the type, or ""."""
    if is_artifact(type_):
        return "", "an artifact cannot be given as an argument"
    try:
        text, own = constant(value)
    except NotAConstant as error:
        return "", error.reason
    return text, mismatch(own, type_) or ""


def check_runnable(pipeline: Pipeline, report: Diagnostics, containers: Containers = "") -> None:
    """Report every component that cannot run on this machine, at the place of its first call.

    >>> report = Diagnostics(); check_runnable(Pipeline("p", Graph()), report); report.has_errors
    False
    """
    for task in first_calls(pipeline):
        component = pipeline.components[task.component]
        if isinstance(component.impl, ContainerImpl):
            _check_container(task, component, component.impl, containers, report)
        else:
            _check_packages(task, component, component.impl, report)


def first_calls(pipeline: Pipeline) -> Iterator[Task]:
    """One task for each component that is used, in the order of the text."""
    seen: set[str] = set()
    for task in tasks_of([pipeline.graph, *pipeline.pipelines.values()]):
        if task.component not in seen:
            seen.add(task.component)
            yield task


def tasks_of(graphs: Iterable[Graph]) -> Iterator[Task]:
    """All tasks in graphs and the bodies in them, without recursion."""
    pending = list(reversed(list(graphs)))
    while pending:
        graph = pending.pop()
        for node in graph.nodes:
            if isinstance(node, Task):
                yield node
            elif isinstance(node, ExitHandler) and isinstance(node.exit, Task):
                yield node.exit
            if isinstance(node, Branch | Loop | ExitHandler):
                pending.extend(reversed(bodies(node)))


def _check_container(
    task: Task, component: Component, impl: ContainerImpl, containers: Containers, report: Diagnostics
) -> None:
    declared = (Label(component.span, f"`{component.name}` is declared here"),) if component.span.line else ()
    if containers != "host":
        report.error(
            "TP195",
            f"`{component.name}` is a container component, and containers do not run on this machine yet",
            task.span,
            f"this task needs the image {component.image}",
            others=declared,
            help="compile and run it on a cluster, or set TYPEDPIPE_CONTAINERS=host to run its command here without the image",
        )
        return
    first = (*impl.command, *impl.args)[:1]
    command = first[0] if first and isinstance(first[0], str) else None
    if not first or (command is not None and which(command) is None):
        what = f"the command `{command}` is not on this machine" if command else "it has no command of its own"
        report.error(
            "TP195",
            f"`{component.name}` cannot run without its image: {what}",
            task.span,
            f"this task needs the image {component.image}",
            others=declared,
            help=f"install `{command}`, or run it on a cluster" if command else "give it `command=[...]`",
        )


def _check_packages(task: Task, component: Component, impl: PythonImpl, report: Diagnostics) -> None:
    missing = [package for package in impl.packages if not installed(package)]
    if missing:
        names = ", ".join(f"`{package}`" for package in missing)
        report.error(
            "TP196",
            f"`{component.name}` needs packages that this Python does not have: {names}",
            task.span,
            "this task needs them",
            others=(Label(component.span, f"`{component.name}` asks for them here"),) if component.span.line else (),
            help=f"pip install {' '.join(repr(package) if set(package) & set('<>!~; ') else package for package in missing)}",
        )


@cache
def installed(requirement: str) -> bool:
    """Whether this Python has a distribution that meets a requirement, as far as its name and version say.

    >>> installed("no-such-package-at-all")
    False
    """
    from importlib import metadata

    name = re.match(r"[A-Za-z0-9][A-Za-z0-9._-]*", requirement.strip())
    if name is None:
        return True  # a path or an archive: nothing to compare with
    try:
        version = metadata.version(name.group())
    except metadata.PackageNotFoundError:
        return "://" in requirement and "@" not in requirement
    try:
        from packaging.requirements import InvalidRequirement, Requirement
    except ImportError:  # not a dependency of ours: then the name has to do
        return True
    try:
        wanted = Requirement(requirement)
    except InvalidRequirement:
        return True
    marked_out = wanted.marker is not None and not wanted.marker.evaluate()
    return marked_out or wanted.specifier.contains(version, prereleases=True)
