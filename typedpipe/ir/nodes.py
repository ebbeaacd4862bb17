"""The IR: frozen dataclasses in closed unions.

A :class:`Pipeline` owns its distinct components, the graphs of the pipelines it calls, and its own graph. A
:class:`Graph` is a scope: inputs, nodes, outputs and a flat table of expressions (an expression refers to earlier
entries only, so nothing here is walked recursively and depth is no limit).

The IR has two forms. As *traced*, the body of a loop, branch or exit handler may refer to any task of an enclosing
graph, to :class:`FromItem`, and to :class:`Collected` and :class:`OneOf`. After ``close_scopes`` it is *closed*: every
graph refers to its own inputs and nodes only, bodies list what they take (``args``) and give (``outputs``), and those
three are gone. Backends and engines see closed IR.

Spans, and the file and line of shipped source, stand outside equality and digests.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Literal, TypeAlias

from typedpipe.diagnostics.model import NOWHERE, Span
from typedpipe.diagnostics.record import Record, record
from typedpipe.types.model import ArtifactType, StatusType, Type, is_artifact, is_optional

# ------------------------------------------------------------------------------------------------ operands


@record
class Const(Record):
    """A constant: the wire (JSON) text of a value, and the value's own type."""

    text: str
    type: Type


@record
class FromInput(Record):
    """An input of the graph; as traced, of the *pipeline*, however deep the reference stands."""

    name: str


@record
class FromTask(Record):
    """An output of a node: of the same graph when closed, of an enclosing or finished one as traced."""

    task: str
    output: str


@record
class FromItem(Record):
    """The item of an enclosing loop. Traced form only."""

    loop: str


@record
class FromExpr(Record):
    """An entry of the table of the graph that the operand stands in, traced and closed alike."""

    index: int


Operand: TypeAlias = Const | FromInput | FromTask | FromItem | FromExpr
Args: TypeAlias = tuple[tuple[str, Operand], ...]

# --------------------------------------------------------------------------------------------- expressions

CompareOp: TypeAlias = Literal["==", "!=", "<", "<=", ">", ">="]


@record
class Compare(Record):
    """``left op right``: a bool."""

    op: CompareOp
    left: Operand
    right: Operand


@record
class And(Record):
    """Whether all of the items hold."""

    items: tuple[Operand, ...]


@record
class Or(Record):
    """Whether one of the items holds."""

    items: tuple[Operand, ...]


@record
class Not(Record):
    """Whether the item does not hold."""

    item: Operand


@record
class Contains(Record):
    """``value in items``."""

    items: Operand
    value: Operand


@record
class IsSet(Record):
    """``value is not None``."""

    value: Operand


@record
class Unwrap(Record):
    """The value that an ``IfSet`` branch sees: the same value, with ``None`` taken out of its type."""

    value: Operand


@record
class Default(Record):
    """``Some(value, default)``: ``default`` where ``value`` is None."""

    value: Operand
    default: Operand


@record
class Field(Record):
    """A field of a struct, or the value of a dict's key."""

    value: Operand
    name: str


@record
class Index(Record):
    """``value[index]`` of a list or a dict."""

    value: Operand
    index: Operand


@record
class FormatPart(Record):
    """``{value:spec}`` of an f-string; ``conversion`` is "", "r", "s" or "a"."""

    value: Operand
    spec: str = ""
    conversion: str = ""


@record
class Format(Record):
    """An f-string: literal text and formatted values, in order."""

    parts: tuple[str | FormatPart, ...]


@record
class MakeList(Record):
    """A list display with references inside."""

    items: tuple[Operand, ...]


@record
class MakeDict(Record):
    """A dict display or a struct (then ``type`` is its :class:`StructType`) with references inside."""

    entries: Args
    type: Type | None = None


@record
class Collected(Record):
    """All the values that an output inside one loop had, in the order of the items. Traced form only."""

    value: Operand


@record
class OneOf(Record):
    """One value for each branch of one chain; a last one from outside stands for a missing Else. Traced form only."""

    values: tuple[Operand, ...]


Expr: TypeAlias = (
    Compare
    | And
    | Or
    | Not
    | Contains
    | IsSet
    | Unwrap
    | Default
    | Field
    | Index
    | Format
    | MakeList
    | MakeDict
    | Collected
    | OneOf
)

# ---------------------------------------------------------------------------------------------- components

InputHow: TypeAlias = Literal["value", "path", "artifact", "status"]
OutputHow: TypeAlias = Literal["path", "artifact", "return", "field"]


@record
class InputPort(Record):
    """An input of a component or a graph.

    ``how`` is the way a Python function takes it: ``value`` (a parameter), ``path`` (``InputPath[T]``), ``artifact``
    (``Input[T]``), ``status`` (given by the engine). An optional artifact's type is a union with None.
    """

    name: str
    type: Type
    default: Const | None = None
    how: InputHow = "value"
    description: str = ""
    span: Span = field(default=NOWHERE, compare=False)

    @property
    def required(self) -> bool:
        """Whether it has to be given a value: as in Python, ``T | None`` alone is no default; for files it is one."""
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
    """A piece of shipped source, as it stands in the user's file: an import, a class, a helper, the function.

    ``text`` keeps its indentation (an indented one is run under ``if 1:``). ``line`` is its first line in ``file``.
    """

    text: str
    file: str = field(default="", compare=False)
    line: int = field(default=1, compare=False)


