"""Every form of annotation, and the errors of unsupported ones."""

from __future__ import annotations

import collections
import dataclasses
import enum
import typing
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any, Dict, List, Literal, NamedTuple, NewType, Optional, TypedDict, Union

import pydantic
import pytest
from typing_extensions import TypeAliasType

from typedpipe.types.annotations import Resolved, Returned, resolve, resolve_return, struct_type
from typedpipe.types.artifacts import Artifact, Dataset, Model
from typedpipe.types.display import show
from typedpipe.types.markers import Input, InputPath, Output, OutputPath, PipelineTaskFinalStatus
from typedpipe.types.model import ArtifactType, StructType
from typedpipe.types.problems import BadAnnotation, Problem

T = typing.TypeVar("T")
S = typing.TypeVar("S")


class Forest(Model):
    schema_title = "acme.Forest"


class Plain(Forest): ...


class Color(enum.Enum):
    RED = "red"
    TWO = 2


@dataclasses.dataclass
class Layer:
    size: int
    kind: Literal["dense", "conv"] = "dense"


@dataclasses.dataclass
class Net:
    layers: list[Layer]
    color: Color = Color.RED
    cached: int = dataclasses.field(default=0, init=False)


class Job(TypedDict):
    lr: float
    name: typing.NotRequired[str]


class Point(NamedTuple):
    x: int
    y: int = 0


class Settings(pydantic.BaseModel):
    lr: float = 0.1
    net: Net
    day: date


class Node(TypedDict):
    children: list[Node]


class Holder(TypedDict):
    model: Model


@dataclasses.dataclass
class WithVar:
    x: dataclasses.InitVar[int]
    y: int = 0


@dataclasses.dataclass
class OwnInit:
    y: int

    def __init__(self, x: int) -> None:
        self.y = x


@dataclasses.dataclass
class Unnamed:
    y: int

    def __init__(self) -> None:
        self.y = 1


@dataclasses.dataclass
class Failure(Exception):
    code: int


@dataclasses.dataclass
class Computed:
    x: int  # pyright: ignore[reportRedeclaration]  # a mistake that dataclasses accept

    @property  # type: ignore[no-redef]  # a mistake that dataclasses accept
    def x(self) -> int:
        return 1

    @x.setter
    def x(self, value: int) -> None: ...


class Secret(pydantic.BaseModel):
    password: pydantic.SecretStr


class Calls(pydantic.BaseModel):
    call: Callable[[int], int]


class Client(pydantic.BaseModel):
    _lock: bytes = pydantic.PrivateAttr(b"")


class Tree(pydantic.BaseModel):
    size: int
    kids: list[Tree] = []


class Doubling(pydantic.BaseModel):
    size: int
    kids: list[Doubling] = []

    @pydantic.field_validator("size")
    @classmethod
    def double(cls, size: int) -> int:
        return size * 2


class Generic1(pydantic.BaseModel, typing.Generic[T]):
    item: T


class Item(Generic1[int]): ...


@dataclasses.dataclass
class Box(typing.Generic[T]):
    item: T
    more: list[T] = dataclasses.field(default_factory=list)


@dataclasses.dataclass
class IntBox(Box[int]):
    n: int = 1


@dataclasses.dataclass
class Deeper(IntBox):
    deep: bool = True


class Tagged(NamedTuple, typing.Generic[T]):
    tag: str
    item: T


class Wrapped(TypedDict, typing.Generic[T]):
    item: T


class Inherited(Wrapped[int]):
    n: str


class Off(enum.Enum):
    OFF = None
    ON = "on"


class Twins(enum.Enum):
    A = (1, 2)
    B = [1, 2]  # noqa: RUF012  # a member


class Coordinates(enum.Enum):
    ORIGIN = [0, 0]  # noqa: RUF012  # a member


class Options(enum.Enum):
    NONE = {}  # type: ignore[var-annotated]  # noqa: RUF012  # a member


Maybe = TypeAliasType("Maybe", Optional[T], type_params=(T,))
Swapped = TypeAliasType("Swapped", "dict[str, S] | list[T]", type_params=(T, S))
Json = TypeAliasType("Json", "dict[str, Json] | list[Json] | str | int | None")
Data = TypeAliasType("Data", Input[Dataset])
OldJson: Any = Union[dict[str, "OldJson"], list["OldJson"], str]  # type: ignore[misc]  # it is recursive
Endless = TypeAliasType("Endless", "list[Endless[T]] | T", type_params=(T,))


Rate = NewType("Rate", float)
Either = Union[int, str]
called: Any = InputPath
"""KFP's call form, which checkers refuse and which runs."""
untyped: Any = collections.namedtuple  # noqa: PYI024 - KFP's users have it

