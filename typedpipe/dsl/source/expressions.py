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
    Instance,
    LocalFunction,
    can_be_none,
    dict_of,
    element,
    item_at,
    joined,
    keys_of,
    list_of,
    merged,
    part,
    shape_of,
    task_of,
    texts_in,
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

    def add_item(self, holder: ast.expr, item: Fact, key: object = None) -> None:
        raise NotImplementedError

    def report(self, code: str, message: str, node: ast.AST, help_: str) -> None:
        raise NotImplementedError

    def called(self, node: ast.expr, of: Fact, thing: object, given: list[Fact], named: dict[str, Fact]) -> Fact | None:
        raise NotImplementedError

    def special(self, node: ast.expr, of: Fact, name: str, *given: Fact) -> Fact | None:
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
        elif self.special(node, fact, "__bool__") is None:
            self.special(node, fact, "__len__")
        return fact

    def iterated(self, node: ast.expr) -> Fact:
        """An item of an expression that is looped over. A value reports this itself."""
        fact = self.of(node)
        if fact.kind == "text":
            self._text_problem(node, "Python cannot loop over", "loop over it")
            return NOTHING
        made = self.special(node, fact, "__iter__")
        return made.items or NOTHING if made is not None else keys_of(fact)

    def matched_inside(self, node: ast.Match, pattern: ast.pattern, of: Fact, *, top: bool = False) -> None:
        """A pattern for a list, dict or object that holds a value."""
        if of.kind == "value" and not top and not isinstance(pattern, ast.MatchValue | ast.MatchAs | ast.MatchOr):
            if not isinstance(pattern, ast.MatchSingleton) or can_be_none(of, unknown=self.main):
                self._value_problem(node, "use `with dsl.If(value == …):` or `dsl.IfSet(value)` for the value inside")
        elif of.kind == "text" and not top and isinstance(pattern, ast.MatchValue):
            self._text_problem(node.subject, "`match` cannot test", "match it")
        inside: list[tuple[ast.pattern, Fact]] = []
        if isinstance(pattern, ast.MatchOr):
            inside = [(each, of) for each in pattern.patterns]
        elif isinstance(pattern, ast.MatchAs) and pattern.pattern is not None:
            inside = [(pattern.pattern, of)]
        elif isinstance(pattern, ast.MatchSequence) and not of.kind:
            exact = len(of.parts or ()) == len(pattern.patterns)
            inside = [(each, item_at(of, at) if exact else element(of)) for at, each in enumerate(pattern.patterns)]
        elif isinstance(pattern, ast.MatchMapping) and not of.kind:
            inside = [
                (each, item_at(of, _constant(key))) for key, each in zip(pattern.keys, pattern.patterns, strict=True)
            ]
        elif isinstance(pattern, ast.MatchClass) and not of.kind:
            inside = [(each, part(of, key)) for key, each in zip(pattern.kwd_attrs, pattern.kwd_patterns, strict=True)]
            inside += [(each, item_at(of, at)) for at, each in enumerate(pattern.patterns)]
        elif isinstance(pattern, ast.MatchStar):
            of = Fact(items=of)
        if isinstance(pattern, ast.MatchAs | ast.MatchStar) and pattern.name is not None:
            self.names.names[pattern.name] = of
        for each, fact in inside:
            self.matched_inside(node, each, fact, top=top and isinstance(pattern, ast.MatchOr | ast.MatchAs))

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

    def _constant(self, node: ast.Constant) -> Fact:
        return Fact(thing=node.value) if isinstance(node.value, str) else NOTHING

    def _joinedstr(self, node: ast.JoinedStr, whole: ast.JoinedStr | None = None) -> Fact:
        """The text of an f-string, or of a format specification in ``whole``.

        Errors point to the whole f-string: Python 3.11 does not record where its parts are.
        """
        late = False
        shape: list[str | None] = []
        whole = whole or node
        for value in node.values:
            if not isinstance(value, ast.FormattedValue):
                shape.append(_constant(value))
                continue
            fact = self._as_text(value.value, self.of(value.value), repr_=value.conversion in (ord("r"), ord("a")))
            late = late or fact.is_late
            shape.append(shape_of(fact))
            if isinstance(value.format_spec, ast.JoinedStr) and value.format_spec.values:
                self._joinedstr(value.format_spec, whole)
                if fact.kind == "text" or (not fact.kind and fact.is_late):
                    self._text_problem(whole, "a format specification is not supported for", "format it")
                elif fact.kind == "value" and value.conversion != -1:
                    shown = ast.unparse(ast.JoinedStr([value]))
                    self.report(
                        "TP159",
                        f"`{shown}` would pad or cut the placeholder of a value that is known only when the pipeline runs",
                        whole,
                        f"remove `!{chr(value.conversion)}`, or format the value in a component",
                    )
        return _text(shape) if late else NOTHING

    def _as_text(self, node: ast.expr, fact: Fact, *, repr_: bool = False) -> Fact:
        """What ``str()`` makes of an object: text of the user's class, if that has such a method."""
        made = None if repr_ else self.special(node, fact, "__str__")
        made = made or self.special(node, fact, "__repr__")
        return fact if made is None else made

    def _binop(self, node: ast.BinOp) -> Fact:
        left, right = self.of(node.left), self.of(node.right)
        kinds = {left.kind, right.kind}
        if isinstance(node.op, ast.Mod):
            if isinstance(left.thing, str):
                if deciders.pads_in_percent(left.thing, right):
                    self._text_problem(node, "a width is not supported for", "format it")
                return TEXT if right.is_late else NOTHING
            return TEXT if left.kind == "text" else NOTHING
        if isinstance(node.op, ast.Add) and kinds & {"text", "value"}:
            return _text([shape_of(left), shape_of(right)])
        if isinstance(node.op, ast.Mult) and "text" in kinds:
            return TEXT
        if isinstance(node.op, ast.Add | ast.Mult | ast.BitOr) and not kinds & {"value", "text", "task"}:
            if left.items is None and right.items is None:
                return NOTHING
            items = joined(fact.items for fact in (left, right) if fact.items is not None)
            if not isinstance(node.op, ast.BitOr):
                return Fact(items=items)
            both = left.parts is not None and right.parts is not None
            return dict_of({**(left.parts or {}), **(right.parts or {})} if both else None, items)
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
                looked = left.kind == "text" or right.kind == "text" or (right.holds_text and not right.is_a(dict))
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
        if any(isinstance(item, ast.Starred) for item in node.elts):
            made = made._replace(parts=None)
        if isinstance(node, ast.Set) and made.holds_text:
            self._text_problem(node, "a set cannot contain", "compare it")
        return made

    _tuple = _set = _list

    def _dict(self, node: ast.Dict) -> Fact:
        parts: dict[str, Fact] | None = {}
        facts: list[Fact] = []
        for key, value in zip(node.keys, node.values, strict=True):
            fact = self.of(value)
            at = _constant(key) if key is not None else None
            facts.append((fact.items or NOTHING) if key is None else fact)
            if key is not None:
                self.of(key)
            added = {at: fact} if isinstance(at, str) else fact.parts if key is None and not fact.kind else None
            if added is None:
                parts = None
            elif parts is not None:
                parts.update(added)
        return dict_of(parts, joined(facts))

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
            made = dict_of(None, self.of(node.value))
        else:
            made = Fact(items=self.of(node.elt))
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
        if isinstance(node.slice, ast.Slice):
            return of._replace(parts=None)
        made = self.special(node, of, "__getitem__", key)
        if made is not None:
            return made
        at = _constant(node.slice)
        if type(of.thing) in (dict, list, tuple) and at is not None:
            return self._item_of(of.thing, at)
        return item_at(of, at)

    def _item_of(self, table: Any, key: Any) -> Fact:
        """A function of a table that the program has outside the function."""
        try:
            return Fact(thing=table[key])
        except (LookupError, TypeError):
            return NOTHING

    def _attribute(self, node: ast.Attribute) -> Fact:
        of = self.of(node.value)
        found = self._attribute_of(of, node.attr)
        getter = deciders.property_of(of.thing.cls if isinstance(of.thing, Instance) else type(of.thing), node.attr)
        made = self.called(node, NOTHING, getter, [of], {}) if getter is not None and not of.kind else None
        return found if made is None else made

    def _attribute_of(self, of: Fact, name: str) -> Fact:
        if of.kind == "task":
            return self._output(of, name)
        if of.kind == "value" or (of.parts is not None and (name in of.parts or of.thing is NOT_RESOLVED)):
            return part(of, name)
        if isinstance(of.thing, Instance):
            if name == "__dict__":
                return dict_of(of.parts, joined((of.parts or {}).values()))
            return Fact(thing=deciders.method(of.thing.cls, name))
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
        given = self._given(node.args)
        named = self._named(node.keywords)
        self._quiet = quiet
        if isinstance(node.func, ast.Attribute) and target.thing is NOT_RESOLVED:
            if (
                isinstance(of.thing, type)
                and of.thing.__module__ == "builtins"
                and given
                and node.func.attr != "fromkeys"
            ):
                return self._method(node, node.func.attr, None, given[0], given[1:], named)
            return self._method(node, node.func.attr, node.func.value, of, given, named)
        ours = _of_ours(target.thing)
        if ours:
            return self._typedpipe(ours, target.thing, given)
        if deciders.dispatches(target.thing) and given and given[0].kind == "value":
            self._value_problem(node, "test the value in a component, or declare its type")
        followed = self.called(node, of, target.thing, given, named)
        if followed is None and not isinstance(target.thing, type):
            followed = self.special(node, target, "__call__", *given)
        return self._library(node, target.thing, given, named) if followed is None else followed

    def _given(self, arguments: list[ast.expr]) -> list[Fact]:
        given: list[Fact] = []
        for argument in arguments:
            if isinstance(argument, ast.Starred):
                item, whole = self.iterated(argument.value), self.of(argument.value)
                exact = whole.parts is not None and not whole.kind and not whole.is_a(dict)
                given += (whole.parts or {}).values() if exact else [item]
            else:
                given.append(self.of(argument))
        return given

    def _named(self, keywords: list[ast.keyword]) -> dict[str, Fact]:
        named: dict[str, Fact] = {}
        for keyword in keywords:
            fact = self.of(keyword.value)
            if keyword.arg is not None:
                named[keyword.arg] = fact
            elif fact.parts is not None and not fact.kind:
                named.update(fact.parts)
            else:
                named[""] = fact
        return named

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
        held = any(fact.holds_text and not fact.is_a(dict) for fact in facts)
        short = name.removeprefix("builtins.")
        tests = name in deciders.TYPE_TESTS and given and given[0].kind == "value" and len(given) < 3
        if tests and not self._quiet and not (len(given) == 2 and deciders.is_no(given[0].type, given[1])):
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
        if name in deciders.YAML and "default_style" not in named:
            shapes = [text.shape for fact in given for text in texts_in(fact)]
            if any(shape is not None and deciders.loses_quotes(shape) for shape in shapes):
                self.report(
                    "TP159",
                    f"`{short}()` would write text that contains a pipeline value without quotes, "
                    "and YAML would read it as a number or a date",
                    node,
                    f"pass the data to a component, and call `{short}()` there; "
                    "or write JSON with `json.dumps`, which is valid YAML",
                )
        if name == "builtins.str" and len(given) == 1 and given[0].is_late:
            return _text([shape_of(given[0])])
        if name in deciders.KEEPING:
            return TEXT if any(fact.is_late for fact in facts) else NOTHING
        if name == "re.compile":
            return Fact(thing=Dotted("re.Pattern"))
        return self._applied(node, name, given, named) or self._container(node, name, given, named)

    def _applied(self, node: ast.Call, name: str, given: list[Fact], named: dict[str, Fact]) -> Fact | None:
        """A function that calls a function that it is given."""
        key = named.get("key")
        if name in ("builtins.map", "builtins.filter", "itertools.starmap") and len(given) > 1:
            items = [element(fact) for fact in given[1:]]
            if name == "itertools.starmap" and items[0].parts is not None:
                items = list(items[0].parts.values())
            made = self.called(node, NOTHING, given[0].thing, items, {})
            if name == "builtins.filter":
                if made is not None and made.kind == "text":
                    self._text_problem(node, "Python cannot test", "test it")
                return Fact(items=items[0])
            return Fact(items=made if made is not None else joined(items))
        if name in ("builtins.sorted", "builtins.min", "builtins.max") and key is not None and given:
            self.called(node, NOTHING, key.thing, [element(given[0])], {})
        if name == "functools.reduce" and len(given) > 1:
            first = given[2] if len(given) > 2 else element(given[1])
            return self.called(node, NOTHING, given[0].thing, [first, element(given[1])], {})
        return None

    def _container(self, node: ast.Call, name: str, given: list[Fact], named: dict[str, Fact]) -> Fact:
        """An object that holds what it is given, or an item of one."""
        inside = [fact.items for fact in given if fact.items is not None]
        if name in deciders.DICTS:
            pairs = given[0].items if given and not given[0].is_a(dict) else None
            own = list((pairs.parts or {}).values())[-1:] if pairs is not None else []
            items = joined([*(own or [pairs.items or NOTHING] if pairs is not None else inside), *named.values()])
            known = merged(given) if pairs is None else None
            return dict_of({**known, **named} if known is not None else None, items)
        if name in deciders.FIELDS:
            return Fact(parts=named)
        if name in ("builtins.vars", "builtins.getattr") and given:
            if name == "builtins.vars":
                return dict_of(given[0].parts, joined((given[0].parts or {}).values()))
            at = _constant(node.args[1]) if len(node.args) > 1 else None
            found = self._attribute_of(given[0], at) if isinstance(at, str) else element(given[0])
            return joined([found, *given[2:]])
        if name == "builtins.setattr" and len(given) == 3:
            self.add_item(node.args[0], given[2], _constant(node.args[1]))
            return NOTHING
        if name == "builtins.next" and given:
            return joined([element(given[0]), *given[1:]])
        if name == "builtins.enumerate" and given:
            return Fact(items=list_of([NOTHING, keys_of(given[0])]))
        if name in deciders.PAIRING:
            return Fact(items=list_of(keys_of(fact) for fact in given))
        if name == "itertools.repeat" and given:
            return Fact(items=given[0])
        if name in deciders.COPYING and given:
            return Fact(items=joined(inside)) if not any(fact.is_a(dict) for fact in given) else NOTHING
        return NOTHING

    def _method(
        self, node: ast.Call, name: str, holder: ast.expr | None, of: Fact, given: list[Fact], named: dict[str, Fact]
    ) -> Fact:
        facts = [*given, *named.values()]
        if of.kind == "task":
            return of
        if of.kind == "text" and name not in deciders.KEEPING_METHODS:
            self._text_problem(node, f"`.{name}()` cannot be called on", f"call `.{name}()`")
            return NOTHING
        if of.kind == "value":
            return NOTHING
        if name in deciders.KEEPING_METHODS or name in deciders.RENDERING:
            return self._formatted(node, name, of, given, named)
        if name == "sort" and of.holds_text:
            self._text_problem(node, "`.sort()` cannot compare", "compare it")
        elif any(fact.kind == "text" for fact in facts):
            if name in deciders.LOOKUPS or (of.holds_text and name in ("index", "count", "remove")):
                self._text_problem(node, f"`.{name}()` cannot look up", "look it up")
            elif name in deciders.SEARCHES or deciders.reads_text(deciders.method_of(of.thing, name)):
                self._text_problem(node, f"`.{name}()` cannot compare", "compare it")
        at = _constant(node.args[0]) if node.args else None
        if holder is not None and name in deciders.ADDING:
            self._added(holder, name, of, given, named, at)
        if name in ("get", "pop", "setdefault", "popleft"):
            found = item_at(of, (0 if name == "popleft" else -1) if name.startswith("pop") and not node.args else at)
            return joined([found, *given[1:]])
        if name == "items":
            return Fact(items=list_of([NOTHING, of.items or NOTHING]))
        if name == "popitem":
            return list_of([NOTHING, of.items or NOTHING])
        if name == "from_iterable" and given:
            return Fact(items=element(element(given[0])))
        if name == "copy":
            return of
        return Fact(items=of.items) if name == "values" else NOTHING

    def _added(
        self, holder: ast.expr, name: str, of: Fact, given: list[Fact], named: dict[str, Fact], key: object
    ) -> None:
        """A list, dict or set with what a method adds to it."""
        if name == "update":
            for each in [*given, dict_of(named, None)]:
                for at, item in (each.parts or {"": element(each)}).items():
                    self.add_item(holder, item, at if of.is_a(dict) and each.parts else None)
        elif name == "setdefault":
            self.add_item(holder, joined([part(of, key) if isinstance(key, str) else NOTHING, *given[1:]]), key)
        else:
            for fact in given[-1:]:
                self.add_item(holder, element(fact) if name in ("extend", "extendleft") else fact)

    def _formatted(self, node: ast.Call, name: str, of: Fact, given: list[Fact], named: dict[str, Fact]) -> Fact:
        facts = [of, *given, *named.values()]
        text = of.thing if isinstance(of.thing, str) else ""
        if name == "format_map" and given:
            named, given = dict(given[0].parts or {}), []
        if name == "join" and given and given[0].kind == "text":
            self._text_problem(node, "`.join()` cannot loop over", "join it")
        elif name in ("format", "format_map") and deciders.pads_in_format(text, given, named):
            self._text_problem(node, "a format specification is not supported for", "format it")
        return TEXT if any(fact.is_late for fact in facts) else NOTHING


def _text(shapes: list[str | None]) -> Fact:
    """Text with a value in it, made of these pieces."""
    known = [shape for shape in shapes if shape is not None]
    return Fact("text", shape="".join(known) if len(known) == len(shapes) else None)


def _constant(node: ast.expr) -> Any:
    """The value of a literal; None for anything else."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) and isinstance(node.operand, ast.Constant):
        return -node.operand.value if isinstance(node.operand.value, int) else None
    return node.value if isinstance(node, ast.Constant) else None


def _of_ours(thing: object) -> str:
    """The name of an object of typedpipe: a block, a function, a component or a pipeline; "" for anything else."""
    module = (
        getattr(thing, "__module__", None) if isinstance(thing, type) or is_function(thing) else type(thing).__module__
    )
    if (
        isinstance(thing, Dotted | Instance | LocalFunction)
        or not isinstance(module, str)
        or module.partition(".")[0] != "typedpipe"
    ):
        return ""
    return str(getattr(thing, "__name__", None) or type(thing).__name__)
