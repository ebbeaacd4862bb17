"""Check of a pipeline against a backend's table of features: one walk for all backends.

The features are

* ``input.artifact``, ``input.required``: an input of the pipeline that has no default: an artifact, or any other;
* ``branch``, ``loop``, ``loop.parallelism``, ``exit_handler``, ``importer``, ``call``: nodes;
* ``task.OPTION``, ``call.OPTION``: an option, named as in :data:`typedpipe.ir.options.OPTIONS`, of a task or of a called
  pipeline. A third part distinguishes several reasons to reject one option: ``task.retry.factor``. Extensions that
  are supported are checked by the packages that own them.
"""

from __future__ import annotations

import re

from typedpipe.compiler.backend import No, Support
from typedpipe.diagnostics.model import Diagnostic, Diagnostics, Label, Span
from typedpipe.ir import nodes as ir
from typedpipe.ir.edges import all_graphs
from typedpipe.ir.options import set_options
from typedpipe.types.model import is_artifact

_WORDS = re.compile(r"(?<=[a-z])(?=[A-Z])")
"""Between the words of a node's class, whose name the feature has."""


def check(pipeline: ir.Pipeline, support: Support, engine: str, report: Diagnostics) -> None:
    """Report each feature of the pipeline that the table does not support, at the user's line."""
    checker = _Checker(support, engine, report)
    for port in pipeline.graph.inputs:
        if port.required:
            feature = "input.artifact" if is_artifact(port.type) else "input.required"
            checker.refuse(feature, f"the input `{port.name}`", port.span if port.span.file else pipeline.span)
    for graph in all_graphs(pipeline):
        for node in graph.nodes:
            checker.node(node)
    checker.omissions()


class _Checker:
    """Unsupported features of a table, and the context of their reports."""

    def __init__(self, support: Support, engine: str, report: Diagnostics) -> None:
        self._engine = engine
        self._report = report
        self._refusals: dict[str, list[No]] = {}
        self._omitted: dict[No, list[ir.Task | ir.Call]] = {}
        for name, answer in support.answers.items():
            if isinstance(answer, No):
                self._refusals.setdefault(".".join(name.split(".")[:2]), []).append(answer)

    def node(self, node: ir.Node) -> None:
        """Report what is refused of a node, of its options, and of those of its exits."""
        if isinstance(node, (ir.Task, ir.Call)):
            if isinstance(node, ir.Call):
                self.refuse("call", f"the nested pipeline `{node.name}`", node.span)
            if node.options is not ir.DEFAULT_OPTIONS:
                self.options(node)
            return
        words = _WORDS.sub(" ", type(node).__name__).lower()
        self.refuse(words.replace(" ", "_"), f"the {words} `{node.name}`", node.span)
        if isinstance(node, ir.Loop) and node.parallelism:
            self.refuse("loop.parallelism", f"a limit of parallelism for `{node.name}`", node.span)
        for last in node.exits() if node.is_group else ():
            self.node(last)

    def options(self, node: ir.Task | ir.Call) -> None:
        """Report unsupported options of a node; each reason once."""
        side, kind = ("call", "the nested pipeline ") if isinstance(node, ir.Call) else ("task", "")
        said: list[No] = []
        if node.options.extensions and f"{side}.extensions" not in self._refusals:
            from typedpipe.compiler import extensions

            extensions.check(node, self._report)
        for row, value in set_options(node.options):
            for refusal in self._refusals.get(f"{side}.{row.name}", ()):
                if refusal in said or not (refusal.when is None or refusal.when(value)):
                    continue
                said.append(refusal)
                if refusal.omitted:
                    self._omitted.setdefault(refusal, []).append(node)
                else:
                    self._say(refusal, f"{refusal.what or f'`{row.name}`'} for {kind}`{node.name}`", node.span)

    def omissions(self) -> None:
        """Report each option that is omitted once, at the first task that sets it."""
        for refusal, nodes in self._omitted.items():
            more = len(nodes) - 1
            others = f" and {more} other task{'s' if more > 1 else ''}" if more else ""
            message = f"{refusal.what} for `{nodes[0].name}`{others} is omitted"
            self._report.add(
                Diagnostic("TP405", message, Label(nodes[0].span, refusal.why), help=refusal.help, severity="warning")
            )

    def refuse(self, feature: str, what: str, span: Span) -> None:
        """Report a feature if it is unsupported."""
        for refusal in self._refusals.get(feature, ()):
            self._say(refusal, what, span)

    def _say(self, refusal: No, what: str, span: Span) -> None:
        message = f"{self._engine} does not support {what}"
        self._report.error("TP401", message, span, refusal.why, help=refusal.help)
