"""Tasks: the results of calling a component or a pipeline in a pipeline."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

from typedpipe.diagnostics.words import nearest
from typedpipe.dsl.marker_form import without_text
from typedpipe.dsl.nodes import settings
from typedpipe.dsl.nodes.blocks import Group
from typedpipe.dsl.nodes.callee import Callee
from typedpipe.dsl.tracing import Site, Trace, abort, error, fatal, listed
from typedpipe.dsl.values.lifting import operand, reject
from typedpipe.dsl.values.value import PipelineValue, derived, poison
from typedpipe.ir import nodes as ir
from typedpipe.ir.options import OPERANDS

R_co = TypeVar("R_co", covariant=True)
O_co = TypeVar("O_co", covariant=True)


class Task(Generic[R_co]):
    """One call of a component in a pipeline. ``R`` is the return type of the component's function.

    Created by calling a component inside a ``@pipeline`` function; never directly. Options return the task, so they
    chain.

    >>> from typedpipe import dsl
    >>> @dsl.component
    ... def double(n: int) -> int:
    ...     return 2 * n
    >>> @dsl.pipeline
    ... def twice(n: int = 1) -> int:
    ...     task = double(n=n).set_memory_limit("1G").set_retry(2)
    ...     return double(n=task.output).after(task).output
    """

    __slots__ = ("_after", "_args", "_builder", "_callee", "_name", "_settings", "_site", "_trace", "_values")

    def __init__(self, trace: Trace, callee: Callee | None, name: str, args: ir.Args, site: Site | None) -> None:
        self._trace = trace
        self._callee = callee
        self._name = name
        self._args = args
        self._site = site
        self._builder = trace.builder
        self._after: list[str] | None = None
        self._settings: dict[str, Any] | None = None
        self._values: dict[str, PipelineValue] = {}

    @property
    def name(self) -> str:
        """The task's name in the pipeline: the component's name, numbered if it is called more than once."""
        return self._name

    @property
    def output(self) -> R_co:
        """The output of a task with a single output.

        If it is the only field of a class, as in KFP, an input of that class receives the object, any other the field.
        """
        names = self._output_names()
        if len(names) == 1:
            only: Any = self._only(names[0])
            return only  # type: ignore[no-any-return]  # to the checker it is the plain value
        if self._callee is not None and self._callee.whole is not None:
            together: Any = self._whole()
            return together  # type: ignore[no-any-return]  # as above
        if self._callee is not None:
            message = f"`{self._callee.name}` has {len(names) or 'no'} outputs, so `.output` is ambiguous"
            help_ = f"use {_each_output(names)}" if names else "add a return value to its function"
            error("TP116", message, help=help_)
        value: Any = poison(self._trace)
        return value  # type: ignore[no-any-return]  # as above

    @property
    def outputs(self) -> R_co:
        """Outputs by name, if the function returns a NamedTuple or a dataclass."""
        outputs: Any = _outputs(self)
        return outputs  # type: ignore[no-any-return]  # to the checker it is the function's return value

    def after(self, *tasks: Task[Any] | Group) -> Self:
        """Start only after these tasks (or groups) have succeeded, whether or not their outputs are used."""
        given: tuple[Any, ...] = tasks  # untyped: the value comes from a user's file
        for task in given:
            if not isinstance(task, (Task, Group)):
                error(
                    "TP117", "`.after()` takes tasks, not outputs", help="pass the task, not its output: `.after(task)`"
                )
            elif task._trace is not self._trace:
                error("TP158", "`.after()` refers to a task of another pipeline")
            elif task._name:
                self._after = [*(self._after or ()), task._name]
        return self

    def ignore_upstream_failure(self) -> Self:
        """Run after all upstream tasks have ended, failed or not. Inputs from a failed task take their defaults."""
        return self._set(ignore_upstream_failure=True)

    def set_cpu_request(self, cpu: str) -> Self:
        """Set the CPU to reserve, as a Kubernetes quantity: ``"500m"`` or ``"2"``."""
        return self._set(cpu_request=settings.quantity("set_cpu_request", cpu, settings.CPU))

    def set_cpu_limit(self, cpu: str) -> Self:
        """Set the maximum CPU that the task can use, as a Kubernetes quantity."""
        return self._set(cpu_limit=settings.quantity("set_cpu_limit", cpu, settings.CPU))

    def set_memory_request(self, memory: str) -> Self:
        """Set the memory to reserve, as a Kubernetes quantity: ``"512M"`` or ``"4Gi"``."""
        return self._set(memory_request=settings.quantity("set_memory_request", memory, settings.MEMORY))

    def set_memory_limit(self, memory: str) -> Self:
        """Set the maximum memory that the task can use, as a Kubernetes quantity."""
        return self._set(memory_limit=settings.quantity("set_memory_limit", memory, settings.MEMORY))

    def set_accelerator(self, kind: str, count: int = 1) -> Self:
        """Set the accelerators: the resource or node label value (``"nvidia.com/gpu"``), and their number."""
        return self.set_accelerator_type(kind).set_accelerator_limit(count)

    def set_accelerator_type(self, accelerator: str) -> Self:
        """Set the kind of accelerator: a resource name such as ``"nvidia.com/gpu"``."""
        return self._set(accelerator_type=settings.text("set_accelerator_type", accelerator))

    def set_accelerator_limit(self, limit: int | str) -> Self:
        """Set the number of accelerators."""
        return self._set(accelerator_count=settings.count("set_accelerator_limit", limit))

    def set_gpu_limit(self, gpu: int | str) -> Self:
        """KFP's older name for :meth:`set_accelerator_limit`."""
        return self.set_accelerator_limit(gpu)

    def set_retry(
        self,
        num_retries: int,
        backoff_duration: str | None = None,
        backoff_factor: float | None = None,
        backoff_max_duration: str | None = None,
    ) -> Self:
        """Retry after a failure, at most ``num_retries`` times.

        Args:
            num_retries: Maximum number of retries.
            backoff_duration: Delay before the first retry: ``"30s"``, ``"5m"``, ``"1h"``. None: no delay.
            backoff_factor: Multiplier of the delay after each retry. Default: 2.
            backoff_max_duration: Maximum delay. Default: one hour.
        """
        return self._set(retry=settings.retry(num_retries, backoff_duration, backoff_factor, backoff_max_duration))

    def set_timeout(self, seconds: float) -> Self:
        """Stop each attempt of the task after this time; the attempt then fails."""
        return self._set(timeout_seconds=settings.seconds("set_timeout", seconds))

    def set_caching(self, enabled: bool) -> Self:
        """Set whether a result of an earlier run can be reused for this task."""
        return self.set_caching_options(enabled)

    def set_caching_options(self, enable_caching: bool, cache_key: str | None = None) -> Self:
        """KFP's form of :meth:`set_caching`; ``cache_key`` replaces the computed key."""
        return self._set(**settings.caching(enable_caching, cache_key))

    def set_env(self, name: str, value: str) -> Self:
        """Set an environment variable of the task's container."""
        found = settings.environment(name, value)
        if found is not None:
            env: dict[str, object] = dict((self._settings or {}).get("env", ()))
            env[name] = found
            self._set(env=tuple(env.items()))
        return self

    def set_env_variable(self, name: str, value: str) -> Self:
        """KFP's name for :meth:`set_env`."""
        return self.set_env(name, value)

    def set_container_image(self, name: str) -> Self:
        """Set the image to run this task in, instead of its component's."""
        return self._set(image=settings.image("set_container_image", name))

    def set_display_name(self, name: str) -> Self:
        """Set the task's name in user interfaces."""
        return self._set(display_name=settings.plain_text("set_display_name", name))

    # ---- for the package

    def _set(self, **changes: object) -> Self:
        kept = {name: value for name, value in changes.items() if value is not None}
        if self._callee is None:  # nothing reads the settings of this task
            reject(self._trace, kept)
        self._settings = {**(self._settings or {}), **kept}
        return self

    def _extend(self, owner: str, data: Mapping[str, Any]) -> None:
        """Add settings owned by a package outside the core: JSON data, merged into existing settings."""
        extensions: dict[str, Any] = (self._settings or {}).get("extensions", {})
        self._set(extensions={**extensions, owner: settings.joined(extensions.get(owner, {}), data)})

    def _output_names(self) -> list[str]:
        return list(self._callee.outputs) if self._callee is not None else []

    def _value(self, name: str) -> PipelineValue:
        value = self._values.get(name)
        if value is None:
            callee = self._callee
            assert callee is not None
            value = PipelineValue(self._trace, callee.outputs[name], ir.FromTask(self._name, name), self._site)
            self._values[name] = value
        return value

    def _only(self, name: str) -> PipelineValue:
        """The only output. If it is a field of a class, it can also mean the object."""
        field = self._value(name)
        if self._callee is None or self._callee.whole is None:
            return field
        value = self._values.get(_ONLY)
        if value is None:
            value = PipelineValue(self._trace, field._tp_type, field._tp_op, self._site)
            value._tp_builder = field._tp_builder
            value._tp_object = self._whole()
            self._values[_ONLY] = value
        return value

    def _whole(self) -> PipelineValue:
        """All outputs as an object of the class that the function returns; poison after an error was reported."""
        callee = self._callee
        if callee is None or callee.whole is None:
            return poison(self._trace)
        value = self._values.get(_WHOLE)
        if value is None:
            names, type_ = tuple(callee.outputs), callee.whole
            parts = tuple(map(self._value, names))
            value = derived(
                self._trace, type_, lambda ops: ir.MakeDict(tuple(zip(names, ops, strict=True)), type_), parts
            )
            value._tp_builder = self._builder  # it may be used outside of a loop, but belongs to the loop
            self._values[_WHOLE] = value
        return value

    def _named_output(self, name: str) -> PipelineValue:
        callee = self._callee
        if callee is None:
            return poison(self._trace)
        if name in callee.outputs:
            return self._value(name)
        names = list(callee.outputs)
        guess = nearest(name, names)
        help_ = (
            f"did you mean `{guess}`?" if guess else f"the fields are {listed(names)}" if names else "it has no outputs"
        )
        error("TP115", f"`{callee.name}` has no output `{name}`", help=help_)
        return poison(self._trace)

    def _options(self) -> ir.Options:
        if self._settings is None:
            return ir.DEFAULT_OPTIONS
        made: dict[str, Any] = {}
        for name, value in self._settings.items():
            if name == "env":
                pairs = [(k, operand(self._builder, v, f"the environment variable `{k}`")) for k, v in value]
                made[name] = tuple((k, v) for k, v in pairs if v is not None)
            elif name == "extensions":
                made[name] = tuple((owner, settings.json_text(data)) for owner, data in sorted(value.items()))
            elif name in OPERANDS:
                made[name] = operand(self._builder, value, f"`{name}`")
            else:
                made[name] = value
        return ir.Options(**made)

    def __bool__(self) -> bool:
        fatal("TP150", "a task is not a condition", help="branch on its output: `with dsl.If(task.output == ...):`")

    def __iter__(self) -> Iterator[Any]:
        fatal("TP151", "a task cannot be unpacked", help="unpack its outputs: `model, loss = task.outputs`")

    def __eq__(self, other: object) -> bool:
        return self is other if isinstance(other, Task) else self._compared()

    def __ne__(self, other: object) -> bool:
        return self is not other if isinstance(other, Task) else self._compared()

    __hash__ = object.__hash__

    def _compared(self, *_: object) -> Any:
        error(
            "TP114", f"the task `{self._name}` is compared instead of its output", help=f"use `task{self._instead()}`"
        )
        return poison(self._trace)

    def _tp_no_value(self) -> tuple[str, str]:
        names = self._output_names()
        give = (
            f"pass one of the task's outputs: add {_each_output(names)}"
            if len(names) > 1
            else "pass the task's output: add `.output`"
            if names
            else f"`{self.name}` has no outputs: use `.after(…)`"
        )
        return "a task, not a value", give

    def _instead(self) -> str:
        """Suggested replacement for using the task itself."""
        names = self._output_names()
        return f".outputs.{names[0]}" if len(names) > 1 else ".output"

    if not TYPE_CHECKING:
        __lt__ = __le__ = __gt__ = __ge__ = _compared

        def __format__(self, spec: str) -> str:
            error(
                "TP114",
                f"the task `{self._name}` is used in text instead of its output",
                help=f"use its output: `{{task{self._instead()}}}`",
            )
            return ""

        def __getattr__(self, name: str) -> Any:
            if name.startswith("_"):
                raise AttributeError(name)
            return _no_attribute(self, name)

    def __repr__(self) -> str:
        return without_text(f"<task {self._name}>")


