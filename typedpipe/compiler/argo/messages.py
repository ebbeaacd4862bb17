"""Messages of failed tasks, for the exit handlers around them.

A task in the block of an exit handler writes its message to an output that is global in the workflow. Its name has the path
of the task, so that no other task overwrites it: a called pipeline receives the start of the path from its caller. The tasks
of a loop have one path, so their messages are not told.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from typedpipe.compiler.pod import Names
from typedpipe.ir import nodes as ir

EXIT: Final = "tp-exit"
"""Input with the path of a task, or of a called pipeline."""
NOWHERE: Final = "none"
"""Its value for tasks whose message nobody reads."""
ERROR: Final = "tp-error"
_MOST: Final = 40
"""Tasks whose messages an exit handler reads: each is an expression in the text of one argument."""


@dataclass(frozen=True, slots=True)
class Told:
    """What tells messages. In a pipeline without exit handlers, nothing does."""

    components: set[str] = field(default_factory=set[str])
    """Components of tasks in the blocks of exit handlers."""
    inside: set[str] = field(default_factory=set[str])
    """Pipelines that are called in the blocks of exit handlers."""
    pipelines: set[str] = field(default_factory=set[str])
    """These, and those that contain exit handlers: each call has a path."""


NOTHING_TOLD: Final = Told()
"""For a pipeline without exit handlers."""


def told(pipeline: ir.Pipeline) -> Told:
    """Find the tasks in the blocks of exit handlers."""
    found = Told()
    _find(pipeline, pipeline.graph, False, found, set())
    return found


def _find(pipeline: ir.Pipeline, graph: ir.Graph, inside: bool, found: Told, seen: set[tuple[int, bool]]) -> bool:
    """Whether a graph contains tasks that tell their messages."""
    seen.add((id(graph), inside))
    tells = False
    for node in graph.nodes:
        match node:
            case ir.Task() if inside and isinstance(pipeline.components[node.component].impl, ir.PythonImpl):
                found.components.add(node.component)
                tells = True
            case ir.Call():
                body = pipeline.pipelines[node.pipeline]
                if inside:
                    found.inside.add(node.pipeline)
                if (id(body), inside) not in seen and _find(pipeline, body, inside, found, seen):
                    found.pipelines.add(node.pipeline)
                tells = tells or node.pipeline in found.pipelines
            case ir.Branch():
                tells = any([*(_find(pipeline, arm.body, inside, found, seen) for arm in node.arms), tells])
            case ir.ExitHandler():
                tells = _find(pipeline, node.body, True, found, seen) or tells
            case _:
                pass
    return tells


def names_of(graph: ir.Graph) -> dict[str, str]:
    """Names of a graph's nodes as tasks of a DAG."""
    names = Names()
    return {node.name: names.give(node.name) for node in graph.nodes}


def join(path: str, *names: str) -> str:
    """A longer path. Names have no underscores."""
    return "_".join([*([path] if path else []), *names])


def arm_name(name: str, number: int) -> str:
    """The name of an arm in paths."""
    return f"{name}_{number}"


def errors(pipeline: ir.Pipeline, block: ir.Graph, path: str, threaded: bool) -> str:
    """JSON text with tags: names and messages of the tasks in a block, in the order of the pipeline."""
    start = f"'{ERROR}-' + inputs.parameters['{EXIT}'] + '_" if threaded else f"'{ERROR}-"
    guard = f"inputs.parameters['{EXIT}'] == '{NOWHERE}' ? 'null' : " if threaded else ""
    listed: list[str] = []
    for name, task in _tasks(pipeline, block, path):
        if len(listed) == _MOST:
            break
        # single quotes, and `?.`: the controller would escape others twice while there is no output yet
        listed.append(f"[\"{name}\",{{{{={guard}workflow.outputs?.parameters?.[{start}{task}'] ?? 'null'}}}}]")
    return f"[{','.join(listed)}]"


def _tasks(pipeline: ir.Pipeline, graph: ir.Graph, path: str) -> Iterator[tuple[str, str]]:
    """Names and paths of the tasks in a graph that tell their messages."""
    names = names_of(graph)
    for node in graph.nodes:
        inner = join(path, names[node.name])
        match node:
            case ir.Task() if isinstance(pipeline.components[node.component].impl, ir.PythonImpl):
                yield node.name, inner
            case ir.Call():
                yield from _tasks(pipeline, pipeline.pipelines[node.pipeline], inner)
            case ir.Branch():
                for number, arm in enumerate(node.arms, 1):
                    yield from _tasks(pipeline, arm.body, arm_name(inner, number))
            case ir.ExitHandler():
                yield from _tasks(pipeline, node.body, inner)
            case _:
                pass
