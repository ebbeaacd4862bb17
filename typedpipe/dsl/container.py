"""``@container_component``: a component that runs a command line in an image."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Concatenate, Generic, NoReturn, ParamSpec, TypeVar, overload

from typedpipe.diagnostics.errors import PipelineError
from typedpipe.dsl.component import BaseComponent, Component, FunctionComponent, ParamComponent, component_callee
from typedpipe.dsl.marker_form import present, without_text
from typedpipe.dsl.nodes.callee import not_a_function
from typedpipe.dsl.nodes.task import ParamTask, UseOutputs
from typedpipe.dsl.source.files import span_of_function
from typedpipe.dsl.tracing import (
    NONCES,
    Site,
    TraceAbort,
    error,
    exception_line,
    fatal,
    listed,
    reporting,
    site_here,
    user_site,
)
from typedpipe.dsl.values import markers
from typedpipe.ir import nodes as ir
from typedpipe.ir.images import is_image
from typedpipe.types.markers import OutputPath

P = ParamSpec("P")
T = TypeVar("T")
F_co = TypeVar("F_co", covariant=True)  # a whole function type


class ContainerSpec:
    """The image and command line of a container component.

    Args:
        image: The container image.
        command: The program and its first arguments. Always provide one: otherwise Argo looks it up in a registry.
        args: More arguments.
    """

    def __init__(self, image: str, command: Sequence[Any] | None = None, args: Sequence[Any] | None = None) -> None:
        self.image = image
        self.command = _words("command", command)
        self.args = _words("args", args)
        self._site = site_here()


def _words(option: str, words: Sequence[Any] | None) -> list[Any]:
    """Check that a command line is a list: a string would be split into letters."""
    if isinstance(words, (str, Part)):
        help_ = f'use a list: `{option}=["sh", "-c", "…"]`'
        error("TP108", f"`{option}` of a `dsl.ContainerSpec` must be a list, not a string", help=help_)
        return []
    return list(words or ())


class ConcatPlaceholder:
    """Text and inputs joined into one argument: ``ConcatPlaceholder(["--n=", n])``."""

    def __init__(self, items: Sequence[Any]) -> None:
        self.items = list(items)


class IfPresentPlaceholder:
    """Arguments that are present only if an optional input was passed.

    Args:
        input_name: The name of the input.
        then: The argument, or list of arguments, if it was passed.
        else_: The same if it was not.
    """

    def __init__(self, input_name: str, then: Any, else_: Any = None) -> None:
        self.input_name = input_name
        self.then = then
        self.else_ = else_


_PATHS = ("input_path", "output_parameter", "output_path")
"""Placeholders for paths of typedpipe's own, in which a shell finds nothing to quote."""


class Inserted:
    """The placeholders in the texts of one container component."""

    def __init__(self) -> None:
        self.nonce = next(NONCES)
        self.formats: list[markers.Insertion] = []


class Part:
    """A parameter of a container component's function: a placeholder for a value known when the task runs."""

    __slots__ = ("_plain", "_table", "_tp_kind", "_tp_name")
    _tp_kind: ir.PlaceholderKind

    def __init__(self, table: Inserted, kind: ir.PlaceholderKind, name: str, *, plain: bool = False) -> None:
        self._table = table
        self._tp_kind = kind
        self._tp_name = name
        self._plain = plain or kind in _PATHS

    def _text(self) -> str:
        return markers.write(self._table, ir.Placeholder(self._tp_kind, self._tp_name), plain=self._plain)

    def __repr__(self) -> str:
        return without_text(f"<input {self._tp_name}>")

    def __format__(self, spec: str) -> str:
        if spec:
            error(
                "TP108",
                "a format specification is not supported for an input of a container component",
                help="remove `:" + spec + "`",
            )
        return self._text()

    def __str__(self) -> str:
        return self._text()

    def __fspath__(self) -> str:
        return self._text()

    def _unknown(self, *args: object) -> NoReturn:
        fatal(
            "TP108",
            f"`{self._tp_name}` is known only when the container runs",
            help="use it unchanged in `command` or `args`, in an f-string, or in a `dsl.ConcatPlaceholder`",
        )

    __bool__ = __iter__ = __len__ = __int__ = __float__ = __index__ = _unknown
    __lt__ = __le__ = __gt__ = __ge__ = __contains__ = __getitem__ = __hash__ = _unknown
    if not TYPE_CHECKING:
        __eq__ = __ne__ = _unknown

    def __add__(self, other: object) -> str:
        return f"{self}{other}" if isinstance(other, (str, Part)) else self._unknown()

    def __radd__(self, other: object) -> str:
        return f"{other}{self}" if isinstance(other, (str, Part)) else self._unknown()


