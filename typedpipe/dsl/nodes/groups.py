"""Control flow: ``If``, ``Elif``, ``Else``, ``IfSet``, ``ParallelFor`` and ``ExitHandler``, each a ``with`` block."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Generic, Self, TypeVar

from typedpipe.dsl.nodes.blocks import Group
from typedpipe.dsl.nodes.items import loop_items
from typedpipe.dsl.nodes.task import Task
from typedpipe.dsl.tracing import GraphBuilder, Site, Trace, current, error, fatal
from typedpipe.dsl.values.lifting import operand
from typedpipe.dsl.values.value import PipelineValue, derived, poison, same_trace
from typedpipe.ir import nodes as ir
from typedpipe.types.display import show
from typedpipe.types.model import (
    BOOL,
    AnyType,
    is_optional,
    without_none,
)

T = TypeVar("T")


class Chain:
    """A chain of If, Elif… and Else: one branch node."""

    __slots__ = ("arms", "closed", "name", "site")

    def __init__(self, name: str, site: Site | None) -> None:
        self.name = name
        self.site = site
        self.arms: list[tuple[ir.Operand | None, GraphBuilder, Site | None]] = []
        self.closed = False


class If(Group):
    """Run the tasks in the block only if a condition holds.

    The condition compares values of the pipeline with each other or with constants; ``&``, ``|`` and ``dsl.Not``
    combine conditions, ``dsl.In`` and ``dsl.Contains`` test membership.

    >>> from typedpipe import dsl
    >>> @dsl.component
    ... def score() -> float:
    ...     return 0.9
    >>> @dsl.component
    ... def deploy() -> None: ...
    >>> @dsl.pipeline
    ... def guarded(least: float = 0.5) -> None:
    ...     with dsl.If(score().output > least):
    ...         deploy()
    """

    kind = "if"

    def __init__(self, condition: bool, name: str = "") -> None:
        super().__init__(name)
        self._condition = _condition(condition, type(self).__name__)

    def __enter__(self) -> Self:
        self._arm(self._condition)
        return self

    def _arm(self, condition: PipelineValue) -> None:
        self._check_entry()
        trace, outer = self._trace, self._trace.builder
        chain = self._chain(outer)
        where = operand(outer, condition, "the condition")
        builder = self._enter("arm", chain.name)
        self._name = chain.name
        chain.arms.append((where, builder, self._site))
        trace.builder = builder

    def _chain(self, outer: GraphBuilder) -> Chain:
        chain = Chain(self._trace.unique(self._wanted or "if"), self._site)
        outer.chain = chain
        outer.nodes.append(chain)
        return chain


class Condition(If):
    """KFP's older name for :class:`If`."""


class Elif(If):
    """A further condition of the preceding ``If`` in the same scope: tested if the earlier ones do not hold."""

    def _chain(self, outer: GraphBuilder) -> Chain:
        return _open_chain(self, outer, "Elif")


class Else(Group):
    """The branch that runs if no condition of the preceding chain in the same scope holds."""

    def __init__(self, name: str = "") -> None:
        super().__init__(name)

    def __enter__(self) -> Self:
        self._check_entry()
        chain = _open_chain(self, self._trace.builder, "Else")
        builder = self._enter("arm", chain.name)
        chain.arms.append((None, builder, self._site))
        chain.closed = True
        return self


def _open_chain(group: Group, outer: GraphBuilder, word: str) -> Chain:
    chain = outer.chain
    if not isinstance(chain, Chain):
        fatal(
            "TP162",
            f"`dsl.{word}` without a matching `dsl.If`: there is no `dsl.If` before it in this block",
            group._site,
            help="indent it like the `with dsl.If(...):` that it belongs to, and put it after the block of that `If`",
        )
    if chain.closed:
        fatal(
            "TP162",
            f"`dsl.{word}` after the `dsl.Else` of its chain",
            group._site,
            help=("remove it" if word == "Else" else "move it above the `with dsl.Else():`")
            + ", or start a new chain with `with dsl.If(...):`",
        )
    return chain


def _condition(condition: object, word: str) -> PipelineValue:
    trace = current()
    assert trace is not None
    if isinstance(condition, PipelineValue):
        return condition if same_trace(condition, trace, "the condition") else poison(trace)
    if isinstance(condition, Task):
        error(
            "TP161",
            f"`dsl.{word}` received a task instead of a condition",
            help="compare its output: `task.output == ...`, or pass `task.output` if it is a bool",
        )
    elif not isinstance(condition, bool):
        error(
            "TP161",
            f"`dsl.{word}` received {condition!r}, which is not a condition",
            help="compare a pipeline value, such as `n > 3`",
        )
    else:
        error(
            "TP161",
            f"`dsl.{word}` received {condition!r}, which Python evaluated when the pipeline was defined",
            notes=("Python evaluates `is`, `in`, `isinstance`, `not`, `and` and `or` immediately, whatever the value",),
            help="compare pipeline values with `==`, `<`, …; use `dsl.In(x, items)` for `in`, `dsl.IfSet(x)` for "
            "`is not None`, `dsl.Not(...)` for `not`, `&` and `|` for `and` and `or`",
        )
    return poison(trace)


