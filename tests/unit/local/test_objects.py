"""Objects that travel between real tasks: what arrives equals what was sent, in each runner and on each way."""

from __future__ import annotations

import enum
import functools
from collections.abc import Callable
from dataclasses import InitVar, dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Generic, NamedTuple, Self, TypeVar

import pytest
from pydantic import BaseModel, Field, PrivateAttr, RootModel, computed_field, field_validator, model_validator

from typedpipe import Collected, Else, If, IfSet, InputPath, OneOf, ParallelFor, component, pipeline
from typedpipe.testing import fake

T = TypeVar("T")


@dataclass
class Scaled:
    lr: float
    batch: int

    def __post_init__(self) -> None:
        self.lr = self.lr * self.batch / 256


@dataclass
class NoInit:
    x: int
    twice: int = field(init=False)
    seen: list[str] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        self.twice = self.x * 2


@dataclass
class WithVar:
    x: int
    seed: InitVar[int] = 3

    def __post_init__(self, seed: int) -> None:
        self.x += seed


@dataclass
class OwnInit:
    x: int

    def __init__(self, x: int) -> None:
        self.x = x + 1
        self._note = [x]

    @functools.cached_property
    def lock(self) -> object:
        return object()


@dataclass(frozen=True, slots=True)
class Frozen:
    x: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "x", self.x + 1)


@dataclass
class Tagged:
    name: str
    value: int

    def __post_init__(self) -> None:
        self.name += "!"


@dataclass
class Outer:
    inner: Scaled
    many: list[NoInit]


class Doubles(BaseModel):
    x: int

    @field_validator("x")
    @classmethod
    def double(cls, v: int) -> int:
        return v * 2


class Percent(BaseModel):
    share: float

    @field_validator("share", mode="before")
    @classmethod
    def percent(cls, v: float) -> float:
        return v / 100


class Whole(BaseModel):
    x: int

    @model_validator(mode="after")
    def more(self) -> Whole:
        object.__setattr__(self, "x", self.x + 1)
        return self


class Alias(BaseModel):
    learning_rate: float = Field(alias="lr")
    note: str = Field("", validation_alias="NOTE")


class Private(BaseModel):
    x: int
    _y: int = PrivateAttr(default=0)
    _z = PrivateAttr(default=None)  # pyright: ignore[reportGeneralTypeIssues]  # pydantic allows it


class Computed(BaseModel):
    x: int

    @computed_field  # type: ignore[prop-decorator]  # as pydantic documents it
    @property
    def y(self) -> int:
        return self.x + 1


class Extra(BaseModel, extra="allow"):
    x: int


class Row(BaseModel):
    day: date
    tags: set[str]
    raw: bytes
    by_number: dict[int, float]


class Ids(RootModel[list[int]]):
    pass


class Sparse(BaseModel):
    a: int = 1
    b: int = 2


class Pair(NamedTuple):
    left: int
    right: str


class Odd(Pair):
    def __new__(cls, left: int, right: str) -> Self:
        return super().__new__(cls, left * 2, right)


@dataclass
class Rect:
    w: float
    h: float


@dataclass
class Square:
    side: float

    @property
    def w(self) -> float:
        return self.side

    @property
    def h(self) -> float:
        return self.side


@dataclass
class Box(Generic[T]):
    item: T


class Limit(enum.Enum):
    NONE = float("inf")
    ONE = 1.0
    TAG = {"$tp": ["float", "nan"]}  # noqa: RUF012  # no class attribute, but a member


class Perm(enum.Flag):
    READ = 1
    WRITE = 2


def changed(made: Any, **values: Any) -> Any:
    for name, value in values.items():
        setattr(made, name, value)
    return made


