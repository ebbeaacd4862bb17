"""Blocks: shared behavior of all control-flow groups."""

from __future__ import annotations

from typedpipe.dsl.marker_form import present
from typedpipe.dsl.tracing import GraphBuilder, Site, caller_site, current, error, fatal, node_name, trace_for
from typedpipe.dsl.values import markers


class Group:
    """Base of all groups: they are entered once, and add a node to the enclosing graph."""

    kind = "group"

    def __init__(self, name: str = "") -> None:
        self._site: Site | None = caller_site(3)
        self._entered = self._left = False
        self._name = ""
        self._wanted = _group_name(name, type(self).__name__)
        self._builder: GraphBuilder | None = None
        self._trace = trace_for(type(self).__name__)
        self._trace.groups.append(self)

    def _check_entry(self) -> None:
        """Reject a second entry, before the block adds anything to the graph."""
        if current() is not self._trace or self._entered:
            fatal(
                "TP163",
                f"this `dsl.{type(self).__name__}` {'is entered twice' if self._entered else 'belongs to another pipeline'}",
                help="use a separate object for each block: `with dsl.If(...):`",
            )

    def _enter(self, kind: str, name: str) -> GraphBuilder:
        trace = self._trace
        self._entered = True
        self._name = name
        self._builder = GraphBuilder(kind, trace.builder, name)
        trace.builder = self._builder
        return self._builder

    def _leave(self) -> None:
        assert self._builder is not None
        assert self._builder.parent is not None
        self._left = True
        self._trace.builder = self._builder.parent

    def __exit__(self, *exc: object) -> None:
        if self._builder is not None:
            self._leave()

    def _tp_no_value(self) -> tuple[str, str]:
        return f"a `dsl.{type(self).__name__}`, which is not a value", "pass an output of a task inside the block"

    def _unfinished(self) -> str:
        """Error about parts missing at the end of the function, if any."""
        if not self._entered:
            return "is never entered, so it has no effect"
        return "" if self._left else "is entered but never exited"


def _group_name(name: object, word: str) -> str:
    """Name given by the user, as a node name; "" without one."""
    if isinstance(name, str) and not present(name):
        return node_name(name) if name.strip() else ""
    if name is not None:
        markers.told(current())
        error("TP161", f"the name of a `dsl.{word}` must be a constant string", help='remove it, or write `name="…"`')
    return ""
