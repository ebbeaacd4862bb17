"""The law of expressions: one has the value that Python gives it, in the local engine and as an ask, or fails in both.

The reference evaluates an expression directly, over objects of the users' own classes. It shares no code with the
printer and the whitelist.
"""

from __future__ import annotations

import json
import operator
import pickle
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum, IntEnum
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from typedpipe.ir import nodes as ir
from typedpipe.ir.program import Program
from typedpipe.ir.typing import GraphTypes
from typedpipe.local.scheduling.evaluation import Evaluation, GraphProgram
from typedpipe.runs.forms import NotOfType, from_text
from typedpipe.runtime import task
from typedpipe.runtime.task import ERROR, WireError, decode, encode
from typedpipe.types.annotations import Resolved, resolve
from typedpipe.types.data import to_data
from typedpipe.types.model import (
    ANY,
    BOOL,
    DATETIME,
    FLOAT,
    INT,
    NULL,
    STR,
    DictType,
    EnumType,
    ListType,
    LiteralType,
    Type,
    is_optional,
    union,
    without_none,
)
from typedpipe.types.texts import member_texts
from typedpipe.types.values import constant, python_literal

THOROUGH = settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])


class Color(str, Enum):  # noqa: UP042  # a StrEnum has another text
    RED = "red"
    HOSTILE = '{{"$'


class Level(IntEnum):
    LOW = 1
    HIGH = 2**60 + 1


@dataclass
class Config:
    rate: float
    name: str
    layers: list[int]
    more: Any


@dataclass
class Scaled:
    """A class whose objects travel with their state."""

    n: int
    doubled: int = field(init=False)

    def __post_init__(self) -> None:
        self.doubled = self.n * 2


class Pair(NamedTuple):
    n: int
    s: str | None


CLASSES = {cls.__name__: cls for cls in (Color, Level, Config, Scaled, Pair)}


def type_of(annotation: object) -> Type:
    found = resolve(annotation)
    assert isinstance(found, Resolved)
    return found.type


COLOR, LEVEL, CONFIG, SCALED, PAIR = map(type_of, (Color, Level, Config, Scaled, Pair))

# ------------------------------------------------------------------------------------------------------- values

TEXTS = st.sampled_from(
    ["", "a", "b", "12", "null", "é", "\U0001f600", "\ud7ff", "{{x}}", "{{{", "$(A)", "'", '"', "\\", "\n", "\x7f",
     "  # a", "_1 = 2", "red", "error TP509: x", '="a"', "True", "1e5"]
)  # fmt: skip
INTS = st.one_of(st.integers(-3, 3), st.sampled_from([2**53, 2**53 + 1, -(2**63), 2**70, 10**21, 10**1300]))
FLOATS = st.sampled_from(
    [0.1, 0.1 + 0.2, 1.0, -0.0, 1e22, 5e-324, float("inf"), float("-inf"), float("nan"), float(2**53)]
)
DATES = st.sampled_from(
    [datetime(2024, 5, 6, 7, 8, 9, 1, tzinfo=UTC), datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)]
)  # fmt: skip
KEYS = st.sampled_from(["a", "b", "$tp", "é", "{{x}}"])
DATA = st.recursive(
    st.one_of(INTS, FLOATS, st.booleans(), st.none(), TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=3)),
    max_leaves=5,
)


def values(type_: Type) -> st.SearchStrategy[Any]:
    match type_:
        case ListType():
            return st.lists(values(type_.item), min_size=1, max_size=3)
        case DictType():
            more = st.dictionaries(KEYS, values(type_.value), max_size=2)
            return st.builds(lambda first, rest: {"a": first, **rest}, values(type_.value), more)
        case EnumType():
            return st.sampled_from(list(Color if type_ == COLOR else Level))
        case _:
            pass
    if type_ not in _VALUES:
        return st.one_of(st.none(), values(without_none(type_)))
    return _VALUES[type_]


