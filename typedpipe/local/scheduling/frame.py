"""Parts of a pipeline's run: frames (runs of graphs), their owners, and the tasks they produce."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from typedpipe.ir import nodes as ir
from typedpipe.ir.plan import GraphPlan
from typedpipe.ir.typing import GraphTypes
from typedpipe.local.scheduling.evaluation import Evaluation
from typedpipe.runs.model import TaskState, Value


@dataclass(frozen=True, slots=True)
class NodeResult:
    """Result of a node. Only a node that succeeded has outputs."""

    state: TaskState
    outputs: Mapping[str, Value] = field(default_factory=dict[str, Value])
    message: str = ""

    @property
    def ok(self) -> bool:
        return self.state == "SUCCEEDED"


@dataclass(slots=True, eq=False)
class Frame:
    """One run of a graph: of the pipeline, a called one, an arm, or a loop's body for one item."""

    plan: GraphPlan
    prefix: str
    inputs: Mapping[str, Value]
    types: GraphTypes
    owner: Owner
    protected: bool
    """Part of an exit handler's exit: it runs even if the run is being canceled."""
    results: list[NodeResult | None]
    waiting: list[int]
    left: int
    item: str = ""
    """Items of the loops around it, as short text."""
    evaluation: Evaluation = field(init=False)


@dataclass(frozen=True, slots=True, eq=False)
class Body:
    """The frame is the body of this node."""

    scope: Frame
    index: int


@dataclass(frozen=True, slots=True, eq=False)
class Exit:
    """The frame is the exit of this handler, whose block ended with this result."""

    scope: Frame
    index: int
    body: NodeResult


@dataclass(slots=True, eq=False)
class LoopRun:
    """A loop in progress."""

    scope: Frame
    index: int
    node: ir.Loop
    items: Sequence[Value]
    shared: Mapping[str, Value]
    results: list[NodeResult | None]
    next: int = 0
    running: int = 0
    done: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Item:
    """The frame is the body of a loop for one item."""

    loop: LoopRun
    position: int


Owner = Body | Exit | Item | None


@dataclass(slots=True, eq=False)
class TaskRun:
    """A task to run with these inputs. ``owner`` is its position."""

    name: str
    node: ir.Task
    values: dict[str, Value]
    env: dict[str, str]
    settings: dict[str, object]
    """Options of the task that are Kubernetes quantities, devices or images, if set: plain values."""
    protected: bool
    owner: Body | Exit
    item: str = ""
    """Items of the loops around it, as short text."""


@dataclass(slots=True)
class Listener:
    """Callbacks for the findings of the walk."""

    submit: Callable[[TaskRun], None]
    ended: Callable[[str, str, NodeResult], None]
    """A node without a process: its path, its component (or ""), its result."""
    looped: Callable[[str, int, int], None]
    """A loop: its path, the number of finished items, and the number of items."""


def position(scope: Frame, index: int) -> tuple[int, ...]:
    """Where a node is in the pipeline, for sorting nodes as the pipeline lists them."""
    found = [index]
    owner = scope.owner
    while owner is not None:
        if isinstance(owner, Item):
            found += [owner.position, owner.loop.index]
            owner = owner.loop.scope.owner
        else:
            found.append(owner.index)
            owner = owner.scope.owner
    return tuple(reversed(found))
