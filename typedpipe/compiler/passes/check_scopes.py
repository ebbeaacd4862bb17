"""Scopes in which values can be used: none from a branch that might not run, none from a loop without Collected."""

from __future__ import annotations

from typedpipe.compiler.passes.cache_keys import check_cache_keys
from typedpipe.compiler.passes.guards import Guards
from typedpipe.compiler.passes.labels import Use, known
from typedpipe.diagnostics.model import Diagnostics, Label, Span
from typedpipe.diagnostics.source import argument_span
from typedpipe.ir import nodes as ir
from typedpipe.ir.edges import decisions, expr_operands, leaves
from typedpipe.ir.options import option_operands
from typedpipe.ir.scopes import Scope, common
from typedpipe.ir.typing import Ports, TracedTypes
from typedpipe.types.model import is_optional


def check_scopes(pipeline: ir.Pipeline, report: Diagnostics) -> ir.Pipeline:
    """Report values that might be missing where they are used; nothing is changed.

    >>> report = Diagnostics()
    >>> from typedpipe.ir.nodes import Graph
    >>> _ = check_scopes(ir.Pipeline("p", Graph()), report)
    >>> report.has_errors
    False
    """
    ports = Ports(pipeline)
    keyed: list[ir.Task] = []
    for graph in (pipeline.graph, *pipeline.pipelines.values()):
        _Checker(TracedTypes(pipeline, graph, ports), report, keyed).run()
    if keyed:
        check_cache_keys(keyed, pipeline, report)
    return pipeline


def is_uncollected(types: TracedTypes, use: Use) -> bool:
    """Whether a value is used in the wrong place of its loop, so that its type there follows from that mistake."""
    report = Diagnostics()
    _Checker(types, report, []).check(use)
    return any(item.code in ("TP311", "TP312", "TP316") for item in report)