class ArtifactPart(Part):
    """An artifact of a container component: ``.path``, ``.uri`` and ``.metadata`` are placeholders for later values."""

    __slots__ = ("_output",)

    def __init__(self, table: Inserted, name: str, *, output: bool) -> None:
        super().__init__(table, "output_path" if output else "input_path", name)
        self._output = output

    @property
    def path(self) -> Part:
        return Part(self._table, "output_path" if self._output else "input_path", self._tp_name)

    @property
    def uri(self) -> Part:
        return Part(self._table, "output_uri" if self._output else "input_uri", self._tp_name)

    @property
    def metadata(self) -> Part:
        if self._output:
            fatal(
                "TP108",
                "the metadata of an output is not available to a container",
                help="use the metadata of an input",
            )
        return Part(self._table, "input_metadata", self._tp_name)

    @property
    def name(self) -> str:
        return self._tp_name


if TYPE_CHECKING:
    # As for `component`: an OutputPath is a str, so functions with a str parameter there are matched first.
    _OP = OutputPath[Any]
    _S0 = TypeVar("_S0", bound=Callable[Concatenate[str, ...], ContainerSpec])
    _S1 = TypeVar("_S1", bound=Callable[Concatenate[_OP, str, ...], ContainerSpec])
    _S2 = TypeVar("_S2", bound=Callable[Concatenate[_OP, _OP, str, ...], ContainerSpec])

    class _Str0(FunctionComponent, Generic[F_co]):
        def __call__(
            self: _Str0[Callable[P, ContainerSpec]], *args: P.args, **kwargs: P.kwargs
        ) -> ParamTask[Any, Any]: ...

    class _Str1(FunctionComponent, Generic[F_co]):
        def __call__(
            self: _Str1[Callable[Concatenate[OutputPath[T], P], ContainerSpec]], *args: P.args, **kwargs: P.kwargs
        ) -> ParamTask[T, Any]: ...

    class _Str2(FunctionComponent, Generic[F_co]):
        def __call__(
            self: _Str2[Callable[Concatenate[_OP, _OP, P], ContainerSpec]], *args: P.args, **kwargs: P.kwargs
        ) -> ParamTask[UseOutputs, Any]: ...

    @overload
    def container_component(fn: _S0, /) -> _Str0[_S0]: ...  # type: ignore[overload-overlap]  # the first match wins
    @overload
    def container_component(fn: _S1, /) -> _Str1[_S1]: ...  # type: ignore[overload-overlap]  # as above
    @overload
    def container_component(fn: _S2, /) -> _Str2[_S2]: ...
    @overload
    def container_component(
        fn: Callable[Concatenate[_OP, _OP, P], ContainerSpec], /
    ) -> ParamComponent[P, UseOutputs, Any]: ...
    @overload
    def container_component(
        fn: Callable[Concatenate[OutputPath[T], P], ContainerSpec], /
    ) -> ParamComponent[P, T, Any]: ...
    @overload
    def container_component(fn: Callable[P, ContainerSpec], /) -> ParamComponent[P, Any, Any]: ...
    def container_component(fn: Any, /) -> Any: ...