@record
class PythonImpl(Record):
    """A Python function shipped by source. ``chunks`` run in order in one module; ``entry`` is the function's name.

    ``returns`` is how the return value becomes outputs: nothing, one value, or the fields of a tuple or dataclass.
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
    """A part of a container's command that is known when the task runs.

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
    """``then`` when the optional input was given, else ``otherwise``; each is a list of arguments."""

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
    """What a task runs: an interface, an implementation and an image."""

    name: str
    inputs: tuple[InputPort, ...]
    outputs: tuple[OutputPort, ...]
    impl: PythonImpl | ContainerImpl
    image: str
    description: str = ""
    span: Span = field(default=NOWHERE, compare=False)


# --------------------------------------------------------------------------------------------------- nodes


@record
class Retry(Record):
    """``limit`` tries after the first; wait ``backoff_seconds``, times ``factor`` after each, at most ``max_seconds``."""

    limit: int
    backoff_seconds: float = 0.0
    factor: float = 2.0
    max_seconds: float = 3600.0


@record
class Options(Record):
    """What was set on a task. Resources are Kubernetes quantities ("500m", "4Gi") and may be references."""

    retry: Retry | None = None
    timeout_seconds: float | None = None
    caching: bool | None = None
    cache_key: str = ""
    cpu_request: Operand | None = None
    cpu_limit: Operand | None = None
    memory_request: Operand | None = None
    memory_limit: Operand | None = None
    accelerator_type: Operand | None = None
    accelerator_count: Operand | None = None
    env: Args = ()
    image: Operand | None = None
    display_name: str = ""
    ignore_upstream_failure: bool = False


DEFAULT_OPTIONS = Options()


@record
class Task(Record):
    """A call of a component. Inputs that are not in ``args`` take their default."""

    name: str
    component: str
    args: Args = ()
    after: tuple[str, ...] = ()
    options: Options = DEFAULT_OPTIONS
    span: Span = field(default=NOWHERE, compare=False)


@record
class Call(Record):
    """A call of a pipeline inside a pipeline; ``pipeline`` is a key of ``Pipeline.pipelines``."""

    name: str
    pipeline: str
    args: Args = ()
    after: tuple[str, ...] = ()
    options: Options = DEFAULT_OPTIONS
    span: Span = field(default=NOWHERE, compare=False)


@record
class Importer(Record):
    """An existing URI as an artifact. Its one output is called ``artifact``. ``metadata`` is a dict."""

    name: str
    uri: Operand
    type: ArtifactType
    metadata: Operand | None = None
    reimport: bool = False
    after: tuple[str, ...] = ()
    span: Span = field(default=NOWHERE, compare=False)


@record
class Arm(Record):
    """One branch. Its condition stands in the *outer* graph; None is Else. ``args`` bind the body's inputs (closed)."""

    condition: Operand | None
    body: Graph
    args: Args = ()
    span: Span = field(default=NOWHERE, compare=False)


@record
class Branch(Record):
    """If, Elif…, Else: the first arm whose condition holds runs. An output of it is the arms' outputs of that name."""

    name: str
    arms: tuple[Arm, ...]
    after: tuple[str, ...] = ()
    span: Span = field(default=NOWHERE, compare=False)


@record
class Loop(Record):
    """``body`` once an item. Closed, the item is the body's input called ``item``; outputs are lists, one entry an item."""

    name: str
    items: Operand
    item: str
    item_type: Type
    body: Graph
    parallelism: int = 0
    """At most so many bodies at once; 0 is no limit."""
    args: Args = ()
    after: tuple[str, ...] = ()
    span: Span = field(default=NOWHERE, compare=False)


@record
class ExitHandler(Record):
    """``body``, then ``exit`` whatever became of it. ``exit`` takes operands of the outer graph and the body's status."""

    name: str
    body: Graph
    exit: Task | Call
    args: Args = ()
    after: tuple[str, ...] = ()
    span: Span = field(default=NOWHERE, compare=False)


Node: TypeAlias = Task | Call | Importer | Branch | Loop | ExitHandler


@record
class GraphOutput(Record):
    """What a graph gives under a name; ``type`` is the declared one."""

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
    """One for each expression, or empty."""


@record
class Pipeline(Record):
    """A whole program: what is saved, checked, lowered and run."""

    name: str
    graph: Graph
    components: Mapping[str, Component] = field(default_factory=dict)
    pipelines: Mapping[str, Graph] = field(default_factory=dict)
    display_name: str = ""
    description: str = ""
    closed: bool = False
    span: Span = field(default=NOWHERE, compare=False)
