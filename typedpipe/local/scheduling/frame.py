"""What a run of a pipeline is made of: runs of graphs, who they belong to, and the tasks that come out of them."""

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
    """How a node ended. Only a node that succeeded has outputs."""

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
    """Part of an exit handler's exit: runs though the run is being canceled."""
    results: list[NodeResult | None]
    waiting: list[int]
    left: int
    evaluation: Evaluation = field(init=False)


@dataclass(frozen=True, slots=True, eq=False)
class Body:
    """The scope is the body of this node."""

    scope: Frame
    index: int


@dataclass(frozen=True, slots=True, eq=False)
class Exit:
    """What runs is the exit of this handler, whose body ended so."""

    scope: Frame
    index: int
    body: NodeResult


@dataclass(slots=True, eq=False)
class LoopRun:
    """A loop that goes on."""

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
    """The scope is the body of a loop for one item."""

    loop: LoopRun
    position: int


Owner = Body | Exit | Item | None


@dataclass(slots=True, eq=False)
class TaskRun:
    """A task to be run with these inputs. ``owner`` is where it stands."""

    name: str
    node: ir.Task
    values: dict[str, Value]
    env: dict[str, str]
    settings: dict[str, object]
    """The task's options that are Kubernetes quantities, devices or images, as far as they are set: plain values."""
    protected: bool
    owner: Body | Exit


@dataclass(slots=True)
class Listener:
    """Who is told what the walk finds."""

    submit: Callable[[TaskRun], None]
    ended: Callable[[str, str, NodeResult], None]
    """A node that no process ran: its path, its component (or ""), how it ended."""
    looped: Callable[[str, int, int], None]
    """A loop: its path, how many of its items are done, and how many there are."""
