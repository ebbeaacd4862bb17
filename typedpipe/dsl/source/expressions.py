"""Facts about expressions, and reports of what they decide: the rules of :mod:`.decisions`."""

from __future__ import annotations

import ast
import types
from typing import Any, Final

from typedpipe.dsl.source import deciders
from typedpipe.dsl.source.facts import (
    NOT_RESOLVED,
    NOTHING,
    TEXT,
    VALUE,
    Dotted,
    Environment,
    Fact,
    LocalFunction,
    can_be_none,
    element,
    joined,
    list_of,
    part,
    task_of,
)
from typedpipe.dsl.source.kinds import is_function

_ORDER: Final = (ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE)
_VALUES: Final = frozenset({"Collected", "OneOf", "Some", "In", "Contains", "Not"})
"""Functions of typedpipe that return a value."""
_CONDITIONS: Final = frozenset({"If", "Elif", "Condition"})
"""Blocks whose condition is checked when it arrives."""


class Expressions:
    """Evaluates the expressions of one function to facts."""

    def name(self, name: str) -> Fact:
        raise NotImplementedError

    def bind(self, target: ast.AST, fact: Fact) -> None:
        raise NotImplementedError

    def add_item(self, name: str, item: Fact, key: object = None) -> None:
        raise NotImplementedError

    def report(self, code: str, message: str, node: ast.AST, help_: str) -> None:
        raise NotImplementedError

    def called(self, node: ast.Call, thing: object, given: list[Fact], named: dict[str, Fact]) -> Fact | None:
        raise NotImplementedError

    names: Environment
    main: bool
    """Whether it is the function that is checked, not a helper."""
    _quiet = False

    def of(self, node: ast.expr) -> Fact:
        """The facts of an expression. A decision that it makes is reported."""
        known = getattr(self, f"_{type(node).__name__.lower()}", None)
        if known is not None:
            fact: Fact = known(node)
            return fact
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                self.of(child)
        return NOTHING

    # --------------------------------------------------------------------------------------------- decisions

    def _text_problem(self, node: ast.AST, done: str, instead: str) -> None:
        self.report(
            "TP159",
            f"{done} text that contains a pipeline value, because the value is known only when the pipeline runs",
            node,
            f"pass the f-string unchanged, and {instead} in the component that receives it",
        )

    def _value_problem(self, node: ast.expr | ast.Match, help_: str) -> None:
        shown = f"match {ast.unparse(node.subject)}:" if isinstance(node, ast.Match) else ast.unparse(node)
        shown = shown if len(shown) <= 60 else shown[:57] + "..."
        self.report(
            "TP150",
            f"`{shown}` is decided when the pipeline is defined, but the value is known only when the pipeline runs",
            node,
            help_,
        )

    def tested(self, node: ast.expr) -> Fact:
        """An expression whose truth is tested. A value reports this itself."""
        fact = self.of(node)
        if fact.kind == "text":
            self._text_problem(node, "Python cannot test", "test it")
        return fact

    def iterated(self, node: ast.expr) -> Fact:
        """An item of an expression that is looped over. A value reports this itself."""
        fact = self.of(node)
        if fact.kind == "text":
            self._text_problem(node, "Python cannot loop over", "loop over it")
            return NOTHING
        return element(fact)

    def matched(self, node: ast.Match, subject: Fact) -> None:
        if subject.kind == "text":
            self._text_problem(node.subject, "`match` cannot test", "match it")
        elif subject.kind == "value" and not isinstance(
            node.cases[0].pattern, ast.MatchValue
        ):  # else it reports itself
            self._value_problem(
                node, "use `with dsl.If(value == …):` with `dsl.Elif` and `dsl.Else`, or `dsl.IfSet(value)`"
            )

    # ------------------------------------------------------------------------------------------- expressions

    def _name(self, node: ast.Name) -> Fact:
        return self.name(node.id)

    def _constant(self, _: ast.Constant) -> Fact:
        return NOTHING

    def _joinedstr(self, node: ast.JoinedStr, whole: ast.JoinedStr | None = None) -> Fact:
        """The text of an f-string, or of a format specification in ``whole``.

        Errors point to the whole f-string: Python 3.11 does not record where its parts are.
        """
        late = False
        whole = whole or node
        for value in node.values:
            if not isinstance(value, ast.FormattedValue):
                continue
            fact = self.of(value.value)
            late = late or fact.is_late
            if isinstance(value.format_spec, ast.JoinedStr) and value.format_spec.values:
                self._joinedstr(value.format_spec, whole)
                if fact.kind == "text":
                    self._text_problem(whole, "a format specification is not supported for", "format it")
                elif fact.kind == "value" and value.conversion != -1:
                    shown = ast.unparse(ast.JoinedStr([value]))
                    self.report(
                        "TP159",
                        f"`{shown}` would pad or cut the placeholder of a value that is known only when the pipeline runs",
                        whole,
                        f"remove `!{chr(value.conversion)}`, or format the value in a component",
                    )
        return TEXT if late else NOTHING

    def _binop(self, node: ast.BinOp) -> Fact:
        left, right = self.of(node.left), self.of(node.right)
        if isinstance(node.op, ast.Mod):
            if isinstance(node.left, ast.Constant) and isinstance(node.left.value, str):
                parts = [self.of(item) for item in node.right.elts] if isinstance(node.right, ast.Tuple) else right
                if deciders.pads_in_percent(node.left.value, parts):
                    self._text_problem(node, "a width is not supported for", "format it")
                return TEXT if right.is_late else NOTHING
            return TEXT if left.kind == "text" else NOTHING
        kinds = {left.kind, right.kind}
        if isinstance(node.op, ast.Add) and kinds & {"text", "value"}:
            return TEXT
        if isinstance(node.op, ast.Mult) and "text" in kinds:
            return TEXT
        if isinstance(node.op, ast.Add) and (left.items or right.items):
            return list_of(fact.items for fact in (left, right) if fact.items is not None)
        return VALUE if isinstance(node.op, ast.BitAnd | ast.BitOr) and "value" in kinds else NOTHING

    def _unaryop(self, node: ast.UnaryOp) -> Fact:
        if isinstance(node.op, ast.Not):
            self.tested(node.operand)
            return NOTHING
        fact = self.of(node.operand)
        return VALUE if isinstance(node.op, ast.Invert) and fact.kind == "value" else NOTHING

    def _boolop(self, node: ast.BoolOp) -> Fact:
        return joined([*(self.tested(value) for value in node.values[:-1]), self.of(node.values[-1])])

    def _ifexp(self, node: ast.IfExp) -> Fact:
        self.tested(node.test)
        return joined([self.of(node.body), self.of(node.orelse)])

    def _namedexpr(self, node: ast.NamedExpr) -> Fact:
        fact = self.of(node.value)
        self.bind(node.target, fact)
        return fact

    def _compare(self, node: ast.Compare) -> Fact:
        sides = [self.of(side) for side in (node.left, *node.comparators)]
        made = NOTHING
        for op, left, right, at in zip(node.ops, sides, sides[1:], node.comparators, strict=False):
            if isinstance(op, _ORDER):
                made = VALUE if "value" in (left.kind, right.kind) else NOTHING
                if not made.kind and any(side.kind == "text" or side.holds_text for side in (left, right)):
                    self._text_problem(node, "Python cannot compare", "compare it")
            elif isinstance(op, ast.In | ast.NotIn):
                looked = left.kind == "text" or right.kind == "text" or right.holds_text
                if looked and right.kind != "value" and left.kind != "value":
                    self._text_problem(node, "Python cannot compare", "compare it")
            elif not self._quiet:
                self._identity(node, left, right, at)
        return made

    def _identity(self, node: ast.Compare, left: Fact, right: Fact, at: ast.expr) -> None:
        is_none = isinstance(at, ast.Constant) and at.value is None
        late = next((side for side in (left, right) if side.kind == "value"), None)
        if late is None or (is_none and not can_be_none(late, unknown=self.main)):
            return
        help_ = (
            "use `with dsl.IfSet(value) as v:` and `with dsl.Else():`, or `dsl.Some(value, default)`"
            if is_none
            else "use `with dsl.If(value == …):`"
        )
        self._value_problem(node, help_)

    def _list(self, node: ast.List | ast.Tuple | ast.Set) -> Fact:
        made = list_of([self.of(item) for item in node.elts])
        if isinstance(node, ast.Set) and made.holds_text:
            self._text_problem(node, "a set cannot contain", "compare it")
        return made

    _tuple = _set = _list

    def _dict(self, node: ast.Dict) -> Fact:
        parts: dict[str, Fact] = {}
        facts: list[Fact] = []
        for key, value in zip(node.keys, node.values, strict=True):
            fact = self.of(value)
            facts.append((fact.items or NOTHING) if key is None else fact)
            if key is not None:
                self.of(key)
            if isinstance(key, ast.Constant) and isinstance(key.value, str):
                parts[key.value] = fact
        return Fact(items=joined(facts), parts=parts if len(parts) == len(node.keys) else None)

    def _starred(self, node: ast.Starred) -> Fact:
        return self.iterated(node.value)

    def _comprehension(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp) -> Fact:
        outer, self.names = self.names, Environment(self.names)
        for loop in node.generators:
            self.bind(loop.target, self.iterated(loop.iter))
            for test in loop.ifs:
                self.tested(test)
        if isinstance(node, ast.DictComp):
            self.of(node.key)
        made = Fact(items=self.of(node.value if isinstance(node, ast.DictComp) else node.elt))
        self.names = outer
        if isinstance(node, ast.SetComp) and made.holds_text:
            self._text_problem(node, "a set cannot contain", "compare it")
        return made

    _listcomp = _setcomp = _generatorexp = _dictcomp = _comprehension

    def _lambda(self, node: ast.Lambda) -> Fact:
        return Fact(thing=LocalFunction(node, self.names))

    def _subscript(self, node: ast.Subscript) -> Fact:
        of, key = self.of(node.value), self.of(node.slice)
        if of.kind == "text":
            self._text_problem(node, "Python cannot cut", "cut it")
            return NOTHING
        if key.kind == "text" and of.kind != "value":
            self._text_problem(node, "Python cannot look up", "look it up")
            return NOTHING
        if isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, str):
            return part(of, node.slice.value)
        return of if isinstance(node.slice, ast.Slice) else element(of)

    def _attribute(self, node: ast.Attribute) -> Fact:
        return self._attribute_of(self.of(node.value), node.attr)

    def _attribute_of(self, of: Fact, name: str) -> Fact:
        if of.kind == "task":
            return self._output(of, name)
        if of.kind == "value" or of.parts is not None:
            return part(of, name)
        if isinstance(of.thing, types.ModuleType):
            return Fact(thing=getattr(of.thing, name, NOT_RESOLVED))
        if isinstance(of.thing, Dotted):
            return Fact(thing=Dotted(f"{of.thing.name}.{name}"))
        if of.thing is NOT_RESOLVED:
            return VALUE if name in ("output", "outputs") else NOTHING
        return Fact(thing=deciders.method(of.thing, name))

    def _output(self, task: Fact, name: str) -> Fact:
        outputs = task.parts or {}
        if name == "output":
            return next(iter(outputs.values())) if len(outputs) == 1 else VALUE
        if name == "outputs":
            return Fact("value", parts=outputs or None)
        return NOTHING

    # ------------------------------------------------------------------------------------------------- calls

    def _call(self, node: ast.Call) -> Fact:
        of = self.of(node.func.value) if isinstance(node.func, ast.Attribute) else NOTHING
        target = self._attribute_of(of, node.func.attr) if isinstance(node.func, ast.Attribute) else self.of(node.func)
        quiet, self._quiet = self._quiet, self._quiet or _of_ours(target.thing) in _CONDITIONS
        given = [self.of(argument) for argument in node.args]
        named = {keyword.arg or "": self.of(keyword.value) for keyword in node.keywords}
        self._quiet = quiet
        if isinstance(node.func, ast.Attribute) and target.thing is NOT_RESOLVED:
            return self._method(node, node.func, of, given, named)
        followed = self.called(node, target.thing, given, named)
        if followed is not None:
            return followed
        ours = _of_ours(target.thing)
        return self._typedpipe(ours, target.thing, given) if ours else self._library(node, target.thing, given, named)

    def _typedpipe(self, name: str, thing: Any, given: list[Fact]) -> Fact:
        if name in _VALUES:
            return VALUE
        if name == "ParallelFor":
            return Fact("value", element(given[0]).type) if given else VALUE
        if name == "IfSet":
            from typedpipe.types.model import without_none

            type_ = given[0].type if given else None
            return Fact("value", without_none(type_) if type_ is not None else None)
        if name in _CONDITIONS or name in ("Else", "ExitHandler"):
            return NOTHING
        return Fact("task") if is_function(thing) else task_of(thing)

    def _library(self, node: ast.Call, thing: object, given: list[Fact], named: dict[str, Fact]) -> Fact:
        name = deciders.dotted(thing)
        facts = [*given, *named.values()]
        texts = [fact for fact in facts if fact.kind == "text"]
        held = any(fact.holds_text for fact in facts)
        short = name.removeprefix("builtins.")
        if name in deciders.TYPE_TESTS and not self._quiet and given and given[0].kind == "value" and len(given) < 3:
            self._value_problem(node, "test the value in a component, or declare its type")
        elif name in deciders.ORDERING and (held or len(texts) > 0):
            self._text_problem(node, f"`{short}()` cannot compare", "compare it")
        elif name in deciders.TESTING and held:
            self._text_problem(node, f"`{short}()` cannot test", "test it")
        elif texts and deciders.reads_text(name):
            short = short.replace("posixpath.", "os.path.").replace("ntpath.", "os.path.")
            self._text_problem(node, f"`{short}()` cannot be called on", f"call `{short}()`")
        elif name == "builtins.format" and len(given) + len(named) > 1 and given[0].kind == "text":
            self._text_problem(node, "a format specification is not supported for", "format it")
        if name in deciders.KEEPING:
            return TEXT if any(fact.is_late for fact in facts) else NOTHING
        if name in deciders.COPYING and given:
            return Fact(items=given[0].items)
        if name in ("builtins.zip", "builtins.map") and given:
            return Fact(items=Fact(items=joined(fact.items for fact in given if fact.items is not None)))
        if name == "re.compile":
            return Fact(thing=Dotted("re.Pattern"))
        if isinstance(thing, type) and name.partition(".")[0] != "builtins":
            fields = list(getattr(thing, "_fields", None) or getattr(thing, "__dataclass_fields__", {}))
            return Fact(parts={**dict(zip(fields, given, strict=False)), **named}) if fields else NOTHING
        return NOTHING

    def _method(self, node: ast.Call, func: ast.Attribute, of: Fact, given: list[Fact], named: dict[str, Fact]) -> Fact:
        facts = [*given, *named.values()]
        name = func.attr
        if of.kind == "task":
            return of
        if of.kind == "text" and name not in deciders.KEEPING_METHODS:
            self._text_problem(node, f"`.{name}()` cannot be called on", f"call `.{name}()`")
            return NOTHING
        if of.kind == "value":
            return NOTHING
        if name in deciders.KEEPING_METHODS or name in deciders.RENDERING:
            return self._formatted(node, func, of, given, named)
        if name == "sort" and of.holds_text:
            self._text_problem(node, "`.sort()` cannot compare", "compare it")
        elif any(fact.kind == "text" for fact in facts):
            if name in deciders.LOOKUPS or (of.holds_text and name in ("index", "count", "remove")):
                self._text_problem(node, f"`.{name}()` cannot look up", "look it up")
            elif name in deciders.SEARCHES or deciders.reads_text(deciders.method_of(of.thing, name)):
                self._text_problem(node, f"`.{name}()` cannot compare", "compare it")
        if name in ("append", "insert", "add", "extend", "update") and isinstance(func.value, ast.Name):
            for fact in facts:
                self.add_item(func.value.id, element(fact) if name in ("extend", "update") else fact)
        if name in ("get", "pop", "setdefault") and given and isinstance(node.args[0], ast.Constant):
            return joined([part(of, str(node.args[0].value)), *given[1:]])
        return Fact(items=of.items) if name in ("values", "items", "copy") else NOTHING

    def _formatted(
        self, node: ast.Call, func: ast.Attribute, of: Fact, given: list[Fact], named: dict[str, Fact]
    ) -> Fact:
        facts = [of, *given, *named.values()]
        text = func.value.value if isinstance(func.value, ast.Constant) else ""
        if func.attr == "join" and given and given[0].kind == "text":
            self._text_problem(node, "`.join()` cannot loop over", "join it")
        elif func.attr == "format" and isinstance(text, str) and deciders.pads_in_format(text, given, named):
            self._text_problem(node, "a format specification is not supported for", "format it")
        return TEXT if any(fact.is_late for fact in facts) else NOTHING


def _of_ours(thing: object) -> str:
    """The name of an object of typedpipe: a block, a function, a component or a pipeline; "" for anything else."""
    module = (
        getattr(thing, "__module__", None) if isinstance(thing, type) or is_function(thing) else type(thing).__module__
    )
    if isinstance(thing, Dotted) or not isinstance(module, str) or module.partition(".")[0] != "typedpipe":
        return ""
    return str(getattr(thing, "__name__", None) or type(thing).__name__)