_VALUES: dict[Type, st.SearchStrategy[Any]] = {
    INT: INTS,
    FLOAT: FLOATS,
    BOOL: st.booleans(),
    STR: TEXTS,
    DATETIME: DATES,
    ANY: DATA,
    union(INT, STR): st.one_of(INTS, TEXTS),
    CONFIG: st.builds(Config, FLOATS, TEXTS, st.lists(INTS, max_size=2), DATA),
    SCALED: st.builds(Scaled, st.integers(-5, 5)),
    PAIR: st.builds(Pair, INTS, st.one_of(st.none(), TEXTS)),
}
SCALARS: list[Type] = [INT, FLOAT, BOOL, STR, DATETIME, COLOR, LEVEL]
WHOLE: list[Type] = [*SCALARS, ANY, union(INT, STR), CONFIG, SCALED, PAIR]
KEYED: list[Type] = [INT, STR, BOOL, ANY]
OPTIONAL: list[Type] = [INT, STR, FLOAT, DATETIME, CONFIG, COLOR, BOOL]
LISTED: list[Type] = [INT, FLOAT, STR, DATETIME, CONFIG, ANY, ListType(INT)]
TYPES: list[Type] = [
    *WHOLE,
    *[union(type_, NULL) for type_ in OPTIONAL],
    *[ListType(type_) for type_ in LISTED],
    *[DictType(type_) for type_ in KEYED],
]
LIKELY: list[Type] = [BOOL, STR, ANY]
RESULTS: list[Type] = [*TYPES, *LIKELY * 8]


def can_be_none(type_: Type) -> bool:
    """Whether a constant of the type may be None, whose own type is not what the type says."""
    inner = type_.item if isinstance(type_, ListType) else type_.value if isinstance(type_, DictType) else type_
    return is_optional(inner) if inner == type_ else can_be_none(inner)


COMPARED = ["==", "!=", "<", "<=", ">", ">="]

# -------------------------------------------------------------------------------------------------- expressions


