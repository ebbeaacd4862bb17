"""The IR: frozen dataclasses in closed unions.

A :class:`Pipeline` owns its distinct components, the graphs of the pipelines it calls, and its own graph. A
:class:`Graph` is a scope: inputs, nodes, outputs and a flat table of expressions (an expression refers to earlier
entries only, so nothing here is walked recursively and depth is not limited).

The IR has two forms. As *traced*, the body of a loop, branch or exit handler may refer to any task of an enclosing
graph, to :class:`FromItem`, and to :class:`Collected` and :class:`OneOf`. After ``close_scopes`` it is *closed*: every
graph refers to its own inputs and nodes only, bodies list their inputs (``args``) and ``outputs``, and those three are
gone. Backends and engines only see closed IR.

Spans, and the file and line of shipped source, are not part of equality and digests.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import ClassVar, Literal, Self, TypeAlias

from typedpipe.diagnostics.model import NOWHERE, Span
from typedpipe.diagnostics.record import Record, record, replace
from typedpipe.ir.operands import (
    And as And,
    Args as Args,
    Collected as Collected,
    Compare as Compare,
    CompareOp as CompareOp,
    Const as Const,
    Contains as Contains,
    Default as Default,
    Expr as Expr,
    Field as Field,
    Format as Format,
    FormatPart as FormatPart,
    FromExpr as FromExpr,
    FromInput as FromInput,
    FromItem as FromItem,
    FromTask as FromTask,
    Index as Index,
    IsSet as IsSet,
    MakeDict as MakeDict,
    MakeList as MakeList,
    Not as Not,
    OneOf as OneOf,
    Operand as Operand,
    Or as Or,
    Unwrap as Unwrap,
)
from typedpipe.ir.options import DEFAULT_OPTIONS as DEFAULT_OPTIONS, Options as Options, Retry as Retry
from typedpipe.types.model import ArtifactType, StatusType, Type, is_artifact, is_optional

# ---------------------------------------------------------------------------------------------- components

InputHow: TypeAlias = Literal["value", "path", "artifact", "status"]
OutputHow: TypeAlias = Literal["path", "artifact", "return", "field"]


@record
class InputPort(Record):
    """An input of a component or a graph.

    ``how`` is the form in which a Python function receives it: ``value`` (a parameter), ``path`` (``InputPath[T]``),
    ``artifact`` (``Input[T]``), ``status`` (provided by the engine). An optional artifact's type is a union with None.
    """

    name: str
    type: Type
    default: Const | None = None
    how: InputHow = "value"
    description: str = ""
    span: Span = field(default=NOWHERE, compare=False)

    @property
    def required(self) -> bool:
        """Whether an argument is required: as in Python, ``T | None`` alone is not a default; for files it is one."""
        if self.default is not None or self.how == "status" or isinstance(self.type, StatusType):
            return False
        return not (is_optional(self.type) and (self.how != "value" or is_artifact(self.type)))


@record
class OutputPort(Record):
    """An output of a component: an ``OutputPath[T]`` or ``Output[T]`` parameter, the return value, or a field of it."""

    name: str
    type: Type
    how: OutputHow = "return"
    description: str = ""
    span: Span = field(default=NOWHERE, compare=False)


@record
class Chunk(Record):
    """A piece of shipped source, as in the user's file: an import, a class, a helper, the function.

    ``text`` keeps its indentation (an indented one is executed under ``if 1:``). ``line`` is its first line in
    ``file``. ``module`` is the user's module whose names the chunk uses; empty for the module of the component.
    """

    text: str
    file: str = field(default="", compare=False)
    line: int = field(default=1, compare=False)
    module: str = ""


@record
class PythonImpl(Record):
    """A Python function shipped by source. ``chunks`` run in order, each in its module; ``entry`` is the function's name.

    ``returns`` is the conversion of the return value to outputs: none, one value, or the fields of a tuple or
    dataclass.
    """

    entry: str
    chunks: tuple[Chunk, ...]
    returns: Literal["none", "one", "fields"] = "none"
    min_python: tuple[int, int] = (3, 8)
    packages: tuple[str, ...] = ()
    pip_index_urls: tuple[str, ...] = ()
    pip_trusted_hosts: tuple[str, ...] = ()


PlaceholderKind: TypeAlias = Literal[
    "input_value", "input_path", "input_uri", "input_metadata", "output_parameter", "output_path", "output_uri"
]


@record
class Placeholder(Record):
    """A part of a container's command that is known only when the task runs.

    ``output_parameter`` is the path to write a parameter to; ``input_metadata`` the ``.metadata`` as JSON.
    """

    kind: PlaceholderKind
    name: str


@record
class Concat(Record):
    """Parts joined into one argument."""

    items: tuple[CommandPart, ...]


@record
class IfPresent(Record):
    """``then`` if the optional input was passed, otherwise ``otherwise``; each is a list of arguments."""

    input: str
    then: tuple[CommandPart, ...]
    otherwise: tuple[CommandPart, ...] = ()


CommandPart: TypeAlias = str | Placeholder | Concat | IfPresent


@record
class ContainerImpl(Record):
    """A command line in an image."""

    command: tuple[CommandPart, ...] = ()
    args: tuple[CommandPart, ...] = ()


@record
class Component(Record):
    """The code of a task: an interface, an implementation and an image."""

    name: str
    inputs: tuple[InputPort, ...]
    outputs: tuple[OutputPort, ...]
    impl: PythonImpl | ContainerImpl
    image: str
    description: str = ""
    span: Span = field(default=NOWHERE, compare=False)


# --------------------------------------------------------------------------------------------------- nodes


Role: TypeAlias = Literal["arm", "item", "body"]
"""Execution of a region: an ``arm`` at most once, if its condition holds; ``item`` once per item; ``body`` once."""


@record
class Region(Record):
    """A graph inside a node. ``args`` bind the inputs of ``body`` to operands of the node's own graph."""

    role: Role
    body: Graph
    args: Args = ()
    condition: Operand | None = None
    """Condition of an arm; None for the Else."""
    item: str = ""
    """The input that the node itself fills, once per item, and its type; it has no entry in ``args``."""
    item_type: Type | None = None
    span: Span = field(default=NOWHERE, compare=False)