else:

    def container_component(fn, /):
        """Create a component from a function that returns a :class:`ContainerSpec`.

        The function runs once, immediately. Its parameters are placeholders for values known when the task runs: use
        them unchanged in ``command`` and ``args``, in f-strings, or in a :class:`ConcatPlaceholder`.

        Raises:
            PipelineError: The definition has errors.

        >>> from typedpipe import dsl
        >>> @dsl.container_component
        ... def greet(text: dsl.OutputPath[str], name: str):
        ...     return dsl.ContainerSpec("busybox", ["sh", "-c", 'echo -n "hello $0" > $1'], [name, text])
        """
        return _define(fn)


def _define(fn: Any) -> Component[..., Any] | ParamComponent[..., Any, Any]:
    from typedpipe.dsl.signature import component_signature

    problem = not_a_function(fn, "container_component")
    if problem is not None:
        at = span_of_function(fn)
        error("TP107", problem[0], at if at.file else None, help=problem[1])
        return ParamComponent(fn, None, None)
    with reporting() as report:
        signature = component_signature(fn, container=True)
        returned = getattr(fn, "__annotations__", {}).get("return")
        if returned not in (None, ContainerSpec) and not str(returned).endswith("ContainerSpec"):
            message = f"the container component `{fn.__name__}` declares a return value"
            error(
                "TP108",
                message,
                span_of_function(fn),
                help="declare each output as a parameter, such as `rows: OutputPath[int]`",
            )
        table = Inserted()
        definition = callee = None
        if not report.has_errors:
            from typedpipe.dsl.source.decisions import check_decisions  # loading takes time
            from typedpipe.dsl.source.facts import inputs_of

            decided = check_decisions(fn, inputs_of(signature.inputs), report, _HELP)
            spec = None if decided else _spec(fn, _parts(signature.inputs, signature.outputs, table))
            if isinstance(spec, ContainerSpec):
                impl = _impl(spec, table, {port.name for port in signature.inputs})
                image: Any = spec.image  # untyped: the return value of a user's function
                if not isinstance(image, str) or not image or present(image):
                    message = "the image of a container component must be a constant string"
                    error(
                        "TP108",
                        message,
                        spec._site,
                        help="set the image on the task: `task.set_container_image(value)`",
                    )
                elif not is_image(image):
                    message = f"`{image}` is not the name of an image"
                    error("TP108", message, spec._site, help='for example `image="busybox:1.36"`')
                elif not report.has_errors:
                    definition = ir.Component(
                        fn.__name__,
                        signature.inputs,
                        signature.outputs,
                        impl,
                        image,
                        signature.description,
                        span_of_function(fn),
                    )
                    callee = component_callee(definition)
            elif spec is not None or not len(report.items):
                error(
                    "TP108",
                    f"`{fn.__name__}` returns `{type(spec).__name__}`, not `ContainerSpec`",
                    span_of_function(fn),
                    help='end it with `return dsl.ContainerSpec(image="…", command=[…], args=[…])`',
                )
    component: ParamComponent[..., Any, Any] = ParamComponent(fn, callee, definition)
    return component


def _spec(fn: Any, parts: dict[str, Part]) -> object:
    """Return value of the function; None after an error was reported."""
    code = fn.__code__
    first = code.co_varnames[: code.co_argcount]
    try:
        return fn(*[parts[name] for name in first], **{name: part for name, part in parts.items() if name not in first})
    except (TraceAbort, PipelineError):
        return None
    except Exception as problem:
        site = user_site(problem, code.co_filename)
        message = f"the container component `{fn.__name__}` raises {exception_line(problem)}"
        help_ = "the function runs once, when it is defined; values that are known only later can only be used in the command line"
        error("TP108", message, site, help=help_)
        return None


def _parts(inputs: Sequence[ir.InputPort], outputs: Sequence[ir.OutputPort], table: Inserted) -> dict[str, Part]:
    parts: dict[str, Part] = {}
    for port in inputs:
        if port.how == "artifact":
            parts[port.name] = ArtifactPart(table, port.name, output=False)
        else:
            kind: ir.PlaceholderKind = "input_path" if port.how == "path" else "input_value"
            parts[port.name] = Part(table, kind, port.name, plain=markers.is_plain(port.type))
    for output in outputs:
        if output.how == "artifact":
            parts[output.name] = ArtifactPart(table, output.name, output=True)
        elif output.how == "path":
            from typedpipe.types.model import is_artifact

            kind = "output_path" if is_artifact(output.type) else "output_parameter"
            parts[output.name] = Part(table, kind, output.name)
    return parts