class Table:
    """A graph under construction: an operand of a type is a constant, an input, or an expression, new or shared."""

    def __init__(self, draw: Callable[..., Any]) -> None:
        self.draw = draw
        self.inputs: dict[str, tuple[Type, str]] = {}
        self.exprs: list[tuple[ir.Expr, Type]] = []
        self.constants: dict[ir.Const, bytes] = {}

    def constant(self, value: object) -> ir.Const:
        made = ir.Const(*constant(value))
        self.constants[made] = pickle.dumps(value)  # anew each time: nan is not even itself
        return made

    def operand(self, type_: Type, depth: int) -> ir.Operand:
        known = [index for index, (_, each) in enumerate(self.exprs) if each == type_]
        ways = [
            *([] if can_be_none(type_) else ["const"]),
            "input",
            *(["shared"] if known else []),
            *(["new"] * 4 if depth else []),
        ]
        match self.draw(st.sampled_from(ways)):
            case "const":
                return self.constant(self.draw(values(type_)))
            case "shared":
                return ir.FromExpr(self.draw(st.sampled_from(known)))
            case "new":
                expr = self.expr(type_, depth - 1)
                self.exprs.append((expr, type_))
                return ir.FromExpr(len(self.exprs) - 1)
            case _:
                pass
        value = self.draw(values(type_))
        text = encode(value, to_data(type_))
        if type_ == FLOAT and self.draw(st.booleans()):
            text = encode(self.draw(st.integers(-3, 3)), "int")  # an int that is given for a float
        self.inputs[f"x{len(self.inputs)}"] = type_, text
        return ir.FromInput(f"x{len(self.inputs) - 1}")

    def expr(self, type_: Type, depth: int) -> ir.Expr:
        def of(each: Type) -> ir.Operand:
            return self.operand(each, depth)

        makers: list[Callable[[], ir.Expr]] = [
            lambda: ir.Default(of(union(type_, NULL)), of(type_)),
            lambda: ir.Index(of(ListType(type_)), self.mostly(st.sampled_from([0, -1]), INT, depth)),
            lambda: ir.Index(of(DictType(type_)), self.mostly(st.just("a"), STR, depth)),
            lambda: ir.Field(of(DictType(type_)), self.draw(st.one_of(st.just("a"), KEYS))),
        ]
        if not is_optional(type_):
            makers += [lambda: ir.Unwrap(of(type_))]
        if type_ == BOOL:
            makers += [self.comparison(depth) for _ in range(3)]
            makers += [lambda: ir.Not(of(BOOL)), lambda: ir.IsSet(of(self.any_type()))]
            makers += [lambda: ir.And((of(BOOL), of(BOOL))), lambda: ir.Or((of(BOOL), of(ANY), of(BOOL)))] * 2
        if type_ == STR:
            makers += [lambda: ir.Format((self.part(depth), self.part(depth)))] * 3
            makers += [lambda: ir.Field(of(CONFIG), "name")]
        if type_ == INT:
            makers += [lambda: ir.Index(of(PAIR), self.constant(self.draw(st.sampled_from([0, -2]))))]
            makers += [lambda: ir.Field(of(SCALED), "doubled")]
        if isinstance(type_, ListType):
            makers += [lambda: ir.MakeList((of(type_.item), of(type_.item)))] * 2
        if isinstance(type_, DictType):
            makers += [lambda: ir.MakeDict((("a", of(type_.value)), ("$tp", of(type_.value))))]
        if type_ == CONFIG:
            fields: dict[str, Type] = {"rate": FLOAT, "name": STR, "layers": ListType(INT), "more": ANY}
            makers += [lambda: ir.MakeDict(tuple((name, of(each)) for name, each in fields.items()), CONFIG)]
        if type_ == ANY:
            makers = [lambda: self.untyped(depth)]
        maker: Callable[[], ir.Expr] = self.draw(st.sampled_from(makers))
        return maker()

    def untyped(self, depth: int) -> ir.Expr:
        """An expression over anything, which often has no value."""

        def of() -> ir.Operand:
            return self.operand(self.draw(st.sampled_from([ANY, ANY, INT, STR])), depth)

        makers: list[Callable[[], ir.Expr]] = [
            lambda: ir.Field(of(), self.draw(KEYS)), lambda: ir.Index(of(), of()), lambda: ir.Default(of(), of()),
            lambda: ir.MakeList((of(), of())), lambda: ir.MakeDict((("a", of()), ("$tp", of()))),
            lambda: ir.Compare(self.draw(st.sampled_from(COMPARED)), of(), of()), lambda: ir.Contains(of(), of()),
            lambda: ir.IsSet(of()), lambda: ir.And((of(), of())), lambda: ir.Not(of()), lambda: ir.Format((self.part(depth),)),
        ]  # fmt: skip
        maker: Callable[[], ir.Expr] = self.draw(st.sampled_from(makers))
        return maker()

    def mostly(self, simple: st.SearchStrategy[Any], type_: Type, depth: int) -> ir.Operand:
        """Mostly a constant that is in most lists or dicts."""
        if self.draw(st.integers(0, 3)):
            return self.constant(self.draw(simple))
        return self.operand(type_, depth)

    def any_type(self) -> Type:
        type_: Type = self.draw(st.sampled_from(TYPES))
        return type_

    def comparison(self, depth: int) -> Callable[[], ir.Expr]:
        kinds = [
            (INT, FLOAT),
            (INT, LEVEL),
            (FLOAT, FLOAT),
            (STR, STR),
            (STR, COLOR),
            (DATETIME, DATETIME),
            (BOOL, BOOL),
        ]
        left, right = self.draw(st.sampled_from(kinds))
        if self.draw(st.booleans()):
            return lambda: ir.Compare(
                self.draw(st.sampled_from(COMPARED)), self.operand(left, depth), self.operand(right, depth)
            )
        return lambda: ir.Contains(self.operand(ListType(right), depth), self.operand(left, depth))

    def part(self, depth: int) -> str | ir.FormatPart:
        if self.draw(st.booleans()):
            text: str = self.draw(TEXTS)
            return text
        type_ = self.any_type()
        spec = self.draw(st.sampled_from(["", "", ">5", ".2f", "{"])) if type_ in SCALARS or type_ == ANY else ""
        conversion = self.draw(st.sampled_from(["", "", "r", "s", "a"]))
        escapes = self.draw(st.sampled_from(["", "", "a", "u", "au"]))
        return ir.FormatPart(
            self.operand(type_, depth), spec, conversion, escapes, member_texts(type_, spec, conversion)
        )