FORMS: list[tuple[Any, str, str, str]] = [
    (int, "int", "value", "in"),
    ("int", "int", "value", "in"),
    (datetime, "datetime", "value", "in"),
    (list, "list", "value", "in"),
    (dict, "dict", "value", "in"),
    (List[int], "list[int]", "value", "in"),
    (List, "list", "value", "in"),
    (Dict[str, float], "dict[str, float]", "value", "in"),
    (Mapping[str, int], "dict[str, int]", "value", "in"),
    (Sequence[str], "list[str]", "value", "in"),
    (list["Layer"], "list[Layer]", "value", "in"),
    (Optional["Layer"], "Layer | None", "value", "in"),
    ("Optional[Layer]", "Layer | None", "value", "in"),
    ("str | None", "str | None", "value", "in"),
    (Union[None, int, str], "int | str | None", "value", "in"),
    (Literal["a", 1, True, None], 'Literal["a", 1, True] | None', "value", "in"),
    (Color, "Color", "value", "in"),
    (Net, "Net", "value", "in"),
    (Job, "Job", "value", "in"),
    (Point, "Point", "value", "in"),
    (Settings, "Settings", "value", "in"),
    (Any, "Any", "value", "in"),
    (Rate, "float", "value", "in"),
    (Annotated[int, "unit"], "int", "value", "in"),
    (Input[Model], "Model", "artifact", "in"),
    ("Input[Forest]", "acme.Forest", "artifact", "in"),
    (Dataset, "Dataset", "artifact", "in"),
    (Input[list[Forest]], "list[acme.Forest]", "artifact", "in"),
    (Input[Sequence[Model]], "list[Model]", "artifact", "in"),
    (Optional[Input[Model]], "Model | None", "artifact", "in"),
    ("Input[Model] | None", "Model | None", "artifact", "in"),
    (Output[Model], "Model", "artifact", "out"),
    (InputPath[Model], "Model", "path", "in"),
    (InputPath[int], "int", "path", "in"),
    (called("Dataset"), "Dataset", "path", "in"),
    (called("system.Model"), "Model", "path", "in"),
    (called("Forest"), "acme.Forest", "path", "in"),
    (called("Integer"), "int", "path", "in"),
    (called(), "Any", "path", "in"),
    ("InputPath(str)", "str", "path", "in"),
    (OutputPath(str), "str", "path", "out"),
    (OutputPath[list[int]], "list[int]", "path", "out"),
    (Optional[InputPath[Model]], "Model | None", "path", "in"),
    (InputPath[Model] | None, "Model | None", "path", "in"),
    (Tree, "Tree", "value", "in"),
    (Item, "Item", "value", "in"),
    (Box[int], "Box[int]", "value", "in"),
    (Box[Box[str]], "Box[Box[str]]", "value", "in"),
    ("Box[int] | None", "Box[int] | None", "value", "in"),
    (IntBox, "IntBox", "value", "in"),
    (Deeper, "Deeper", "value", "in"),
    (Tagged[float], "Tagged[float]", "value", "in"),
    (Wrapped[int], "Wrapped[int]", "value", "in"),
    (Inherited, "Inherited", "value", "in"),
    (Maybe[str], "str | None", "value", "in"),
    (Maybe[Maybe[Box[int]]], "Box[int] | None", "value", "in"),
    (Swapped[int, str], "dict[str, str] | list[int]", "value", "in"),
    (Data, "Dataset", "artifact", "in"),
    ("Data | None", "Dataset | None", "artifact", "in"),
    (Union[list[float], list[int]], "list[float] | list[int]", "value", "in"),
    (Union[Color, list[int], None], "Color | list[int] | None", "value", "in"),
    (PipelineTaskFinalStatus, "PipelineTaskFinalStatus", "status", "in"),
]


@pytest.mark.parametrize(("annotation", "shown", "how", "direction"), FORMS)
def test_forms(annotation: Any, shown: str, how: str, direction: str) -> None:
    resolved = resolve(annotation, globals())
    assert isinstance(resolved, Resolved), resolved
    assert (show(resolved.type), resolved.how, resolved.direction) == (shown, how, direction)


