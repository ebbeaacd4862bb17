"""Source check for what Python decides while a pipeline is traced, on values that are not there yet.

``note is None`` and ``isinstance(note, str)`` look at the placeholder of a value, and ``text == "a"`` at that of text with
a value in it: the program continues with the wrong answer. Tracing cannot see this, so the function's source is
followed, name by name, through helper functions of the user's too.
"""

from __future__ import annotations

import ast
import inspect
import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from typedpipe.diagnostics.model import Diagnostics, Label, Span
from typedpipe.dsl.source.expressions import Expressions
from typedpipe.dsl.source.facts import (
    NOTHING,
    VALUE,
    Dotted,
    Environment,
    Fact,
    LocalFunction,
    element,
    joined,
)
from typedpipe.dsl.source.files import ParsedFile, definition_of
from typedpipe.dsl.source.kinds import is_function
from typedpipe.dsl.tracing import is_users_file

_DEPTH: Final = 20
"""Helper functions that call each other: deeper calls are not followed."""


@dataclass
class Check:
    """One check of a pipeline or a container component."""

    report: Diagnostics
    help: str = ""
    """The remedy where a component cannot be one."""
    known: dict[Any, Fact] = field(default_factory=dict[Any, Fact])
    """Results of functions, by function and arguments; also of those that are being followed."""
    places: set[Span] = field(default_factory=set[Span])
    depth: int = 0
    found: int = 0


def check_decisions(fn: Any, inputs: Mapping[str, Fact], report: Diagnostics, help_: str = "") -> bool:
    """Report what a function decides on values that are known only when the pipeline runs; return whether it does."""
    check = Check(report, help_)
    found = definition_of(fn)
    if found is None:
        return False
    file, node = found
    names = Environment()
    names.names.update({arg.arg: inputs.get(arg.arg, VALUE) for arg in _arguments(node)})
    try:
        Function(check, file, _Outside(fn), names, main=True).run(node)
    except RecursionError:
        pass  # an expression of hundreds of operators, which nobody wrote by hand
    return check.found > 0