@dataclass
class Case:
    graph: ir.Graph
    operand: ir.Operand
    inputs: dict[str, tuple[Type, str]]
    constants: dict[ir.Const, bytes]
    types: GraphTypes = field(init=False)

    def __post_init__(self) -> None:
        self.types = GraphTypes(ir.Pipeline("p", self.graph), self.graph)


@st.composite
def cases(draw: Callable[..., Any], depth: int = 3) -> Case:
    table = Table(draw)
    operand = table.operand(draw(st.sampled_from(RESULTS)), depth)
    ports = tuple(ir.InputPort(name, type_) for name, (type_, _) in table.inputs.items())
    return Case(ir.Graph(ports, exprs=tuple(expr for expr, _ in table.exprs)), operand, table.inputs, table.constants)


# ----------------------------------------------------------------------------------------------- three evaluators

OPERATORS = {"==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}  # fmt: skip


class Reference:
    """Direct evaluation over objects, each made anew."""

    def __init__(self, case: Case) -> None:
        self.case = case

    def of(self, operand: ir.Operand) -> Any:
        match operand:
            case ir.Const():
                return pickle.loads(self.case.constants[operand])
            case ir.FromInput():
                type_, text = self.case.inputs[operand.name]
                return decode(text, "any" if type_ == FLOAT else to_data(type_), classes=CLASSES)
            case ir.FromExpr():
                return self.expr(self.case.graph.exprs[operand.index])
            case _:
                raise AssertionError(operand)

    def bool(self, operand: ir.Operand) -> bool:
        value = self.of(operand)
        if not isinstance(value, bool):
            raise TypeError(value)
        return value

    def expr(self, expr: ir.Expr) -> Any:
        match expr:
            case ir.Compare():
                return OPERATORS[expr.op](self.of(expr.left), self.of(expr.right))
            case ir.Contains():
                return self.of(expr.value) in self.of(expr.items)
            case ir.And():
                return all(self.bool(item) for item in expr.items)
            case ir.Or():
                return any(self.bool(item) for item in expr.items)
            case ir.Not():
                return not self.bool(expr.item)
            case ir.IsSet():
                return self.of(expr.value) is not None
            case ir.Unwrap():
                return self.of(expr.value)
            case ir.Default():
                value = self.of(expr.value)
                return self.of(expr.default) if value is None else value
            case ir.Field():
                value = self.of(expr.value)
                return value[expr.name] if isinstance(value, dict) else getattr(value, expr.name)
            case ir.Index():
                return self.of(expr.value)[self.of(expr.index)]
            case ir.Format():
                return "".join(part if isinstance(part, str) else self.part(part) for part in expr.parts)
            case ir.MakeList():
                return [self.of(item) for item in expr.items]
            case ir.MakeDict():
                made = {name: self.of(value) for name, value in expr.entries}
                return made if expr.type is None else Config(**made)
            case _:
                raise AssertionError(expr)

    def part(self, part: ir.FormatPart) -> str:
        value = self.of(part.value)
        if self.case.types.of(part.value) in (FLOAT, union(FLOAT, NULL)) and isinstance(value, int):
            value = float(value)
        convert: dict[str, Callable[[object], object]] = {"r": repr, "s": str, "a": ascii, "": lambda value: value}
        text = format(convert[part.conversion](value), part.spec)
        for escape in part.escapes:
            text = json.dumps(text, ensure_ascii=escape == "a")[1:-1]
        return text


def as_data(value: Any) -> Any:
    """A NamedTuple is a dict on the wire."""
    if isinstance(value, Pair):
        return as_data(value._asdict())
    if isinstance(value, list):
        return [as_data(item) for item in value]
    return {key: as_data(item) for key, item in value.items()} if isinstance(value, dict) else value


def reference(case: Case) -> str:
    try:
        return encode(as_data(Reference(case).of(case.operand)), "any")
    except Exception:  # noqa: BLE001  # whatever Python raises
        return ERROR


def local(case: Case) -> str:
    texts = {name: text for name, (_, text) in case.inputs.items()}
    evaluation = Evaluation(GraphProgram(case.graph, case.types), lambda operand: texts[operand.name])  # type: ignore[union-attr]  # all are inputs
    value = evaluation.value(case.operand, "If")
    assert isinstance(value, str)
    return ERROR if value.startswith(ERROR) else encode(decode(value, "any"), "any")


def asked(case: Case) -> str:
    """The answer of a producer. Half of the inputs are its outputs, the others are values from before."""
    out, before = task.Names(), task.Names()

    def read(operand: ir.FromInput | ir.FromTask) -> str:
        assert isinstance(operand, ir.FromInput)
        side, names = ("out", out) if int(operand.name[1:]) % 2 else ("given", before)
        names.put(operand.name, case.inputs[operand.name][1])
        return f"{side}[{python_literal(operand.name)}]"

    program = Program(case.graph.exprs, case.types.of, read)
    needs: dict[int, None] = {}
    last = f"tp-e1 = wire({program.operand(case.operand, needs)})  # train.py:12, If"
    text = "\n".join([*program.before(needs), last])
    assert text.isascii()
    assert text.isprintable() or "\n" in text
    assert not any(mark in text for mark in ("{{", "$", "\x7f"))
    answer = task.ask(text, out, before)["tp-e1"]
    if answer.startswith(ERROR):
        check_error(answer)
        return ERROR
    return answer


def check_error(text: str) -> None:
    """Text that every engine refuses as an expression: it begins with two words, and is printable, in one line."""
    assert text.startswith(("error TP509: train.py:12, If: ", "error TP505: train.py:12, If: "))
    assert text.isascii()
    assert text.isprintable()
    assert len(text) <= 1000
    assert not any(mark in text for mark in ("{{", "$", '"', "\\"))


@settings(THOROUGH, max_examples=1500)
@given(cases())
def test_an_expression_has_the_value_that_python_gives_it(case: Case) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TYPEDPIPE_MAX_PARAMETER", str(10**6))
        expected = reference(case)
        assert local(case) == expected
        assert asked(case) == expected


@THOROUGH
@given(st.lists(DATA, max_size=4))
def test_items_arrive_as_they_are(items: list[Any]) -> None:
    out = task.Names()
    out.put("rows", encode(items, "any"))
    text = task.ask("tp-e1 = items(out['rows'])", out, {})["tp-e1"]
    codes = json.loads(text)
    assert not any(mark in text for mark in ("{{", "$", "\\"))
    assert not any(code[:1] in ("[", "{") or '"' in code for code in codes)
    sent = [decode('{"$tp":["item",' + json.dumps(code) + "]}", "any") for code in codes]
    assert encode(sent, "any") == encode(items, "any")


ORDERED = [
    *(n for k in (0, 1, 2**53, 2**53 + 1, 2**63, 10**400) for n in (k, -k)), True, False, -0.0, 0.5, -0.5, 0.1, 0.1 + 0.2,
    1e22, 1e-300, 5e-324, -5e-324, float(2**53), float("inf"), float("-inf"), float("nan"), 10, 100, -10, 12, 120, 1.2,
]  # fmt: skip
WORDS = ["", "a", "ab", "b", "A", "é", "\U0001f600", "\ud7ff", "\uffff", "\x7f", "a\x00", "{{x}}", "12", "9"]
MOMENTS = [datetime(y, m, 1, second=s, tzinfo=UTC) for y in (1, 999, 2024) for m in (1, 12) for s in (0, 1)]


@pytest.mark.parametrize("values", [ORDERED, WORDS, MOMENTS], ids=["numbers", "texts", "dates"])
def test_keys_are_ordered_as_values_are(values: list[Any]) -> None:
    for left in values:
        for right in values:
            for name, compare in OPERATORS.items():
                keys = task.order_key(left, "left" + name), task.order_key(right, "right" + name)
                assert compare(*(key.encode() for key in keys)) == compare(left, right), (left, name, right)
                assert not any(key.startswith("e") for key in keys), "no key is like an error"


PARAMETERS = [
    INT, FLOAT, BOOL, STR, DATETIME, ANY, COLOR, LEVEL, CONFIG, union(INT, NULL), union(STR, NULL), union(BOOL, INT),
    union(FLOAT, STR, NULL), ListType(INT), ListType(FLOAT), DictType(STR), union(ListType(INT), NULL),
    LiteralType(('"a"', '"12"', "3")), ListType(DATETIME), DictType(ANY),
]  # fmt: skip
TYPED = st.one_of(
    TEXTS,
    st.sampled_from(
        ["3", " 3", "-3", "0x10", "1_000", "12345678901234567890123", "1.5", "nan", "inf", "-inf", "True", "yes", "OFF", "0",
         "RED", "LOW", "1", "[]", "[1, 2]", "[1.5]", "[1", '{"a": "b"}', '{"$tp": ["float", "nan"]}', "{{=1}}", "2024-05-06",
         "2024-05-06T07:08:09Z", '["2024-05-06T07:08:09+02:00"]', '{"rate": 1, "name": "n", "layers": [], "more": null}',
         '"a"', '"', "[" * 100_000]
    ),
    st.text(max_size=5),
    DATA.map(json.dumps),
)  # fmt: skip


@settings(THOROUGH, max_examples=1500)
@given(TYPED.filter(lambda text: not text.startswith('="')), st.sampled_from(PARAMETERS))
def test_an_argument_is_read_alike_by_the_command_line_and_by_tasks(text: str, type_: Type) -> None:
    try:
        expected = encode(decode(from_text(text, type_), "any"), "any")
    except (NotOfType, WireError):
        expected = ERROR
    try:
        found = encode(task.read_argument(text, to_data(type_), "x"), "any")
    except task.BadArgument:
        found = ERROR
    assert found == expected


@THOROUGH
@given(st.text(), st.sampled_from([STR, ANY]))
def test_any_text_can_be_sent_as_an_escaped_argument(text: str, type_: Type) -> None:
    escaped = "=" + encode(text, "str")
    assert not any(mark in escaped for mark in ("{{", "$"))
    assert task.read_argument(escaped, to_data(STR), "x") == text
    if type_ == ANY:
        assert encode(task.read_argument(escaped, "any", "x"), "any") == encode(
            task.read_argument(text, "any", "x"), "any"
        )


@THOROUGH
@given(st.text(), st.text())
def test_no_error_text_is_an_expression(where: str, reason: str) -> None:
    text = task.error_text(where, ValueError(reason))
    assert text.startswith("error TP509: ")
    assert text.isascii()
    assert text.isprintable()
    assert len(text) <= 1000
    assert not any(mark in text for mark in ("{{", "$", '"', "\\"))