_KFP_ONLY = {
    "inputs": "remove it: the arguments are in the call",
    "dependent_tasks": "remove it: `typedpipe graph FILE` shows the dependencies",
    "channel_inputs": "remove it: the arguments are in the call",
    "platform_spec": "remove it: `typedpipe compile FILE` writes the manifest",
    "add_node_selector_constraint": 'remove it: use `.set_accelerator_type("nvidia.com/gpu")` to request accelerators',
    "set_debug_pause": "remove it: the engine keeps the pod of a failed task",
}


def _each_output(names: Sequence[str]) -> str:
    return listed([f".outputs.{name}" for name in names], "or")


def _no_attribute(task: Task[Any], name: str) -> Any:
    """Report an attribute that tasks do not have. The placeholder for it can be called like an option."""
    outputs = task._output_names()
    known = [word for word in dir(Task) if not word.startswith("_")]
    setter = name.startswith(("set_", "add_"))
    guess = nearest(name, [*outputs, *known])
    if name in outputs:
        help_ = f"outputs are in `.outputs`: use `task.outputs.{name}`"
    elif name in _KFP_ONLY:
        help_ = _KFP_ONLY[name]
    elif guess:
        help_ = f"did you mean `.outputs.{guess}`?" if guess in outputs else f"did you mean `.{guess}`?"
    elif setter:
        help_ = f"the settings are {listed([word for word in known if word.startswith('set_')])}"
    else:
        help_ = f"its output is `task{task._instead()}`" if outputs else "it has no outputs"
    if task._callee is not None:
        code, word = ("TP117", "setting") if setter else ("TP115", "attribute")
        error(code, f"a task has no {word} `.{name}`", help=help_)
    if not setter:
        return poison(task._trace)

    def ignored(*args: object, **kwargs: object) -> Task[Any]:
        reject(task._trace, [args, kwargs])
        return task

    return ignored


