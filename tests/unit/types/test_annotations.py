"""Every form of annotation, and the errors of unsupported ones."""

from __future__ import annotations

import collections
import dataclasses
import enum
import typing
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any, Dict, List, Literal, NamedTuple, NewType, Optional, TypedDict, Union

import pydantic
import pytest

from typedpipe.types.annotations import Resolved, Returned, resolve, resolve_return, struct_type
from typedpipe.types.artifacts import Artifact, Dataset, Model
from typedpipe.types.display import show
from typedpipe.types.markers import Input, InputPath, Output, OutputPath, PipelineTaskFinalStatus
from typedpipe.types.model import ArtifactType, StructType
from typedpipe.types.problems import BadAnnotation, Problem


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