SENT: dict[str, Callable[[], Any]] = {
    "scaled": lambda: Scaled(0.1, 512),
    "no_init": lambda: changed(NoInit(3), seen=["a"], twice=7),
    "with_var": lambda: WithVar(1, 2),
    "own_init": lambda: OwnInit(1),
    "frozen": lambda: Frozen(1),
    "outer": lambda: Outer(Scaled(1, 512), [NoInit(1)]),
    "doubles": lambda: Doubles(x=3),
    "percent": lambda: Percent(share=50),
    "whole": lambda: Whole(x=1),
    "alias": lambda: Alias(lr=0.1, NOTE="n"),  # type: ignore[call-arg]  # without pydantic's plugin
    "private": lambda: changed(Private(x=1), _y=7, _z={"a": [1.0]}),
    "computed": lambda: Computed(x=1),
    "extra": lambda: Extra(x=1, y=[2]),  # type: ignore[call-arg]  # as above
    "row": lambda: Row(day=date(2024, 1, 2), tags={"$"}, raw=b"\xff", by_number={1: float("inf")}),
    "ids": lambda: Ids([1, 2]),
    "sparse": lambda: Sparse(b=5),
    "odd": lambda: Odd(1, "a"),
    "shape": lambda: Square(2.0),
    "box": lambda: Box(3),
    "number": lambda: 1.0,
    "numbers": lambda: [2**53 + 1],
    "limit": lambda: Limit.NONE,
    "tag": lambda: Limit.TAG,
    "perm": lambda: Perm.READ | Perm.WRITE,
}


def described(value: Any) -> str:
    """A value with all of its state, as text."""
    state = dict(getattr(value, "__dict__", {}))
    state.pop("lock", None)
    for name in ("__pydantic_private__", "__pydantic_extra__"):
        state[name] = sorted((getattr(value, name, None) or {}).items())
    state["set"] = sorted(getattr(value, "__pydantic_fields_set__", ()))
    return f"{value!r} {sorted((name, repr(item)) for name, item in state.items())}"


@component(include=[described])
def look(
    scaled: Scaled, no_init: NoInit, with_var: WithVar, own_init: OwnInit, frozen: Frozen, outer: Outer, doubles: Doubles,
    percent: Percent, whole: Whole, alias: Alias, private: Private, computed: Computed, extra: Extra, row: Row, ids: Ids,
    sparse: Sparse, odd: Odd, shape: Rect | Square, box: Box[int], number: int | float,
    numbers: list[float] | list[int], limit: Limit, tag: Limit, perm: Perm,
) -> dict[str, str]:  # fmt: skip
    return {name: described(value) for name, value in locals().items()}


@component
def look_at_lists(scaled: list[Scaled], doubles: list[Doubles], inner: Scaled, first: NoInit) -> str:
    return repr((scaled, doubles, inner, first))


@component
def make_scaled(n: int) -> list[Scaled]:
    return [Scaled(n, 512)]


@component
def make_doubles(n: int) -> list[Doubles]:
    return [Doubles(x=n)]


@component
def pass_doubles(items: list[Doubles]) -> list[Doubles]:
    return items


@component
def make_outer() -> Outer | None:
    return Outer(Scaled(1, 512), [NoInit(1)])


@component
def make_one(n: int) -> Scaled:
    return Scaled(n, 512)


@component
def make_pair(n: int) -> Pair:
    return Pair(n, str(n))


@component
def look_at_pairs(pair: Pair, pairs: list[list[Pair]]) -> str:
    return repr((pair, pairs))


@component
def look_at_one(one: Scaled) -> str:
    return repr(one)


@component
def in_a_file(one: InputPath[Scaled]) -> str:
    with open(one) as file:
        return file.read()


@component
def anything(value: Any) -> str:
    return repr(value)


@component(include=[Scaled])
def anything_made(n: int) -> Any:
    return [Scaled(n, 512)]


@component
def look_at_tagged(one: Tagged) -> str:
    return repr(one)


@pipeline
def objects() -> dict[str, str]:
    values: Any = {name: make() for name, make in SENT.items()}
    return look(**values).output