def _impl(spec: ContainerSpec, table: Inserted, inputs: set[str]) -> ir.ContainerImpl:
    site = spec._site
    return ir.ContainerImpl(
        tuple(part for item in spec.command for part in _argument(item, table, inputs, site)),
        tuple(part for item in spec.args for part in _argument(item, table, inputs, site)),
    )


def _argument(item: object, table: Inserted, inputs: set[str], site: Site | None) -> tuple[ir.CommandPart, ...]:
    """One argument; an :class:`IfPresentPlaceholder` may expand to several or none."""
    if isinstance(item, Part):
        return (ir.Placeholder(item._tp_kind, item._tp_name),)
    if isinstance(item, str):
        return (_text(item, table, site),)
    if isinstance(item, (bool, int, float)):
        return (str(item),)
    if isinstance(item, ConcatPlaceholder):
        return (ir.Concat(tuple(part for inner in item.items for part in _argument(inner, table, inputs, site))),)
    if isinstance(item, IfPresentPlaceholder):
        if item.input_name not in inputs:
            error(
                "TP108",
                f"`IfPresentPlaceholder` refers to an unknown input: {item.input_name!r}",
                site,
                help=f"the inputs are {listed(sorted(inputs))}" if inputs else "the component has no inputs",
            )
        return (
            ir.IfPresent(
                item.input_name,
                _arguments(item.then, table, inputs, site),
                _arguments(item.else_, table, inputs, site),
            ),
        )
    error(
        "TP108",
        f"{item!r} is not supported as an argument of a container",
        site,
        help="use a string, an input, an output, `ConcatPlaceholder` or `IfPresentPlaceholder`",
    )
    return ()


def _arguments(items: object, table: Inserted, inputs: set[str], site: Site | None) -> tuple[ir.CommandPart, ...]:
    if items is None:
        return ()
    several = items if isinstance(items, (list, tuple)) else [items]
    return tuple(part for item in several for part in _argument(item, table, inputs, site))


def _text(text: str, table: Inserted, site: Site | None) -> ir.CommandPart:
    """Text, with the inputs that an f-string inserted."""
    if not present(text):
        return text
    found = markers.pieces(table, text)
    if not isinstance(found, markers.Damage) and any(not isinstance(part, str) and part.escapes for part in found):
        found = markers.Damage("json")
    if isinstance(found, markers.Damage):
        what, help_ = _DAMAGE.get(found.by, _DAMAGE[""])
        error("TP159", f"text that contains an input was {what}", site, help=help_)
        return ""
    parts = tuple(part if isinstance(part, str) else part.inserted.value for part in found)
    return parts[0] if len(parts) == 1 else ir.Concat(parts)


_HELP = "use the input unchanged, in an f-string, a `dsl.ConcatPlaceholder` or a `dsl.IfPresentPlaceholder`"
_DAMAGE = {
    "": (
        "changed after it was created",
        'pass the f-string unchanged: `f"--n={n}"`, without `!r`; change the text in the container',
    ),
    "shell": (
        "quoted for a shell before the value is known",
        'pass the input as an argument of the shell: `command=["sh", "-c", \'… "$1"\', "sh", name]`',
    ),
    "json": (
        "put into JSON before the value is known",
        "pass the input as a separate argument, and write the JSON in the container; or build it in a Python component, "
        "and pass it as one input",
    ),
    "html": ("escaped for HTML before the value is known", "escape the text in the container"),
    "yaml": ("written as YAML before the value is known", "write the YAML in the container, or in a Python component"),
}


__all__ = ["BaseComponent", "ConcatPlaceholder", "ContainerSpec", "IfPresentPlaceholder", "container_component"]