class _Checker:
    def __init__(self, types: TracedTypes, report: Diagnostics, keyed: list[ir.Task]) -> None:
        self.types = types
        self.keyed = keyed
        """Tasks with a cache key of the user's."""
        self.scopes = types.scopes
        self.report = report
        self.guards: Guards | None = None
        """Made when there is an ``IfSet`` to look for."""
        self.good: set[tuple[int, int, int]] = set()

    def run(self) -> None:
        for scope in self.scopes.all:
            for node in scope.graph.nodes:
                if isinstance(node, (ir.Task, ir.Call)):
                    self._call(node, scope)
                    if node.options.ignore_upstream_failure:
                        self._may_fail(node, scope)
                else:
                    for operand in decisions(node):
                        if not self._there(operand, scope):
                            self.check(Use(operand, scope, node.span, node))
                    for last in node.exits():
                        self._call(last, scope)
                if node.after:
                    self._after(node, scope)
        for output in self.types.graph.outputs:
            if not self._there(output.value, self.scopes.root):
                returned = "" if isinstance(output.value, ir.FromExpr) else output.name
                self.check(Use(output.value, self.scopes.root, output.span, returned=returned))

    def _there(self, operand: ir.Operand, scope: Scope) -> bool:
        """Whether an operand is certainly available: a constant, an input, or a task of the same scope."""
        kind = type(operand)
        if kind is ir.FromTask:
            name = operand.task  # type: ignore[union-attr]  # faster than isinstance
            return self.scopes.home[name] is scope and name not in self.scopes.exits
        return kind is ir.Const or kind is ir.FromInput

    def _call(self, node: ir.Task | ir.Call, scope: Scope) -> None:
        for name, operand in node.args:
            if not self._there(operand, scope):
                self.check(Use(operand, scope, node.span, node, name))
        if node.options is not ir.DEFAULT_OPTIONS:
            for _, operand in option_operands(node.options):
                self.check(Use(operand, scope, node.span, node))
            if isinstance(node, ir.Task) and node.options.cache_key:
                self.keyed.append(node)

    def _may_fail(self, node: ir.Task | ir.Call, scope: Scope) -> None:
        """Require a replacement for the outputs of upstream tasks if a task runs whatever their result."""
        inputs = self.types.ports.inputs(node)
        for name, operand in node.args:
            port = inputs.get(name)
            if port is None or port.default is not None or is_optional(port.type):
                continue
            if any(isinstance(leaf, ir.FromTask) for leaf in leaves(scope.graph.exprs, [operand])):
                self.report.error(
                    "TP323",
                    f"`{name}` of `{node.name}` comes from a task that can fail, but has no default",
                    argument_span(node.span, name),
                    "there is no value if the upstream task fails",
                    help=f"add a default for `{name}` to the component, or remove `.ignore_upstream_failure()`",
                )

    # ----------------------------------------------------------------------------------------- operands

    def check(self, use: Use) -> None:
        self._value(use.operand, use.scope, use.scope, use)

    def _value(self, operand: ir.Operand, owner: Scope, at: Scope, use: Use) -> None:
        """Check that a value (with expressions of ``owner``'s table) is available in scope ``at``."""
        stack: list[tuple[ir.Operand, Scope]] = [(operand, at)]
        while stack:
            operand, at = stack.pop()
            if isinstance(operand, ir.FromExpr):
                key = (owner.index, operand.index, at.index)
                if key in self.good:
                    continue
                self.good.add(key)
                stack.extend(self._expr(operand, owner, at, use))
            elif not isinstance(operand, (ir.Const, ir.FromInput)):
                self._leaf(operand, owner, at, use)

    def _expr(self, operand: ir.FromExpr, owner: Scope, at: Scope, use: Use) -> list[tuple[ir.Operand, Scope]]:
        """Check an expression itself; return its operands, and the scopes in which they must be available."""
        expr = owner.graph.exprs[operand.index]
        if isinstance(expr, ir.Collected):
            return self._collected(operand, expr, owner, at, use)
        if isinstance(expr, ir.OneOf):
            return self._one_of(operand, expr, owner, at, use)
        if isinstance(expr, ir.Unwrap) and not self._guarded(expr.value, owner, at):
            self.report.error(
                "TP310",
                "this value can be None here, because its `IfSet` has ended",
                use.primary_span(self.types),
                "used outside the `with IfSet(...)` that defines it",
                help="use the value inside the `with`, or provide a default with `dsl.Some(value, default)`",
            )
        return [(inner, at) for inner in expr_operands(expr)]

    def _guarded(self, value: ir.Operand, owner: Scope, at: Scope) -> bool:
        if self.guards is None:
            self.guards = Guards()
        return self.guards.holds(value, owner, at)

    def _leaf(self, operand: ir.Operand, owner: Scope, at: Scope, use: Use) -> None:
        home = self.types.home(operand, owner)
        if isinstance(operand, ir.FromItem):
            if not at.inside(home):
                self.report.error(
                    "TP316",
                    "the item of a loop is used outside the loop",
                    use.primary_span(self.types),
                    "there is no item here",
                    others=[Label(self.scopes.nodes[operand.loop].span, "the loop")],
                    help="use the item in the loop's body, or collect outputs of the body with `dsl.Collected(...)`",
                )
            return
        if isinstance(operand, ir.FromTask) and operand.task in self.scopes.exits:
            self.report.error(
                "TP315",
                f"a value of the exit task `{operand.task}` cannot be used",
                use.primary_span(self.types),
                "this task runs after everything else",
                others=[Label(self.scopes.nodes[operand.task].span, "the exit task")],
                help="create the value in a separate task",
            )
            return
        self._crossing(operand, home, at, use)

    def _crossing(self, operand: ir.Operand, home: Scope, at: Scope, use: Use) -> None:
        """Report a value that leaves a branch or a loop, or its handler's block for the exit task."""
        if at.inside(home):
            return
        meeting = common(home, at)
        collects = isinstance(operand, ir.FromExpr)
        way = list(home.up(meeting))
        if collects:  # a Collected leaves further loops, and the branches in them, by itself
            while any(body.role == "item" for body in way):
                way.pop(0)
        for body in way:
            if self._left(operand, body, use):
                return
            if body.group is not None and any(use.node is last for last in body.group.exits()):
                self._failed(operand, use)
                return

    def _left(self, operand: ir.Operand, body: Scope, use: Use) -> bool:
        """Report a value that leaves an arm or the body of a loop."""
        if body.role == "arm":
            self._unset(operand, body, use)
        elif body.role == "item":
            self._uncollected(operand, body, use)
        return body.role in ("arm", "item")

    def _producer(self, operand: ir.Operand) -> tuple[str, list[Label]]:
        if isinstance(operand, ir.FromTask):
            return f"`{operand.task}`", [Label(self.scopes.nodes[operand.task].span, f"`{operand.task}` runs here")]
        return "the collected value", []

    def _unset(self, operand: ir.Operand, body: Scope, use: Use) -> None:
        name, others = self._producer(operand)
        assert body.region is not None
        others.append(Label(body.region.span, "runs only if this branch is taken"))
        self.report.error(
            "TP310",
            f"{name} might not run: it is inside a branch, but its value is used outside the branch",
            use.primary_span(self.types),
            "missing if the branch is not taken",
            others=others,
            help="use the value inside the branch, or combine one value from each branch with `dsl.OneOf(...)`",
        )

    def _uncollected(self, operand: ir.Operand, body: Scope, use: Use) -> None:
        name, others = self._producer(operand)
        group = body.group
        assert group is not None
        others.append(Label(group.span, "runs once for each item of this loop"))
        self.report.error(
            "TP311",
            f"{name} runs once for each item of a loop, but its value is used outside the loop",
            use.primary_span(self.types),
            "there is one value for each item",
            others=others,
            help="collect the values into a list with `dsl.Collected(...)`",
        )

    def _failed(self, operand: ir.Operand, use: Use) -> None:
        name, others = self._producer(operand)
        self.report.error(
            "TP314",
            f"the exit task uses {name}, which can fail",
            use.primary_span(self.types),
            "missing if the body of the handler fails",
            others=others,
            help="pass `PipelineTaskFinalStatus`, or values from outside the `ExitHandler`",
        )

    # ------------------------------------------------------------------------------- Collected and OneOf

    def _collected(
        self, operand: ir.FromExpr, expr: ir.Collected, owner: Scope, at: Scope, use: Use
    ) -> list[tuple[ir.Operand, Scope]]:
        home = self.types.home(expr.value, owner)
        body = home.loop()
        if body is None or body.group is None:
            self.report.error(
                "TP312",
                "`Collected` takes a value from inside a loop, but this value is not in a loop",
                self._span(operand, owner, use),
                "a single value",
                help="remove `Collected`",
            )
            return [(expr.value, home)]
        if at.inside(body):
            self.report.error(
                "TP312",
                "`Collected` is used inside the loop whose values it collects",
                self._span(operand, owner, use),
                "still inside the loop",
                others=[Label(body.group.span, "the loop")],
                help="use `Collected` after the loop",
            )
            return []
        self._crossing(operand, self.types.home(operand, owner), at, use)
        return [(expr.value, home)]

    def _one_of(
        self, operand: ir.FromExpr, expr: ir.OneOf, owner: Scope, at: Scope, use: Use
    ) -> list[tuple[ir.Operand, Scope]]:
        homes = [self.types.home(value, owner) for value in expr.values]
        why, branch = self._chain(homes)
        if why:
            self.report.error(
                "TP313",
                f"`OneOf` requires exactly one value in every case: {why}",
                self._span(operand, owner, use),
                "may have no value, or more than one",
                others=[Label(branch.span, "the chain")] if branch else [],
                help="pass one value from each of `If`, `Elif` and `Else`; without `Else`, pass a last value from outside the chain",
            )
            return []
        self._crossing_one_of(operand, owner, at, use)
        return list(zip(expr.values, homes, strict=True))

    def _crossing_one_of(self, operand: ir.FromExpr, owner: Scope, at: Scope, use: Use) -> None:
        home = self.types.home(operand, owner)
        if at.inside(home):
            return
        for body in home.up(common(home, at)):
            if self._left(operand, body, use):
                return

    def _chain(self, homes: list[Scope]) -> tuple[str, ir.Group | None]:
        """The reason why values in these scopes are not one from each branch; and the chain of branches."""
        first = homes[0].branch() if homes else None
        if first is None or first.group is None or first.parent is None:
            return "the first value is not in a branch", None
        branch = first.group
        arms: list[int] = []
        outside = False
        for at, home in enumerate(homes):
            arm = home.branch()
            if arm is not None and arm.group is branch:
                arms.append(arm.arm)
            elif at == len(homes) - 1 and first.parent.inside(_around_handlers(home)):
                outside = True
            else:
                return f"value {at + 1} is in another chain or not in a branch", branch
        return _missing(arms, branch.regions(), outside), branch

    def _span(self, operand: ir.FromExpr, owner: Scope, use: Use) -> Span:
        spans = owner.graph.expr_spans
        return known(spans[operand.index], use.primary_span(self.types)) if spans else use.primary_span(self.types)

    # -------------------------------------------------------------------------------------------- order

    def _after(self, node: ir.Node, scope: Scope) -> None:
        for name in node.after:
            home = self.scopes.home[name]
            if home is scope:
                continue
            meeting = common(scope, home)
            if scope is meeting or home is meeting:
                then = node if scope is meeting else meeting.child(scope).group
                first = self.scopes.nodes[name] if home is meeting else meeting.child(home).group
            else:
                then, first = meeting.child(scope).group, meeting.child(home).group
            if then is first and then is not None:
                other = self.scopes.nodes[name]
                what = (
                    "another branch of the same chain"
                    if any(each.role == "arm" for each in then.regions())
                    else "a group that contains it"
                )
                self.report.error(
                    "TP317",
                    f"`{node.name}` waits for `{name}`, which is {what if other is then else 'in ' + what}",
                    node.span,
                    "this task can never start",
                    others=[Label(other.span, f"`{name}`")],
                    help="remove this `.after`",
                )


def _missing(arms: list[int], regions: tuple[ir.Region, ...], outside: bool) -> str:
    """The reason why values of these arms, and perhaps one from outside, do not cover every case."""
    if len(set(arms)) < len(arms):
        return "two values are in the same branch"
    has_else = regions[-1].condition is None
    if len(arms) < len(regions):
        return f"there are {len(regions)} branches, but values from only {len(arms)}"
    if has_else and outside:
        return "there is an `Else`, but also a value from outside the chain"
    if not has_else and not outside:
        return "there is no `Else`, and no value from outside the chain"
    return ""


def _around_handlers(scope: Scope) -> Scope:
    """The scope around the blocks of exit handlers, which run in every case."""
    while scope.group is not None and scope.group.exits() and scope.parent is not None:
        scope = scope.parent
    return scope