@pipeline
def ways() -> list[str]:
    """Through lists, fields, loops, branches, tasks in between, ``Any`` and files."""
    outer = make_outer().output
    passed = pass_doubles(items=pass_doubles(items=make_doubles(n=3).output).output).output
    with IfSet(outer) as found:
        lists = look_at_lists(scaled=make_scaled(n=1).output, doubles=passed, inner=found.inner, first=found.many[0])
    with ParallelFor(make_scaled(n=2).output) as item:
        loop = look_at_one(one=item)
    with ParallelFor([1, 2]) as n:
        with ParallelFor([3]) as m:
            pair = make_pair(n=m)
        one = make_one(n=n)
    with ParallelFor(Collected(one.outputs)) as again:
        collected = look_at_one(one=again)
    with If(make_pair(n=1).outputs.left == 1):
        yes = make_one(n=3)
    with Else():
        no = make_one(n=4)
    whole: Any = make_one(n=1).output  # to checkers, an `InputPath` takes artifacts only
    return [
        OneOf(lists.output, "no"),
        Collected(loop.output)[0],
        Collected(collected.output)[1],
        look_at_one(one=OneOf(yes.output, no.output)).output,
        anything(value=make_one(n=5).outputs).output,
        look_at_one(one=anything_made(n=6).output[0]).output,
        look_at_tagged(one=Tagged("a", make_pair(n=7).outputs.left)).output,
        look_at_pairs(pair=make_pair(n=4).output, pairs=Collected(Collected(pair.output))).output,
        in_a_file(one=whole).output,
    ]


WAYS = [
    repr(([Scaled(1, 512)], [Doubles(x=3)], Scaled(1, 512), NoInit(1))),
    repr(Scaled(2, 512)),
    repr(Scaled(2, 512)),
    repr(Scaled(3, 512)),
    "{'lr': 10.0, 'batch': 512}",
    repr(Scaled(6, 512)),
    repr(Tagged("a", 7)),
    repr((Pair(4, "4"), [[Pair(3, "3")], [Pair(3, "3")]])),
    '{"lr":2.0,"batch":512}',
]


@pytest.mark.parametrize("runner", ["process", "inprocess"])
def test_objects_arrive_as_they_were_sent(runner: Any, tmp_path: Path) -> None:
    run = objects.run(folder=str(tmp_path), runner=runner)
    assert run.outputs == {name: described(make()) for name, make in SENT.items()}


@pytest.mark.parametrize("runner", ["process", "inprocess"])
def test_objects_arrive_on_each_way(runner: Any, tmp_path: Path) -> None:
    assert ways.run(folder=str(tmp_path), runner=runner).outputs == WAYS


@pipeline
def returned(n: int) -> list[Doubles]:
    return pass_doubles(items=make_doubles(n=n).output).output


@pipeline
def returned_whole(n: int) -> Scaled:
    return make_one(n=n).output


def test_the_caller_of_a_run_gets_the_objects(tmp_path: Path) -> None:
    assert returned.run(3, folder=str(tmp_path), runner=None).outputs == [Doubles(x=3)]
    assert returned_whole.run(1, folder=str(tmp_path), runner=None).outputs == Scaled(1, 512)


def test_a_fake_gets_the_objects_and_returns_them(tmp_path: Path) -> None:
    with fake(pass_doubles).returns([Doubles(x=4)]) as faked:
        assert returned.run(3, folder=str(tmp_path), runner=None).outputs == [Doubles(x=4)]
    assert faked.calls == [{"items": [Doubles(x=3)]}]


@dataclass
class Wide(Rect):
    depth: float = 0


@component(include=[Wide])
def gives_a_subclass(n: int) -> Rect | None:
    return Wide(1, 2)


@pipeline
def cut() -> None:
    gives_a_subclass(n=1)


def test_a_subclass_is_not_cut_to_its_base(tmp_path: Path) -> None:
    run = cut.run(folder=str(tmp_path), runner=None, raise_on_error=False)
    assert "TP503" in run.result.message
    assert "expected `Rect | None`, found `Wide` Wide(w=1, h=2, depth=0)" in run.result.message