def _arguments(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> list[ast.arg]:
    return [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]


class _Outside:
    """Names that a function takes from outside itself."""

    def __init__(self, fn: Any) -> None:
        self.spaces: list[Mapping[str, Any]] = [fn.__globals__, _BUILTINS]
        if fn.__closure__:
            cells = zip(fn.__code__.co_freevars, fn.__closure__, strict=True)
            self.spaces.insert(0, {name: cell.cell_contents for name, cell in cells if _is_filled(cell)})

    def get(self, name: str) -> Fact:
        return next((Fact(thing=space[name]) for space in self.spaces if name in space), NOTHING)


def _is_filled(cell: types.CellType) -> bool:
    try:
        _ = cell.cell_contents
    except ValueError:
        return False
    return True


_BUILTINS: Final[Mapping[str, Any]] = vars(__import__("builtins"))


class Function(Expressions):
    """One function that is followed: its statements, in the order in which they run."""

    def __init__(
        self,
        check: Check,
        file: ParsedFile,
        outside: _Outside,
        names: Environment,
        *,
        main: bool = False,
        origin: Span | None = None,
    ) -> None:
        self.check = check
        self.file = file
        self.outside = outside
        self.names = names
        self.main = main
        self.origin = origin
        self.returned: list[Fact] = []

    def run(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> Fact:
        """Follow the function, and return what is known about its result."""
        if isinstance(node, ast.Lambda):
            return self.of(node.body)
        self.block(node.body)
        return joined(self.returned)

    def name(self, name: str) -> Fact:
        return self.names.get(name) or self.outside.get(name)

    def report(self, code: str, message: str, node: ast.AST, help_: str) -> None:
        span = self.file.span(node)
        if span in self.check.places:
            return
        self.check.places.add(span)
        self.check.found += 1
        others = [Label(self.origin, "called here")] if self.origin is not None else []
        self.check.report.error(code, message, span, others=others, help=self.check.help or help_)

    # -------------------------------------------------------------------------------------------- statements

    def block(self, statements: list[ast.stmt]) -> None:
        for statement in statements:
            follow = getattr(self, f"_{type(statement).__name__.lower()}_statement", None)
            if follow is not None:
                follow(statement)
            else:
                for value in _values(statement):
                    self.of(value)

    def _branches(self, *blocks: list[ast.stmt]) -> None:
        outer, branches = self.names, []
        for block in blocks:
            self.names = Environment(outer)
            self.block(block)
            branches.append(self.names)
        self.names = outer
        outer.join(branches)

    def _if_statement(self, node: ast.If) -> None:
        self.tested(node.test)
        self._branches(node.body, node.orelse)

    def _while_statement(self, node: ast.While) -> None:
        self.tested(node.test)
        self._repeated(node.body)
        self.block(node.orelse)

    def _for_statement(self, node: ast.For) -> None:
        item = self.iterated(node.iter)
        self.bind(node.target, item)
        self._repeated(node.body)
        self.block(node.orelse)

    def _repeated(self, body: list[ast.stmt]) -> None:
        for _ in range(2):  # what the first pass binds, the second one reads
            self._branches(body, [])

    def _with_statement(self, node: ast.With) -> None:
        for item in node.items:
            entered = self.of(item.context_expr)
            if item.optional_vars is not None:
                self.bind(item.optional_vars, entered)
        self.block(node.body)

    def _try_statement(self, node: ast.Try) -> None:
        self._branches(node.body, *(handler.body for handler in node.handlers))
        self.block([*node.orelse, *node.finalbody])

    _trystar_statement = _try_statement

    def _match_statement(self, node: ast.Match) -> None:
        subject = self.of(node.subject)
        if any(_decides(case.pattern) or case.guard for case in node.cases):
            self.matched(node, subject)
        for case in node.cases:
            for name in _captures(case.pattern):
                self.names.names[name] = subject
            if case.guard is not None:
                self.tested(case.guard)
        self._branches(*(case.body for case in node.cases))

    def _assert_statement(self, node: ast.Assert) -> None:
        self.tested(node.test)

    def _return_statement(self, node: ast.Return) -> None:
        if node.value is not None:
            self.returned.append(self.of(node.value))

    def _assign_statement(self, node: ast.Assign) -> None:
        fact = self.of(node.value)
        for target in node.targets:
            self.bind(target, fact)

    def _annassign_statement(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.bind(node.target, self.of(node.value))

    def _augassign_statement(self, node: ast.AugAssign) -> None:
        if isinstance(node.target, ast.Name):
            read = ast.copy_location(ast.Name(node.target.id, ast.Load()), node.target)
            made = self.of(ast.copy_location(ast.BinOp(read, node.op, node.value), node))
            self.bind(node.target, made)
        else:
            self.of(node.value)

    def _functiondef_statement(self, node: ast.FunctionDef) -> None:
        self.names.names[node.name] = Fact(thing=LocalFunction(node, self.names))

    def _classdef_statement(self, node: ast.ClassDef) -> None:
        self.names.names[node.name] = NOTHING

    def _import_statement(self, node: ast.Import) -> None:
        for alias in node.names:
            name = alias.asname or alias.name.partition(".")[0]
            self.names.names[name] = _module(alias.name if alias.asname else name)

    def _importfrom_statement(self, node: ast.ImportFrom) -> None:
        for alias in node.names:
            module = _module(node.module or "").thing
            name = f"{node.module}.{alias.name}"
            thing = getattr(module, alias.name, Dotted(name)) if isinstance(module, types.ModuleType) else Dotted(name)
            self.names.names[alias.asname or alias.name] = Fact(thing=thing)

    def bind(self, target: ast.AST, fact: Fact) -> None:
        """Assign to a name, or unpack to several."""
        if isinstance(target, ast.Name):
            self.names.names[target.id] = fact
        elif isinstance(target, ast.Starred):
            self.bind(target.value, Fact(items=fact.items))
        elif isinstance(target, ast.Tuple | ast.List):
            parts = list(fact.parts.values()) if fact.parts is not None else []
            for at, inner in enumerate(target.elts):
                self.bind(inner, parts[at] if len(parts) == len(target.elts) else element(fact))
        elif isinstance(target, ast.Subscript | ast.Attribute) and isinstance(target.value, ast.Name):
            key = target.slice if isinstance(target, ast.Subscript) else ast.Constant(target.attr)
            self.add_item(target.value.id, fact, key.value if isinstance(key, ast.Constant) else None)

    def add_item(self, name: str, item: Fact, key: object = None) -> None:
        """A list, dict or object that holds one more item, under a key that may be known."""
        known = self.names.get(name)
        if known is None or known.kind:
            return
        items = item if known.items is None else joined([known.items, item])
        parts = {**(known.parts or {}), key: item} if isinstance(key, str) else None
        self.names.names[name] = Fact(items=items, parts=parts, thing=known.thing)

    # --------------------------------------------------------------------------------------------- functions

    def called(self, node: ast.Call, thing: object, given: list[Fact], named: dict[str, Fact]) -> Fact | None:
        """Follow a function of the user's; None for any other object."""
        if isinstance(thing, LocalFunction):
            inner = Function(self.check, self.file, self.outside, Environment(thing.names), main=self.main)
            inner.origin = self.origin
            return self._follow(inner, thing.node, (thing.node,), given, named)
        fn = inspect.unwrap(thing) if is_function(thing) else None
        if not is_function(fn) or not is_users_file(fn.__code__.co_filename):
            return None
        found = definition_of(fn)
        if found is None:
            return NOTHING
        inner = Function(self.check, found[0], _Outside(fn), Environment(), origin=self.file.span(node))
        own = isinstance(node.func, ast.Attribute) and "." in fn.__qualname__.rpartition("<locals>.")[2]
        is_bound = own and bool(found[1].args.args) and found[1].args.args[0].arg in ("self", "cls")
        return self._follow(inner, found[1], (fn.__code__,), [NOTHING, *given] if is_bound else given, named)

    def _follow(
        self,
        inner: Function,
        node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda,
        key: tuple[object, ...],
        given: list[Fact],
        named: dict[str, Fact],
    ) -> Fact:
        facts = _bound(node, given, named)
        whole = (*key, *((name, fact.kind, str(fact.type), fact.holds_text) for name, fact in facts.items()))
        if whole in self.check.known or self.check.depth >= _DEPTH:
            return self.check.known.get(whole, NOTHING)
        self.check.known[whole] = NOTHING
        self.check.depth += 1
        inner.names.names.update(facts)
        self.check.known[whole] = inner.run(node)
        self.check.depth -= 1
        return self.check.known[whole]


def _bound(
    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda, given: list[Fact], named: dict[str, Fact]
) -> dict[str, Fact]:
    """The facts of a function's parameters in one call."""
    by_position = [arg.arg for arg in (*node.args.posonlyargs, *node.args.args)]
    facts = {arg.arg: NOTHING for arg in _arguments(node)}
    facts.update(zip(by_position, given, strict=False))
    facts.update({name: fact for name, fact in named.items() if name in facts})
    if node.args.vararg is not None:
        facts[node.args.vararg.arg] = Fact(items=joined(given[len(by_position) :]))
    if node.args.kwarg is not None:
        rest = {name: fact for name, fact in named.items() if name not in facts}
        facts[node.args.kwarg.arg] = Fact(items=joined(rest.values()), parts=rest)
    return facts


def _values(statement: ast.stmt) -> Iterator[ast.expr]:
    return (child for child in ast.iter_child_nodes(statement) if isinstance(child, ast.expr))


def _decides(pattern: ast.pattern) -> bool:
    """Whether a pattern does not match everything."""
    return not (isinstance(pattern, ast.MatchAs) and pattern.pattern is None)


def _captures(pattern: ast.pattern) -> Iterator[str]:
    for part in ast.walk(pattern):
        if isinstance(part, ast.MatchAs) and part.name is not None:
            yield part.name


def _module(name: str) -> Fact:
    import sys

    return Fact(thing=sys.modules.get(name, Dotted(name)))
