"""Where values may be used: nothing of a branch that may not have run, nothing of a loop that was not collected."""

from __future__ import annotations

from typedpipe.compiler.passes.guards import Guards
from typedpipe.compiler.passes.places import Use, known
from typedpipe.diagnostics.model import Diagnostics, Label, Span
from typedpipe.diagnostics.source import argument_span
from typedpipe.ir.nodes import (
    DEFAULT_OPTIONS,
    Branch,
    Call,
    Collected,
    Const,
    ExitHandler,
    FromExpr,
    FromInput,
    FromItem,
    FromTask,
    Loop,
    Node,
    OneOf,
    Operand,
    Pipeline,
    Task,
    Unwrap,
)
from typedpipe.ir.scopes import Scope, common, expr_operands, needed, node_operands
from typedpipe.ir.traced import TracedTypes, arm_of
from typedpipe.ir.typing import Ports
from typedpipe.types.model import is_optional


def check_scopes(pipeline: Pipeline, report: Diagnostics) -> Pipeline:
    """Report values that may not be there where they are used; nothing is changed.

    >>> report = Diagnostics()
    >>> from typedpipe.ir.nodes import Graph
    >>> _ = check_scopes(Pipeline("p", Graph()), report)
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
                if isinstance(node, Task | Call):
                    for name, operand in node.args:
                        if type(operand) is FromTask and home[operand.task] is scope and operand.task not in exits:
                            continue
                        if type(operand) is not Const:
                            self._check(Use(operand, scope, node.span, node, name))
                    if node.options is not DEFAULT_OPTIONS:
                        self._rest(node, scope)
                        if node.options.ignore_upstream_failure:
                            self._may_fail(node, scope)
                else:
                    self._group(node, scope)
                if node.after:
                    self._after(node, scope)
        for output in self.types.graph.outputs:
            self._check(Use(output.value, self.scopes.root, output.span))

    def _rest(self, node: Task | Call, scope: Scope) -> None:
        for operand in node_operands(node)[len(node.args) :]:
            self._check(Use(operand, scope, node.span, node))

    def _may_fail(self, node: Task | Call, scope: Scope) -> None:
        """A task that runs whatever became of those before it needs something to take in place of their outputs."""
        inputs = self.types.ports.inputs(node)
        for name, operand in node.args:
            port = inputs.get(name)
            if port is None or port.default is not None or is_optional(port.type):
                continue
            table = scope.graph.exprs
            leaves = [operand, *(o for i in needed(table, [operand]) for o in expr_operands(table[i]))]
            if any(isinstance(leaf, FromTask) for leaf in leaves):
                self.report.error(
                    "TP323",
                    f"`{name}` of `{node.name}` comes from a task that can fail, but has no default",
                    argument_span(node.span, name),
                    "there is no value if the upstream task fails",
                    help=f"add a default for `{name}` to the component, or remove `.ignore_upstream_failure()`",
                )

    def _group(self, node: Node, scope: Scope) -> None:
        if not isinstance(node, ExitHandler):
            for operand in node_operands(node):
                self._check(Use(operand, scope, node.span, node))
            return
        for name, operand in node.exit.args:
            self._check(Use(operand, scope, node.exit.span, node.exit, name))
        self._rest(node.exit, scope)

    # ----------------------------------------------------------------------------------------- operands

    def _check(self, use: Use) -> None:
        self._value(use.operand, use.scope, use.scope, use)

    def _value(self, operand: Operand, owner: Scope, at: Scope, use: Use) -> None:
        """Check that a value (with expressions of ``owner``'s table) is there in scope ``at``."""
        stack: list[tuple[Operand, Scope]] = [(operand, at)]
        while stack:
            operand, at = stack.pop()
            if isinstance(operand, FromExpr):
                key = (owner.index, operand.index, at.index)
                if key in self.good:
                    continue
                self.good.add(key)
                stack.extend(self._expr(operand, owner, at, use))
            elif not isinstance(operand, Const | FromInput):
                self._leaf(operand, owner, at, use)

    def _expr(self, operand: FromExpr, owner: Scope, at: Scope, use: Use) -> list[tuple[Operand, Scope]]:
        """Check an expression itself; its operands, and the scopes where they must be there."""
        expr = owner.graph.exprs[operand.index]
        if isinstance(expr, Collected):
            return self._collected(operand, expr, owner, at, use)
        if isinstance(expr, OneOf):
            return self._one_of(operand, expr, owner, at, use)
        if isinstance(expr, Unwrap) and not self.guards.holds(expr.value, owner, at):
            self.report.error(
                "TP310",
                "this value can be None here, because its `IfSet` has ended",
                use.place(self.types),
                "used outside the `with IfSet(...)` that defines it",
                help="use the value inside the `with`, or provide a default with `dsl.Some(value, default)`",
            )
        return [(inner, at) for inner in expr_operands(expr)]

    def _leaf(self, operand: Operand, owner: Scope, at: Scope, use: Use) -> None:
        home = self.types.home(operand, owner)
        if isinstance(operand, FromItem):
            if not at.inside(home):
                self.report.error(
                    "TP316",
                    "the item of a loop is used outside the loop",
                    use.place(self.types),
                    "there is no item here",
                    others=[Label(self.scopes.nodes[operand.loop].span, "the loop")],
                    help="use the item in the loop's body, or collect outputs of the body with `dsl.Collected(...)`",
                )
            return
        if isinstance(operand, FromTask) and operand.task in self.scopes.exits:
            self.report.error(
                "TP315",
                f"a value of the exit task `{operand.task}` cannot be used",
                use.place(self.types),
                "this task runs after everything else",
                others=[Label(self.scopes.nodes[operand.task].span, "the exit task")],
                help="create the value in a separate task",
            )
            return
        self._crossing(operand, home, at, use)

    def _crossing(self, operand: Operand, home: Scope, at: Scope, use: Use) -> None:
        """Report a value that leaves a branch or a loop, or its handler's body for the exit task."""
        if at.inside(home):
            return
        meeting = common(home, at)
        collects = isinstance(operand, FromExpr)
        way = list(home.up(meeting))
        if collects:  # a Collected leaves further loops, and the branches in them, by itself
            while any(isinstance(body.group, Loop) for body in way):
                way.pop(0)
        for body in way:
            if isinstance(body.group, Branch):
                self._unset(operand, body, use)
                return
            if isinstance(body.group, Loop):
                self._uncollected(operand, body, use)
                return
            if isinstance(body.group, ExitHandler) and use.node is body.group.exit:
                self._failed(operand, use)
                return

    def _producer(self, operand: Operand) -> tuple[str, list[Label]]:
        if isinstance(operand, FromTask):
            return f"`{operand.task}`", [Label(self.scopes.nodes[operand.task].span, f"`{operand.task}` runs here")]
        return "the collected value", []

    def _unset(self, operand: Operand, body: Scope, use: Use) -> None:
        name, others = self._producer(operand)
        assert isinstance(body.group, Branch)
        others.append(Label(body.group.arms[body.arm].span, "runs only if this branch is taken"))
        self.report.error(
            "TP310",
            f"{name} might not run: it is inside a branch, but its value is used outside the branch",
            use.place(self.types),
            "missing if the branch is not taken",
            others=others,
            help="use the value inside the branch, or combine one value from each branch with `dsl.OneOf(...)`",
        )

    def _uncollected(self, operand: Operand, body: Scope, use: Use) -> None:
        name, others = self._producer(operand)
        group = body.group
        assert group is not None
        others.append(Label(group.span, "runs once for each item of this loop"))
        self.report.error(
            "TP311",
            f"{name} runs once for each item of a loop, but its value is used outside the loop",
            use.place(self.types),
            "there is one value for each item",
            others=others,
            help="collect the values into a list with `dsl.Collected(...)`",
        )

    def _failed(self, operand: Operand, use: Use) -> None:
        name, others = self._producer(operand)
        self.report.error(
            "TP314",
            f"the exit task uses {name}, which can fail",
            use.place(self.types),
            "missing if the body of the handler fails",
            others=others,
            help="pass `PipelineTaskFinalStatus`, or values from outside the `ExitHandler`",
        )

    # ------------------------------------------------------------------------------- Collected and OneOf

    def _collected(
        self, operand: FromExpr, expr: Collected, owner: Scope, at: Scope, use: Use
    ) -> list[tuple[Operand, Scope]]:
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

    def _one_of(self, operand: FromExpr, expr: OneOf, owner: Scope, at: Scope, use: Use) -> list[tuple[Operand, Scope]]:
        homes = [self.types.home(value, owner) for value in expr.values]
        why, branch = self._chain(homes)
        if why:
            self.report.error(
                "TP313",
                f"`OneOf` takes one value from each branch of one chain: {why}",
                self._span(operand, owner, use),
                "does not have exactly one value in every case",
                others=[Label(branch.span, "the chain")] if branch else [],
                help="pass one value from each of `If`, `Elif` and `Else`; without `Else`, pass a last value from outside the chain",
            )
            return []
        self._crossing_one_of(operand, owner, at, use)
        return list(zip(expr.values, homes, strict=True))

    def _crossing_one_of(self, operand: FromExpr, owner: Scope, at: Scope, use: Use) -> None:
        home = self.types.home(operand, owner)
        if at.inside(home):
            return
        for body in home.up(common(home, at)):
            if isinstance(body.group, Branch):
                self._unset(operand, body, use)
                return
            if isinstance(body.group, Loop):
                self._uncollected(operand, body, use)
                return

    def _chain(self, homes: list[Scope]) -> tuple[str, Branch | None]:
        """Why values that live in these scopes are not one of each branch; and the chain."""
        first = arm_of(homes[0]) if homes else None
        if first is None or not isinstance(first.group, Branch) or first.parent is None:
            return "the first value is not in a branch", None
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
                return f"value {at + 1} is in another chain or not in a branch", branch
        if len(set(arms)) < len(arms):
            return "two values are in the same branch", branch
        has_else = branch.arms[-1].condition is None
        if len(arms) < len(branch.arms):
            return f"there are {len(branch.arms)} branches, but values from only {len(arms)}", branch
        if has_else and outside:
            return "there is an `Else`, but also a value from outside the chain", branch
        if not has_else and not outside:
            return "there is no `Else`, and no value from outside the chain", branch
        return "", branch

    def _span(self, operand: FromExpr, owner: Scope, use: Use) -> Span:
        spans = owner.graph.expr_spans
        return known(spans[operand.index], use.place(self.types)) if spans else use.place(self.types)

    # -------------------------------------------------------------------------------------------- order

    def _after(self, node: Node, scope: Scope) -> None:
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
                what = "another branch of the same chain" if isinstance(then, Branch) else "a group that contains it"
                self.report.error(
                    "TP317",
                    f"`{node.name}` waits for `{name}`, which is {what if other is then else 'in ' + what}",
                    node.span,
                    "this task can never start",
                    others=[Label(other.span, f"`{name}`")],
                    help="remove this `.after`",
                )
