"""Engines: what runs a pipeline, on this machine or elsewhere, and the handle of a run that it gives.

An engine is chosen by who starts a run. All that follows a run, waits for it or cancels it needs only these protocols.
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
    """The options of a run that mean the same on every engine; an engine adds its own.

    >>> Options(jobs=2).cache is None
    True
    """

    jobs: int | None = None
    """At most so many tasks at once; None: the engine's own limit."""
    name: str = ""
    """The run's name; made of the time and the pipeline's name when empty."""
    timeout: float | None = None
    """Seconds for the whole run; then tasks are stopped, exit handlers run, and the run has failed."""
    cache: bool | None = None
    """False: nothing is taken from earlier runs. True: also tasks without outputs are. None: as the DSL says, and
    tasks that have outputs."""
    fail_fast: bool = False
    """Stop at the first failure that nothing ignores; otherwise what does not depend on it goes on."""
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    """Variables for every task; what a task sets itself wins."""


class Handle(Protocol):
    """A run that was submitted."""

    @property
    def name(self) -> str:
        """The run's name."""
        ...

    @property
    def state(self) -> Literal["RUNNING"] | RunEnd:
        """The state now; does not wait."""
        ...

    @property
    def view(self) -> RunView:
        """The tasks and loops, as the events up to now tell of them. ``view.listen`` follows them."""
        ...

    @property
    def outputs(self) -> Mapping[str, object]:
        """The outputs as plain Python values; waits for the end, and is empty unless the run succeeded."""
        ...

    def wait(self, timeout: float | None = None) -> bool:
        """Whether the run has ended within so many seconds."""
        ...

    def cancel(self) -> None:
        """End the run early: tasks are stopped and exit handlers run; a second call kills everything. Does not wait."""
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
        """All that this engine cannot run, and warnings about what it runs differently. Nothing starts."""
        ...

    def submit(
        self,
        pipeline: ir.Pipeline,
        arguments: Mapping[str, WireText],
        options: O_contra,
        on_event: OnEvent | None = None,
    ) -> H_co:
        """Start a run and give its handle.

        Args:
            pipeline: Closed IR; it is pinned as it is.
            arguments: Wire text by name; what is left out takes its default.
            options: How to run.
            on_event: Called with each event, in order, in a thread of the engine's choice.

        Raises:
            PipelineError: :meth:`check` reports errors, or the run cannot be recorded. Then nothing has started.
        """
        ...

    def cancel(self, run: str, *, kill: bool = False) -> None:
        """End a run by its name, as :meth:`Handle.cancel`; one that has ended stays as it is.

        Raises:
            PipelineError: there is no such run, or it cannot be reached from here.
        """
        ...