class NodeBase(Record):
    """Properties of any node for code that walks the IR, so that it matches node types only where these matter."""

    __slots__ = ()
    is_group: ClassVar[bool] = False
    """Whether it has regions."""
    operand_fields: ClassVar[tuple[str, ...]] = ()
    """Fields that are operands, apart from ``args``, ``options`` and conditions. A field of None is not an operand."""

    def regions(self) -> tuple[Region, ...]:
        """Graphs inside the node, in order."""
        return ()

    def exits(self) -> tuple[Task | Call, ...]:
        """Calls in the node's own graph that run after its regions have ended, whatever their result."""
        return ()

    def with_regions(self, regions: tuple[Region, ...], exits: tuple[Task | Call, ...]) -> Self:  # noqa: ARG002
        """The same node with other regions and exits."""
        return self


class GroupBase(NodeBase):
    """A node with regions. They are created once, because passes and lowerings read them about twenty times."""

    __slots__ = ("_regions",)
    _regions: tuple[Region, ...]
    is_group: ClassVar[bool] = True

    def regions(self) -> tuple[Region, ...]:
        try:
            return self._regions
        except AttributeError:
            made = self._make_regions()
            object.__setattr__(self, "_regions", made)
            return made

    def _make_regions(self) -> tuple[Region, ...]:
        raise NotImplementedError


@record
class Task(NodeBase):
    """A call of a component. Inputs that are not in ``args`` take their defaults."""

    name: str
    component: str
    args: Args = ()
    after: tuple[str, ...] = ()
    options: Options = DEFAULT_OPTIONS
    span: Span = field(default=NOWHERE, compare=False)


@record
class Call(NodeBase):
    """A call of a pipeline inside a pipeline; ``pipeline`` is a key of ``Pipeline.pipelines``."""

    name: str
    pipeline: str
    args: Args = ()
    after: tuple[str, ...] = ()
    options: Options = DEFAULT_OPTIONS
    span: Span = field(default=NOWHERE, compare=False)


