"""Boxes of a picture: boxes in boxes, and arrows between neighbors. Built from closed IR."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias, assert_never

from typedpipe.ir import nodes as ir
from typedpipe.ir.edges import node_operands, producers
from typedpipe.pictures.words import condition_text, operand_text
from typedpipe.types.display import show
from typedpipe.types.json_text import value_text

Kind: TypeAlias = Literal["task", "importer", "call", "loop", "branch", "arm", "exit"]


_NO_ARGUMENTS: Mapping[str, str] = {}
_LONGEST = 100
"""Maximum number of characters of a value."""


@dataclass(slots=True)
class Box:
    """A task, or a group with its own boxes. ``sources`` are its upstream neighbors, by name."""

    kind: Kind
    name: str
    title: str
    outputs: str = ""
    sources: list[str] = field(default_factory=list[str])
    children: list[Box] = field(default_factory=lambda: list[Box]())  # noqa: PLW0108 - Box does not exist yet
    stacked: bool = False
    """The children are alternatives, or run one after the other, without arrows between them."""


@dataclass(frozen=True, slots=True)
class Picture:
    title: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    boxes: list[Box]


def picture(pipeline: ir.Pipeline, arguments: Mapping[str, str] = _NO_ARGUMENTS) -> Picture:
    """The boxes of a pipeline. ``arguments`` are those of a run, as wire text; the others have their defaults."""
    defaults = {port.name: port.default.text for port in pipeline.graph.inputs if port.default is not None}
    values = {name: f" = {_short(text)}" for name, text in {**defaults, **arguments}.items()}
    inputs = tuple(f"{port.name}: {show(port.type)}{values.get(port.name, '')}" for port in pipeline.graph.inputs)
    outputs = tuple(
        f"{out.name}: {show(out.type)} = {operand_text(out.value, pipeline.graph)}" for out in pipeline.graph.outputs
    )
    return Picture(pipeline.name, inputs, outputs, _boxes(pipeline.graph, pipeline))


def _short(wire: str) -> str:
    text = value_text(wire)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def box_paths(boxes: Iterable[Box], prefix: str = "") -> Iterator[tuple[str, Box]]:
    """Each box with the path of its node in a run, without items; a box comes after those in it.

    An arm has its branch's path, and the exit task is next to its handler.

    >>> [path for path, _ in box_paths([Box("loop", "for-1", "", children=[Box("task", "train", "")])])]
    ['for-1/train', 'for-1']
    """
    for box in boxes:
        path = prefix + box.name
        for child in box.children:
            if child.kind == "arm":
                yield from box_paths(child.children, f"{path}/")
                yield path, child
            else:
                yield from box_paths([child], prefix if box.kind == "exit" else f"{path}/")
        yield path, box


def _boxes(graph: ir.Graph, pipeline: ir.Pipeline) -> list[Box]:
    return [_box(node, graph, pipeline) for node in graph.nodes]


def _box(node: ir.Node, graph: ir.Graph, pipeline: ir.Pipeline) -> Box:
    box: Box
    match node:
        case ir.Task() | ir.Call() | ir.Importer():
            box = _leaf(node, pipeline)
        case ir.Loop():
            at_once = f", at most {node.parallelism} at a time" if node.parallelism else ""
            title = f"for each {show(node.item_type)} of {operand_text(node.items, graph)}{at_once}"
            box = Box("loop", node.name, title, children=_boxes(node.body, pipeline))
        case ir.Branch():
            box = Box("branch", node.name, "choose", children=_arms(node, graph, pipeline), stacked=True)
        case ir.ExitHandler():
            last = _leaf(node.exit, pipeline)
            last.title += " (exit task)"
            body = Box("arm", node.name, "try", children=_boxes(node.body, pipeline))
            box = Box("exit", node.name, "with exit handler", children=[body, last], stacked=True)
        case _:
            assert_never(node)
    box.sources = _sources(node, graph)
    return box


def _leaf(node: ir.Task | ir.Call | ir.Importer, pipeline: ir.Pipeline) -> Box:
    title = node.name
    if isinstance(node, ir.Importer):
        return Box("importer", node.name, f"{title} (import)", show(node.type))
    if isinstance(node, ir.Call):
        graph = pipeline.pipelines[node.pipeline]
        outputs = ", ".join(f"{out.name}: {show(out.type)}" for out in graph.outputs)
        return Box("call", node.name, title, outputs, children=_boxes(graph, pipeline))
    component = pipeline.components[node.component]
    if len(component.outputs) == 1:
        return Box("task", node.name, title, show(component.outputs[0].type))
    return Box("task", node.name, title, ", ".join(f"{out.name}: {show(out.type)}" for out in component.outputs))


def _arms(node: ir.Branch, graph: ir.Graph, pipeline: ir.Pipeline) -> list[Box]:
    arms: list[Box] = []
    for number, arm in enumerate(node.arms):
        word = "else" if arm.condition is None else "if" if number == 0 else "else if"
        title = word if arm.condition is None else f"{word} {condition_text(arm.condition, graph)}"
        arms.append(Box("arm", f"{node.name}.{number}", title, children=_boxes(arm.body, pipeline)))
    return arms


def _sources(node: ir.Node, graph: ir.Graph) -> list[str]:
    """Neighbors whose outputs a node uses, or that it runs after, in order."""
    found = producers(graph.exprs, node_operands(node))
    found.update(dict.fromkeys(node.after))
    found.pop(node.name, None)
    return list(found)
