"""Where values may be used: nothing of a branch that may not have run, nothing of a loop that was not collected."""

from __future__ import annotations

from typedpipe.compiler.passes.guards import Guards
from typedpipe.compiler.passes.places import Use, known
from typedpipe.diagnostics.model import Diagnostics, Label, Span
from typedpipe.diagnostics.source import argument_span
from typedpipe.ir import nodes as ir
from typedpipe.ir.scopes import Scope, common, expr_operands, needed, node_operands
from typedpipe.ir.traced import TracedTypes, arm_of
from typedpipe.ir.typing import Ports
from typedpipe.types.model import is_optional


def check_scopes(pipeline: ir.Pipeline, report: Diagnostics) -> ir.Pipeline:
    """Report values that may not be there where they are used; nothing is changed.

    >>> report = Diagnostics()
    >>> from typedpipe.ir.nodes import Graph
    >>> _ = check_scopes(ir.Pipeline("p", Graph()), report)
    >>> report.has_errors
    False
    """
    ports = Ports(pipeline)
    for graph in (pipeline.graph, *pipeline.pipelines.values()):
        _Checker(TracedTypes(pipeline, graph, ports), report).run()
    return pipeline


class _Checker:
    def __init__(self, types: TracedTypes, report: Diagnostics) -> None:
        self.types = types
        self.scopes = types.scopes
        self.report = report
        self.guards = Guards(types)
        self.good: set[tuple[int, int, int]] = set()

    def run(self) -> None:
        home = self.scopes.home
        exits = self.scopes.exits
        for scope in self.scopes.all:
            for node in scope.graph.nodes:
                if isinstance(node, ir.Task | ir.Call):
                    for name, operand in node.args:
                        if type(operand) is ir.FromTask and home[operand.task] is scope and operand.task not in exits:
                            continue
                        if type(operand) is not ir.Const:
                            self._check(Use(operand, scope, node.span, node, name))
                    if node.options is not ir.DEFAULT_OPTIONS:
                        self._rest(node, scope)
                        if node.options.ignore_upstream_failure:
                            self._may_fail(node, scope)
                else:
                    self._group(node, scope)
                if node.after:
                    self._after(node, scope)
        for output in self.types.graph.outputs:
            self._check(Use(output.value, self.scopes.root, output.span))

    def _rest(self, node: ir.Task | ir.Call, scope: Scope) -> None:
        for operand in node_operands(node)[len(node.args) :]:
            self._check(Use(operand, scope, node.span, node))

    def _may_fail(self, node: ir.Task | ir.Call, scope: Scope) -> None:
        """A task that runs whatever became of those before it needs something to take in place of their outputs."""
        inputs = self.types.ports.inputs(node)
        for name, operand in node.args:
            port = inputs.get(name)
            if port is None or port.default is not None or is_optional(port.type):
                continue
            table = scope.graph.exprs
            leaves = [operand, *(o for i in needed(table, [operand]) for o in expr_operands(table[i]))]
            if any(isinstance(leaf, ir.FromTask) for leaf in leaves):
                self.report.error(
                    "TP323",
                    f"`{name}` of `{node.name}` comes from a task that may fail, and has no default",
                    argument_span(node.span, name),
                    "taken when the task before failed: there is nothing to take",
                    help=f"give `{name}` a default in the component, or drop `.ignore_upstream_failure()`",
                )

    def _group(self, node: ir.Node, scope: Scope) -> None:
        if not isinstance(node, ir.ExitHandler):
            for operand in node_operands(node):
                self._check(Use(operand, scope, node.span, node))
            return
        for name, operand in node.exit.args:
            self._check(Use(operand, scope, node.exit.span, node.exit, name))
        self._rest(node.exit, scope)

    # ----------------------------------------------------------------------------------------- operands

    def _check(self, use: Use) -> None:
        self._value(use.operand, use.scope, use.scope, use)

    def _value(self, operand: ir.Operand, owner: Scope, at: Scope, use: Use) -> None:
        """Check that a value (with expressions of ``owner``'s table) is there in scope ``at``."""
        stack: list[tuple[ir.Operand, Scope]] = [(operand, at)]
        while stack:
            operand, at = stack.pop()
            if isinstance(operand, ir.FromExpr):
                key = (owner.index, operand.index, at.index)
                if key in self.good:
                    continue
                self.good.add(key)
                stack.extend(self._expr(operand, owner, at, use))
            elif not isinstance(operand, ir.Const | ir.FromInput):
                self._leaf(operand, owner, at, use)

    def _expr(self, operand: ir.FromExpr, owner: Scope, at: Scope, use: Use) -> list[tuple[ir.Operand, Scope]]:
        """Check an expression itself; its operands, and the scopes where they must be there."""
        expr = owner.graph.exprs[operand.index]
        if isinstance(expr, ir.Collected):
            return self._collected(operand, expr, owner, at, use)
        if isinstance(expr, ir.OneOf):
            return self._one_of(operand, expr, owner, at, use)
        if isinstance(expr, ir.Unwrap) and not self.guards.holds(expr.value, owner, at):
            self.report.error(
                "TP310",
                "this value may be None here: its `IfSet` has ended",
                use.place(self.types),
                "used outside the `with IfSet(...)` that names it",
                help="use it inside the `with`, or give it a default with `dsl.Some(value, default)`",
            )
        return [(inner, at) for inner in expr_operands(expr)]

    def _leaf(self, operand: ir.Operand, owner: Scope, at: Scope, use: Use) -> None:
        home = self.types.home(operand, owner)
        if isinstance(operand, ir.FromItem):
            if not at.inside(home):
                self.report.error(
                    "TP316",
                    "the item of a loop is used outside it",
                    use.place(self.types),
                    "there is no item here",
                    others=[Label(self.scopes.nodes[operand.loop].span, "the loop")],
                    help="use it in the loop's body, or collect what the body makes of it with `dsl.Collected(...)`",
                )
            return
        if isinstance(operand, ir.FromTask) and operand.task in self.scopes.exits:
            self.report.error(
                "TP315",
                f"a value of the exit task `{operand.task}` cannot be used",
                use.place(self.types),
                "this task runs when everything else is over",
                others=[Label(self.scopes.nodes[operand.task].span, "the exit task")],
                help="make the value in a task of its own",
            )
            return
        self._crossing(operand, home, at, use)

    def _crossing(self, operand: ir.Operand, home: Scope, at: Scope, use: Use) -> None:
        """Report a value that leaves a branch or a loop, or its handler's body for the exit task."""
        if at.inside(home):
            return
        meeting = common(home, at)
        collects = isinstance(operand, ir.FromExpr)
        way = list(home.up(meeting))
        if collects:  # a Collected leaves further loops, and the branches in them, by itself
            while any(isinstance(body.group, ir.Loop) for body in way):
                way.pop(0)
        for body in way:
            if isinstance(body.group, ir.Branch):
                self._unset(operand, body, use)
                return
            if isinstance(body.group, ir.Loop):
                self._uncollected(operand, body, use)
                return
            if isinstance(body.group, ir.ExitHandler) and use.node is body.group.exit:
                self._failed(operand, use)
                return

    def _producer(self, operand: ir.Operand) -> tuple[str, list[Label]]:
        if isinstance(operand, ir.FromTask):
            return f"`{operand.task}`", [Label(self.scopes.nodes[operand.task].span, f"`{operand.task}` runs here")]
        return "what was collected", []

    def _unset(self, operand: ir.Operand, body: Scope, use: Use) -> None:
        name, others = self._producer(operand)
        assert isinstance(body.group, ir.Branch)
        others.append(Label(body.group.arms[body.arm].span, "only if this branch is taken"))
        self.report.error(
            "TP310",
            f"{name} may not have run: it stands in a branch, and its value is used outside it",
            use.place(self.types),
            "not there when the branch was not taken",
            others=others,
            help="use it in the branch, or take one value of each branch with `dsl.OneOf(...)`",
        )

    def _uncollected(self, operand: ir.Operand, body: Scope, use: Use) -> None:
        name, others = self._producer(operand)
        group = body.group
        assert group is not None
        others.append(Label(group.span, "once for each item of this loop"))
        self.report.error(
            "TP311",
            f"{name} runs once for each item of a loop, and its value is used outside the loop",
            use.place(self.types),
            "which of its values is meant?",
            others=others,
            help="take the list of all of them with `dsl.Collected(...)`",
        )

    def _failed(self, operand: ir.Operand, use: Use) -> None:
        name, others = self._producer(operand)
        self.report.error(
            "TP314",
            f"the exit task uses {name}, which may have failed",
            use.place(self.types),
            "not there when the body of the handler failed",
            others=others,
            help="let it take `PipelineTaskFinalStatus`, or values from outside the `ExitHandler`",
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
                "`Collected` takes a value of a loop, but this value is in none",
                self._span(operand, owner, use),
                "one value, not many",
                help="leave out `Collected`",
            )
            return [(expr.value, home)]
        if at.inside(body):
            self.report.error(
                "TP312",
                "`Collected` is used inside the loop whose values it collects",
                self._span(operand, owner, use),
                "the loop is still running here",
                others=[Label(body.group.span, "the loop")],
                help="use it after the loop",
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
                f"`OneOf` takes one value of each branch of one chain: {why}",
                self._span(operand, owner, use),
                "not one value in every case",
                others=[Label(branch.span, "the chain")] if branch else [],
                help="give it one value of each of `If`, `Elif`, `Else`; without `Else`, a last one from outside them",
            )
            return []
        self._crossing_one_of(operand, owner, at, use)
        return list(zip(expr.values, homes, strict=True))

    def _crossing_one_of(self, operand: ir.FromExpr, owner: Scope, at: Scope, use: Use) -> None:
        home = self.types.home(operand, owner)
        if at.inside(home):
            return
        for body in home.up(common(home, at)):
            if isinstance(body.group, ir.Branch):
                self._unset(operand, body, use)
                return
            if isinstance(body.group, ir.Loop):
                self._uncollected(operand, body, use)
                return

    def _chain(self, homes: list[Scope]) -> tuple[str, ir.Branch | None]:
        """Why values that live in these scopes are not one of each branch; and the chain."""
        first = arm_of(homes[0]) if homes else None
        if first is None or not isinstance(first.group, ir.Branch) or first.parent is None:
            return "the first value stands in no branch", None
        branch = first.group
        arms: list[int] = []
        outside = False
        for at, home in enumerate(homes):
            arm = arm_of(home)
            if arm is not None and arm.group is branch:
                arms.append(arm.arm)
            elif at == len(homes) - 1 and first.parent.inside(home):
                outside = True
            else:
                return f"value {at + 1} stands in another one or in none", branch
        if len(set(arms)) < len(arms):
            return "two values stand in the same branch", branch
        has_else = branch.arms[-1].condition is None
        if len(arms) < len(branch.arms):
            return f"there are {len(branch.arms)} branches, and values of {len(arms)}", branch
        if has_else and outside:
            return "there is an `Else`, and a value from outside too", branch
        if not has_else and not outside:
            return "there is no `Else`, and no value for its case", branch
        return "", branch

    def _span(self, operand: ir.FromExpr, owner: Scope, use: Use) -> Span:
        spans = owner.graph.expr_spans
        return known(spans[operand.index], use.place(self.types)) if spans else use.place(self.types)

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
                what = "another branch of the same chain" if isinstance(then, ir.Branch) else "what it stands in"
                self.report.error(
                    "TP317",
                    f"`{node.name}` waits for `{name}`, which is {what if other is then else 'in ' + what}",
                    node.span,
                    "this can never be",
                    others=[Label(other.span, f"`{name}`")],
                    help="remove this `.after`",
                )
