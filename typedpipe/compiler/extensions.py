"""Extensions: packages that own task settings, identified by the key of the settings in the IR.

An extension is an object that an entry point of the group ``typedpipe.extensions`` names, by its key. It is loaded only
for a pipeline with settings that it owns.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Protocol, runtime_checkable

from typedpipe.compiler import registry
from typedpipe.compiler.pod import Pod
from typedpipe.diagnostics.model import Diagnostics
from typedpipe.diagnostics.words import nearest
from typedpipe.ir import nodes as ir
from typedpipe.types.json_text import json_data

GROUP = "typedpipe.extensions"
BUILTIN = {"kubernetes": "typedpipe.kubernetes.extension:extension"}


@runtime_checkable
class Extension(Protocol):
    """The owner of a key. ``data`` is the JSON of one task."""

    def problems(self, data: Any) -> list[tuple[str, str]]:
        """Errors in the data: messages, each with a help text."""
        ...

    def merge(self, data: Any, pod: Pod) -> None:
        """Add the settings to a task's pod."""
        ...


@lru_cache(maxsize=64)
def extension(key: str) -> Extension | None:
    """The owner of a key; None if no installed package owns it.

    Raises:
        PipelineError: TP391 if two packages claim the key, TP394 if its package is broken.
    """
    place = registry.place(key, GROUP, BUILTIN, "an extension")
    if place is None:
        return None
    found: Extension = registry.load(place, Extension, f"the extension `{key}`")
    return found


def check(node: ir.Task | ir.Call, report: Diagnostics) -> None:
    """Report settings without an owner (TP408), and those that their owner rejects (TP117)."""
    for key, text in node.options.extensions:
        owner = extension(key)
        if owner is None:
            known = registry.known(GROUP, BUILTIN)
            near = nearest(key, known)
            report.error(
                "TP408",
                f"no installed package owns the settings `{key}` of `{node.name}`",
                node.span,
                help=f"did you mean `{near}`?" if near else "install the package that brings them",
                notes=(f"installed: {', '.join(known)}",),
            )
        else:
            for message, help_ in owner.problems(json_data(text)):
                report.error("TP117", f"`{key}` settings of `{node.name}`: {message}", node.span, help=help_)


def merge(options: ir.Options, pod: Pod) -> None:
    """Add the settings of all extensions to a task's pod."""
    for key, text in options.extensions:
        owner = extension(key)
        assert owner is not None, "checked before"
        owner.merge(json_data(text), pod)