REFUSED: list[tuple[Any, str, str, str]] = [
    ("Missing", "TP100", "`Missing` in the annotation", "import or define"),
    ("list[Missing]", "TP100", "`Missing` in the annotation `list[Missing]`", "import or define"),
    ("1 +", "TP100", "cannot be evaluated", "valid Python"),
    ("int[3]", "TP100", "cannot be evaluated", "valid Python"),
    (bytes, "TP101", "`bytes` is not supported", "artifact"),
    (set[int], "TP101", "`set` is not supported", "list[T]"),
    (tuple[int, str], "TP101", "`tuple` is not supported", "NamedTuple"),
    (date, "TP101", "`date` is not supported", "datetime"),
    (Path, "TP101", "`Path` is not supported", "InputPath"),
    (object, "TP101", "`object` is not supported", "Any"),
    (collections.Counter, "TP101", "`Counter` is not supported", "int, float"),
    (dict[int, str], "TP101", "dict keys", "dict[str, T]"),
    (Literal[Color.RED], "TP101", "enum members", "`Color`"),
    (Node, "TP101", "contains itself", "dict[str, Any]"),
    (Holder, "TP102", "`Holder.model` is an artifact", "Input[T]"),
    (Input[int], "TP102", "`Input[int]` is not an artifact", "use `int`"),
    (Output[int], "TP102", "`Output[int]` is not an artifact", "OutputPath[int]"),
    (Output[list[Model]], "TP102", "not a single artifact", "for each"),
    (OutputPath[list[Model]], "TP102", "no single path", "each artifact"),
    (Optional[Output[Model]], "TP102", "cannot be optional", "remove `| None`"),
    (Union[Input[Model], str], "TP102", "cannot be members of a larger union", "single `Input[T]`"),
    (list[InputPath[Model]], "TP102", "cannot be nested", "whole annotation"),
    (Union[str, datetime], "TP122", "have the same JSON form", "keep one"),
    (Union[list[str], list[datetime]], "TP122", "have the same JSON form", "keep one"),
    (Union[Layer, dict[str, int]], "TP122", "have the same JSON form", "keep one"),
    (Union[str, Color], "TP122", "have the same JSON form", "keep one"),
    (Union[Model, str], "TP122", "is an artifact", "keep one"),
    (
        WithVar,
        "TP101",
        "`WithVar` cannot be rebuilt from its fields: its constructor requires `x`",
        "declare `x` as a field",
    ),
    (
        OwnInit,
        "TP101",
        "`OwnInit` cannot be rebuilt from its fields: its constructor requires `x`",
        "declare `x` as a field",
    ),
    (
        Unnamed,
        "TP101",
        "`Unnamed` cannot be rebuilt from its fields: its constructor does not take `y`",
        "field(init=False)",
    ),
    (Failure, "TP101", "`Failure` is a dataclass and a `Exception`", "remove `Exception` from its bases"),
    (Computed, "TP101", "`Computed.x` is a property", "another name"),
    (Secret, "TP101", "`Secret.password` is a secret", "environment variable"),
    (Calls, "TP101", "`Callable` is not supported", "int, float"),
    (Client, "TP101", "`Client._lock` is a private attribute that cannot be passed on: `bytes`", "cached_property"),
    (Doubling, "TP101", "`Doubling` contains itself", "dict[str, Any]"),
    (Generic1[int], "TP101", "`Generic1[int]` is a generic pydantic model", "class MyGeneric1(Generic1[int]): pass"),
    (Generic1, "TP101", "`Generic1` is a generic pydantic model", "class MyGeneric1(Generic1[int]): pass"),
    (Box, "TP101", "the type variable `T` has no type here", "`Box[int]`"),
    (Json, "TP101", "`Json` contains itself", "dict[str, Any]"),
    (OldJson, "TP101", "`OldJson` contains itself", "dict[str, Any]"),
    (Endless[int], "TP101", "`Endless` contains itself", "dict[str, Any]"),
    (Twins, "TP101", "`Twins.A` and `Twins.B` have the same JSON value", "different str or int"),
    (Optional[Off], "TP122", "`Off` and `None` have the same JSON form", "another value for the member"),
    (Union[Coordinates, list[int]], "TP122", "`Coordinates` and `list[int]` have the same JSON form", "keep one"),
    (Union[Options, dict[str, int]], "TP122", "`Options` and `dict[str, int]` have the same JSON form", "keep one"),
]


@pytest.mark.parametrize(("annotation", "code", "message", "words"), REFUSED)
def test_refused(annotation: Any, code: str, message: str, words: str) -> None:
    problem = resolve(annotation, globals())
    assert isinstance(problem, Problem), problem
    assert problem.code == code
    assert message in problem.message
    assert words in problem.help


def test_names_for_checkers_only_have_their_own_help(tmp_path: Path) -> None:
    file = tmp_path / "user.py"
    file.write_text("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from far.away import Thing as It\n")
    problem = resolve("list[It]", {"__file__": str(file)})
    assert isinstance(problem, Problem)
    assert problem.code == "TP121"
    assert "out of `if TYPE_CHECKING:`" in problem.help


def test_one_bad_annotation_spoils_no_other() -> None:
    names = {"a": "int", "b": "Missing", "c": "list[str]"}
    kinds = [type(resolve(annotation, {})) for annotation in names.values()]
    assert kinds == [Resolved, Problem, Resolved]