_WHOLE, _ONLY = "*", "."
"""No outputs have these names."""


class UseOutputs:
    """The type of ``.output`` if there are several outputs: use one of ``.outputs``."""


class Outputs(Generic[O_co]):
    """A task's outputs by name: ``task.outputs.model``, ``task.outputs["model"]``, or unpacked in order."""

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...
        def __getitem__(self, name: str) -> Any: ...
        def __iter__(self) -> Iterator[Any]: ...

    else:
        __slots__ = ("_tp_task",)

        def __init__(self, task: Task[Any]) -> None:
            self._tp_task = task

        def __getattr__(self, name: str) -> Any:
            if name.startswith("__") and name.endswith("__"):
                raise AttributeError(name)
            return self._tp_task._named_output(name)

        def __getitem__(self, name: str | int) -> Any:
            names = self._tp_task._output_names()
            if type(name) is int and -len(names) <= name < len(names):
                return self._tp_task._value(names[name])
            if not isinstance(name, str) and names:
                help_ = f"use {_each_output(names)}"
                error("TP115", f"`{self._tp_task._callee.name}` has no output number {name!r}", help=help_)
                return poison(self._tp_task._trace)
            return self._tp_task._named_output(str(name))

        def __iter__(self) -> Iterator[Any]:
            if self._tp_task._callee is None:  # their number is unknown; the error was reported
                abort()
            return iter([self._tp_task._value(name) for name in self._tp_task._output_names()])

        def __len__(self) -> int:
            return len(self._tp_task._output_names())

        def __contains__(self, name: object) -> bool:
            return name in self._tp_task._output_names()

        def _tp_no_value(self) -> tuple[str, str]:
            return (
                "the whole set of outputs of a task",
                f"select one output: {_each_output(self._tp_task._output_names())}",
            )

        def _tp_whole(self) -> PipelineValue | None:
            """The outputs as one value, if they are the fields of a class whose objects can be passed on."""
            callee = self._tp_task._callee
            return None if callee is not None and callee.whole is None else self._tp_task._whole()

        @property
        def keys(self) -> Any:
            """Names of the outputs, so that ``**`` and ``dict()`` work as in KFP; an output named ``keys`` wins."""
            names = self._tp_task._output_names()
            return self._tp_task._value("keys") if "keys" in names else lambda: names

        def __format__(self, spec: str) -> str:
            whole = self._tp_whole()
            if whole is not None:
                return format(whole, spec)
            name = self._tp_task._output_names()[:1]
            error(
                "TP114",
                f"all outputs of the task `{self._tp_task._name}` are used in text, but not all of them are values",
                help=f"use one of them: `{{task.outputs.{name[0]}}}`" if name else "it has no outputs",
            )
            return ""

        def __str__(self) -> str:
            return format(self, "")

        def __repr__(self) -> str:
            whole = self._tp_whole()
            if whole is not None:
                return repr(whole)
            return without_text(f"<outputs of {self._tp_task._name}: {', '.join(self._tp_task._output_names())}>")


def _outputs(task: Task[Any]) -> Any:
    make: Any = Outputs  # its constructor is not public
    return make(task)


class ParamTask(Task[R_co], Generic[R_co, O_co]):
    """The task of a component with output parameters: ``.output: R``, ``.outputs: O``."""

    __slots__ = ()

    @property
    def outputs(self) -> O_co:  # type: ignore[override]  # these outputs are parameters: O has their names, not R
        outputs: Any = _outputs(self)
        return outputs  # type: ignore[no-any-return]  # as in `Task`
