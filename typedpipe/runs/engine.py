"""Engines, which run pipelines locally or elsewhere, and the handle of a run.

The code that starts a run chooses the engine. Code that follows, awaits or cancels a run only needs these protocols.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol, TypeAlias, TypeVar

from typedpipe.diagnostics.model import Diagnostics
from typedpipe.ir import nodes as ir
from typedpipe.runs.events import Event
from typedpipe.runs.forms import WireText
from typedpipe.runs.model import RunEnd
from typedpipe.runs.view import RunView

OnEvent: TypeAlias = Callable[[Event], None]


@dataclass(frozen=True, slots=True)
class Options:
    """Options of a run with the same meaning on every engine; an engine adds its own.

    >>> Options(jobs=2).cache is None
    True
    """

    jobs: int | None = None
    """Maximum number of concurrent tasks; None: the engine's own limit."""
    name: str = ""
    """Name of the run. Default: made from the time and the pipeline's name."""
    timeout: float | None = None
    """Maximum duration of the run in seconds; then tasks are stopped, exit handlers run, and the run fails."""
    cache: bool | None = None
    """False: reuse no results of earlier runs. True: also of tasks without outputs. None: as the DSL says, and those
    with outputs.
    """
    fail_fast: bool = False
    """Stop the run at the first failure that is not ignored. Default: independent tasks continue."""
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    """Environment variables for all tasks; those set on a task take precedence."""
    tags: Mapping[str, str] = field(default_factory=dict[str, str])
    """Tags of the run, by which it can be selected; they do not change what runs."""
    note: str = ""
    """A note about the run, for people."""


class Handle(Protocol):
    """A submitted run."""

    @property
    def name(self) -> str:
        """Name of the run."""
        ...

    @property
    def state(self) -> Literal["RUNNING"] | RunEnd:
        """The current state; does not wait."""
        ...

    @property
    def view(self) -> RunView:
        """Tasks and loops, as reported by the events so far. ``view.listen`` follows them."""
        ...

    @property
    def outputs(self) -> Mapping[str, object]:
        """The outputs as plain Python values; waits for the end, and is empty unless the run succeeded."""
        ...

    def wait(self, timeout: float | None = None) -> bool:
        """Wait up to ``timeout`` seconds; return whether the run has ended."""
        ...

    def cancel(self) -> None:
        """Cancel the run: tasks are stopped and exit handlers run; a second call kills everything. Does not wait."""
        ...


O_contra = TypeVar("O_contra", bound=Options, contravariant=True)
H_co = TypeVar("H_co", bound=Handle, covariant=True)


class Engine(Protocol[O_contra, H_co]):
    """Runs pipelines: closed, checked IR with arguments as wire text (:func:`typedpipe.runs.arguments.bind`)."""

    @property
    def name(self) -> str:
        """A word for the engine, such as ``local``."""
        ...

    def check(self, pipeline: ir.Pipeline, options: O_contra) -> Diagnostics:
        """Report everything that this engine cannot run, and warnings about different behavior. Nothing is started."""
        ...

    def submit(
        self,
        pipeline: ir.Pipeline,
        arguments: Mapping[str, WireText],
        options: O_contra,
        on_event: OnEvent | None = None,
    ) -> H_co:
        """Start a run and return its handle.

        Args:
            pipeline: Closed IR; it is stored unchanged.
            arguments: Wire text by name; omitted ones take their defaults.
            options: Options of the run.
            on_event: Called with each event, in order, in a thread of the engine's choice.

        Raises:
            PipelineError: :meth:`check` reports errors, or the run cannot be recorded. Then nothing was started.
        """
        ...

    def cancel(self, run: str, *, kill: bool = False) -> None:
        """Cancel a run by its name, like :meth:`Handle.cancel`; a finished run is not changed.

        Raises:
            PipelineError: there is no such run, or it cannot be reached from here.
        """
        ...