class IfSet(If, Generic[T]):
    """The branch that runs if a value is not None; ``as`` binds it without None.

    >>> from typedpipe import dsl
    >>> @dsl.component
    ... def log(text: str) -> None: ...
    >>> @dsl.pipeline
    ... def noted(note: str | None = None) -> None:
    ...     with dsl.IfSet(note) as text:
    ...         log(text=text)
    """

    def __init__(self, value: T | None, name: str = "") -> None:
        Group.__init__(self, name)
        trace = self._trace
        self._value = _optional(value, trace, "IfSet")
        self._condition = derived(trace, BOOL, lambda ops: ir.IsSet(ops[0]), (self._value,))

    def __enter__(self) -> T:  # type: ignore[override]  # `as` of an `If` binds the group, this binds the value
        self._arm(self._condition)
        value = self._value
        unwrapped: Any = derived(self._trace, without_none(value._tp_type), lambda ops: ir.Unwrap(ops[0]), (value,))
        return unwrapped  # type: ignore[no-any-return]  # to the checker it is the plain value


def _optional(value: object, trace: Trace, word: str) -> PipelineValue:
    if not isinstance(value, PipelineValue):
        error("TP161", f"`dsl.{word}` takes a pipeline value, not {value!r}", help="pass a parameter or an output")
        return poison(trace)
    if not same_trace(value, trace, f"the value of `dsl.{word}`"):
        return poison(trace)
    if not is_optional(value._tp_type) and not isinstance(value._tp_type, AnyType):
        error(
            "TP161",
            f"this value is always set: its type is `{show(value._tp_type)}`",
            help=f"use the value directly; `dsl.{word}` is only for `T | None`",
        )
    return value


class ParallelFor(Group, Generic[T]):
    """Run the block once for each item, in parallel.

    Args:
        items: A list, tuple, range or other iterable except a set and a dict; a parameter or an output that is a list;
            or a list of artifacts.
        parallelism: Maximum number of items at the same time; 0 means no limit.
        name: Name of the loop.

    >>> from typedpipe import dsl
    >>> @dsl.component
    ... def square(n: int) -> int:
    ...     return n * n
    >>> @dsl.pipeline
    ... def squares(numbers: list[int] = [1, 2]) -> list[int]:
    ...     with dsl.ParallelFor(numbers, parallelism=2) as n:
    ...         task = square(n=n)
    ...     return dsl.Collected(task.output)
    """

    kind = "for"

    def __init__(self, items: Iterable[T], name: str = "", parallelism: int | None = None) -> None:
        super().__init__(name)
        self._items, self._item_type = loop_items(items, self._trace)
        self._parallelism = 0
        limit: Any = parallelism  # untyped: the value comes from a user's file
        if limit is not None:
            if isinstance(limit, int) and not isinstance(limit, bool) and 0 <= limit < 10**9:
                self._parallelism = limit
            else:
                error("TP164", "`parallelism` must be a constant number", help="use an int of at least 1")

    def __enter__(self) -> T:
        self._check_entry()
        trace, outer = self._trace, self._trace.builder
        self._operand = operand(outer, self._items, "the list to loop over")
        name = trace.unique(self._wanted or "for")
        outer.nodes.append(self)
        self._enter("loop", name)
        item: Any = PipelineValue(trace, self._item_type, ir.FromItem(name), self._site)
        return item  # type: ignore[no-any-return]  # to the checker it is the plain item


class ExitHandler(Group):
    """Run a task after the block, whatever its result.

    Args:
        exit_task: The task to run at the end: a call made just before. A parameter of type
            ``PipelineTaskFinalStatus`` in its function receives the block's result.
        name: Name of the group.

    >>> from typedpipe import dsl
    >>> @dsl.component
    ... def work() -> None: ...
    >>> @dsl.component
    ... def clean(status: dsl.PipelineTaskFinalStatus = dsl.STATUS) -> None:
    ...     print(status.state)
    >>> @dsl.pipeline
    ... def careful() -> None:
    ...     with dsl.ExitHandler(clean()):
    ...         work()
    """

    kind = "exit-handler"

    def __init__(self, exit_task: Task[Any], name: str = "") -> None:
        super().__init__(name)
        self._exit: Task[Any] | None = None
        given: Any = exit_task  # untyped: the value comes from a user's file
        if not isinstance(given, Task):
            error(
                "TP168", "`dsl.ExitHandler` takes a task", help="call the component: `with dsl.ExitHandler(clean()):`"
            )
        elif given._trace is not self._trace or given._builder is not self._trace.builder:
            error(
                "TP168",
                "the exit task is in a different scope from its `ExitHandler`",
                help="call the component directly before the `with`",
            )
        else:
            self._exit = given

    def __enter__(self) -> Self:
        self._check_entry()
        trace, outer = self._trace, self._trace.builder
        if self._exit is not None and self._exit._name:
            for index in range(len(outer.nodes) - 1, -1, -1):  # nearly always the last one
                if outer.nodes[index] is self._exit:
                    del outer.nodes[index]
                    break
            else:
                message, help_ = (
                    "this task is already the exit task of another `ExitHandler`",
                    "call the component once for each `ExitHandler`",
                )
                error("TP168", message, self._site, help=help_)
                self._exit = None
        outer.nodes.append(self)
        self._enter("exit", trace.unique(self._wanted or "exit-handler"))
        return self