@record
class Importer(NodeBase):
    """An existing URI as an artifact. Its single output is named ``artifact``. ``metadata`` is a dict."""

    name: str
    uri: Operand
    type: ArtifactType
    metadata: Operand | None = None
    reimport: bool = False
    after: tuple[str, ...] = ()
    span: Span = field(default=NOWHERE, compare=False)

    operand_fields: ClassVar[tuple[str, ...]] = ("uri", "metadata")


@record
class Arm(Record):
    """One branch. Its condition belongs to the *outer* graph; None is Else. ``args`` bind the closed body's inputs."""

    condition: Operand | None
    body: Graph
    args: Args = ()
    span: Span = field(default=NOWHERE, compare=False)


@record
class Branch(GroupBase):
    """If, Elif…, Else: the first arm whose condition holds runs. Its outputs are the outputs of that arm, by name."""

    name: str
    arms: tuple[Arm, ...]
    after: tuple[str, ...] = ()
    span: Span = field(default=NOWHERE, compare=False)

    def _make_regions(self) -> tuple[Region, ...]:
        return tuple([Region("arm", arm.body, arm.args, arm.condition, span=arm.span) for arm in self.arms])

    def with_regions(self, regions: tuple[Region, ...], exits: tuple[Task | Call, ...]) -> Self:  # noqa: ARG002
        return replace(self, arms=tuple([Arm(each.condition, each.body, each.args, each.span) for each in regions]))


@record
class Loop(GroupBase):
    """Runs ``body`` once per item. When closed, the item is the body's input ``item``; outputs are lists by item."""

    name: str
    items: Operand
    item: str
    item_type: Type
    body: Graph
    parallelism: int = 0
    """Maximum number of bodies at the same time; 0 means no limit."""
    args: Args = ()
    after: tuple[str, ...] = ()
    span: Span = field(default=NOWHERE, compare=False)

    operand_fields: ClassVar[tuple[str, ...]] = ("items",)

    def _make_regions(self) -> tuple[Region, ...]:
        return (Region("item", self.body, self.args, item=self.item, item_type=self.item_type, span=self.span),)

    def with_regions(self, regions: tuple[Region, ...], exits: tuple[Task | Call, ...]) -> Self:  # noqa: ARG002
        return replace(self, body=regions[0].body, args=regions[0].args)


@record
class ExitHandler(GroupBase):
    """Runs ``body``, then always ``exit``, which takes operands of the outer graph and the body's status."""

    name: str
    body: Graph
    exit: Task | Call
    args: Args = ()
    after: tuple[str, ...] = ()
    span: Span = field(default=NOWHERE, compare=False)

    def _make_regions(self) -> tuple[Region, ...]:
        return (Region("body", self.body, self.args, span=self.span),)

    def exits(self) -> tuple[Task | Call, ...]:
        return (self.exit,)

    def with_regions(self, regions: tuple[Region, ...], exits: tuple[Task | Call, ...]) -> Self:
        return replace(self, body=regions[0].body, args=regions[0].args, exit=exits[0])


Leaf: TypeAlias = Task | Call | Importer
Group: TypeAlias = Branch | Loop | ExitHandler
"""Nodes that have regions: those with :attr:`NodeBase.is_group`."""
Node: TypeAlias = Leaf | Group


@record
class GraphOutput(Record):
    """A named output of a graph; ``type`` is the declared one."""

    name: str
    value: Operand
    type: Type
    span: Span = field(default=NOWHERE, compare=False)


@record
class Graph(Record):
    """A scope. Node names are unique in the whole traced pipeline; output names and input names within the graph."""

    inputs: tuple[InputPort, ...] = ()
    nodes: tuple[Node, ...] = ()
    outputs: tuple[GraphOutput, ...] = ()
    exprs: tuple[Expr, ...] = ()
    expr_spans: tuple[Span, ...] = field(default=(), compare=False)
    """One per expression, or empty."""


@record
class Pipeline(Record):
    """A whole program: the unit that is saved, checked, lowered and run."""

    name: str
    graph: Graph
    components: Mapping[str, Component] = field(default_factory=dict)
    pipelines: Mapping[str, Graph] = field(default_factory=dict)
    display_name: str = ""
    description: str = ""
    closed: bool = False
    span: Span = field(default=NOWHERE, compare=False)