def test_the_classes_that_have_to_be_shipped_in_the_order_they_need() -> None:
    resolved = resolve(dict[str, Net] | None, globals())
    assert isinstance(resolved, Resolved)
    assert resolved.classes == (Layer, Color, Net)
    forest = resolve(Input[Forest], globals())
    assert isinstance(forest, Resolved)
    assert forest.classes == (Forest,)
    assert resolve(Input[Model]).classes == ()  # type: ignore[union-attr]  # it resolves


def test_fields() -> None:
    net = struct_type(Net)
    assert isinstance(net, StructType)
    assert [(f.name, show(f.type), f.required, f.init) for f in net.fields] == [
        ("layers", "list[Layer]", True, True),
        ("color", "Color", False, True),
        ("cached", "int", False, False),
    ]
    assert net.restored
    job = struct_type(Job)
    assert isinstance(job, StructType)
    assert [(f.name, f.required) for f in job.fields] == [("lr", True), ("name", False)]
    settings = struct_type(Settings)
    assert isinstance(settings, StructType)
    assert [show(f.type) for f in settings.fields] == ["float", "Net", "Any"]
    with pytest.raises(BadAnnotation, match="contains itself"):
        struct_type(Node)


def fields_of(annotation: Any) -> dict[str, str]:
    resolved = resolve(annotation, globals())
    assert isinstance(resolved, Resolved), resolved
    assert isinstance(resolved.type, StructType)
    return {each.name: show(each.type) for each in resolved.type.fields}


def test_type_variables_have_the_types_of_the_class_that_uses_them() -> None:
    assert fields_of(Box[Box[str]]) == {"item": "Box[str]", "more": "list[Box[str]]"}
    assert fields_of(IntBox) == {"item": "int", "more": "list[int]", "n": "int"}
    assert fields_of(Tagged[Maybe[int]]) == {"tag": "str", "item": "int | None"}
    assert fields_of(Inherited) == {"item": "int", "n": "str"}
    returned = resolve_return(Tagged[int], globals())
    assert isinstance(returned, Returned)
    assert [(name, show(type_)) for name, type_ in returned.fields] == [("tag", "str"), ("item", "int")]


def test_objects_whose_constructor_does_more_are_restored() -> None:
    restored = {cls: struct_type(cls) for cls in (Layer, Net, Point, Settings, Tree, Item)}
    assert [getattr(type_, "restored") for type_ in restored.values()] == [False, True, False, True, True, False]  # noqa: B009


def test_local_names_come_first() -> None:
    resolved = resolve("Job", {"Job": int}, {"Job": str})
    assert isinstance(resolved, Resolved)
    assert show(resolved.type) == "str"


def test_artifact_types() -> None:
    resolved = resolve(Input[Plain])
    assert isinstance(resolved, Resolved)
    assert resolved.type == ArtifactType("Plain", "0.0.1", ("acme.Forest", "system.Model", "system.Artifact"))
    assert resolve(Artifact).type == ArtifactType("system.Artifact")  # type: ignore[union-attr]  # it resolves


class Split(NamedTuple):
    model: Forest
    loss: float
    note: Optional[str] = None


@dataclasses.dataclass
class Trained:
    model: Output[Forest]
    rows: "list[int]"  # noqa: UP037 - text inside text


@pytest.mark.parametrize(
    ("annotation", "kind", "fields"),
    [
        (None, "none", []),
        ("None", "none", []),
        (int, "one", [("Output", "int")]),
        (Forest, "one", [("Output", "acme.Forest")]),
        ("Output[Model]", "one", [("Output", "Model")]),
        ("dict[str, float]", "one", [("Output", "dict[str, float]")]),
        (Settings, "one", [("Output", "Settings")]),
        (Split, "fields", [("model", "acme.Forest"), ("loss", "float"), ("note", "str | None")]),
        ("Trained", "fields", [("model", "acme.Forest"), ("rows", "list[int]")]),
        (NamedTuple("Out", [("a", int), ("b", Model)]), "fields", [("a", "int"), ("b", "Model")]),
        (untyped("Old", "a b"), "fields", [("a", "Any"), ("b", "Any")]),
    ],
)
def test_returns(annotation: Any, kind: str, fields: list[tuple[str, str]]) -> None:
    returned = resolve_return(annotation, globals())
    assert isinstance(returned, Returned), returned
    assert returned.kind == kind
    assert [(name, show(type_)) for name, type_ in returned.fields] == fields


@pytest.mark.parametrize("annotation", ["Missing", bytes, InputPath[Model], PipelineTaskFinalStatus])
def test_refused_returns(annotation: Any) -> None:
    assert isinstance(resolve_return(annotation, globals()), Problem)


def test_the_classes_of_a_return_are_shipped() -> None:
    returned = resolve_return(Split, globals())
    assert isinstance(returned, Returned)
    assert set(returned.classes) == {Forest, Split}
