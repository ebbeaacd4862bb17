"""``@component``: turns a plain function with type hints into a component.

The static half of this file is for type checkers. Each signature in it was tested with mypy, pyright, pyrefly and ty;
``tests/typing`` enforces it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Concatenate, Generic, ParamSpec, Protocol, TypeVar, overload

from typedpipe.diagnostics.model import Span
from typedpipe.dsl.nodes.callee import Callee, Decorated, call, new_key, not_a_function
from typedpipe.dsl.nodes.task import ParamTask, Task, UseOutputs
from typedpipe.dsl.tracing import current, error
from typedpipe.installed.packages import is_requirement
from typedpipe.ir import nodes as ir
from typedpipe.ir.images import is_image
from typedpipe.types.markers import OutputPath
from typedpipe.types.model import Type

T = TypeVar("T")
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)  # the return type of the function
O_co = TypeVar("O_co", covariant=True)  # the output parameters, by name
F_co = TypeVar("F_co", covariant=True)  # a whole function type
P = ParamSpec("P")

DEFAULT_IMAGE = "python:3.11"


class BaseComponent:
    """A component by its definition in the IR alone; None when its decoration failed."""

    def __init__(self, definition: ir.Component | None, callee: Callee | None) -> None:
        self.definition = definition
        self._callee = callee
        self.__name__ = self.name = definition.name if definition is not None else "component"
        self.__doc__ = definition.description if definition is not None else None

    def __call__(self, /, *args: Any, **kwargs: Any) -> Task[Any]:
        task: Task[Any] = self._called(args, kwargs, Task)
        return task

    @property
    def _classes(self) -> Mapping[str, Any]:
        """Namespace in which the classes of its interface are looked up."""
        return {}

    def _called(self, args: tuple[Any, ...], kwargs: dict[str, Any], task_class: type[Task[Any]]) -> Any:
        trace = current()
        frame = sys._getframe(2)
        if trace is None:
            from typedpipe.dsl.direct import called_here

            return called_here("component", self, args, kwargs, (frame.f_code, frame.f_lasti))
        callee = self._callee
        if callee is not None and callee.key not in trace.components:
            assert self.definition is not None
            trace.components[callee.key] = self.definition
            trace.called[callee.key] = self
        return call(callee, task_class, args, kwargs, (frame.f_code, frame.f_lasti))

    def __repr__(self) -> str:
        return f"<component {self.name}>"


class FunctionComponent(Decorated, BaseComponent):
    """A component created by a decorator, with its function."""

    def __init__(self, fn: Any, callee: Callee | None, definition: ir.Component | None) -> None:
        BaseComponent.__init__(self, definition, callee)
        Decorated.__init__(self, fn)
        self.name = self.__name__

    @property
    def python_func(self) -> Any:
        """The decorated function: call it in a unit test."""
        return self._fn

    @property
    def _classes(self) -> Mapping[str, Any]:
        names: Mapping[str, Any] = self._fn.__globals__
        return names


class Component(FunctionComponent, Generic[P, R_co]):
    """A component whose outputs are the return values of its function.

    Created by :func:`component`. Calling it inside a ``@pipeline`` creates a :class:`Task`.
    """

    def __call__(self, /, *args: P.args, **kwargs: P.kwargs) -> Task[R_co]:
        task: Task[R_co] = self._called(args, kwargs, Task)
        return task

    def local(self, /, *args: P.args, **kwargs: P.kwargs) -> R_co:
        """Run the function immediately, in this process, e.g. in a unit test.

        >>> from typedpipe import dsl
        >>> @dsl.component
        ... def double(n: int) -> int:
        ...     return 2 * n
        >>> double.local(n=4)
        8
        """
        __tracebackhide__ = True
        result: R_co = self._fn(*args, **kwargs)
        return result


class ParamComponent(FunctionComponent, Generic[P, R_co, O_co]):
    """A component that has output parameters, or no output."""

    def __call__(self, /, *args: P.args, **kwargs: P.kwargs) -> ParamTask[R_co, O_co]:
        task: ParamTask[R_co, O_co] = self._called(args, kwargs, ParamTask)
        return task

    def local(self, /, *args: P.args, **kwargs: P.kwargs) -> O_co:
        """Run the function immediately; output parameters get temporary paths, and are returned by name."""
        from typedpipe.dsl.direct import run_with_outputs

        if self.definition is None:
            result: O_co = self._fn(*args, **kwargs)
            return result
        outputs: O_co = run_with_outputs(self.definition, self._fn, args, kwargs)
        return outputs


if TYPE_CHECKING:
    # Up to three leading OutputPath parameters are removed from the call's signature.  An OutputPath is a str, so a
    # str parameter would pass for one: functions with a str there are matched first, by their whole type.
    _OP = OutputPath[Any]
    _S0 = TypeVar("_S0", bound=Callable[Concatenate[str, ...], None])
    _S1 = TypeVar("_S1", bound=Callable[Concatenate[_OP, str, ...], None])
    _S2 = TypeVar("_S2", bound=Callable[Concatenate[_OP, _OP, str, ...], None])
    _S3 = TypeVar("_S3", bound=Callable[Concatenate[_OP, _OP, _OP, str, ...], None])

    class _Str0(FunctionComponent, Generic[F_co]):
        def __call__(self: _Str0[Callable[P, None]], *args: P.args, **kwargs: P.kwargs) -> ParamTask[Any, Any]: ...
        def local(self: _Str0[Callable[P, None]], *args: P.args, **kwargs: P.kwargs) -> Any: ...

    class _Str1(FunctionComponent, Generic[F_co]):
        def __call__(
            self: _Str1[Callable[Concatenate[OutputPath[T], P], None]], *args: P.args, **kwargs: P.kwargs
        ) -> ParamTask[T, Any]: ...
        def local(
            self: _Str1[Callable[Concatenate[OutputPath[T], P], None]], *args: P.args, **kwargs: P.kwargs
        ) -> Any: ...

    class _Str2(FunctionComponent, Generic[F_co]):
        def __call__(
            self: _Str2[Callable[Concatenate[_OP, _OP, P], None]], *args: P.args, **kwargs: P.kwargs
        ) -> ParamTask[UseOutputs, Any]: ...
        def local(self: _Str2[Callable[Concatenate[_OP, _OP, P], None]], *args: P.args, **kwargs: P.kwargs) -> Any: ...

    class _Str3(FunctionComponent, Generic[F_co]):
        def __call__(
            self: _Str3[Callable[Concatenate[_OP, _OP, _OP, P], None]], *args: P.args, **kwargs: P.kwargs
        ) -> ParamTask[UseOutputs, Any]: ...
        def local(
            self: _Str3[Callable[Concatenate[_OP, _OP, _OP, P], None]], *args: P.args, **kwargs: P.kwargs
        ) -> Any: ...

    # The overloads overlap on purpose, and the first match wins: each `ignore` below is for that.
    class _Decorator(Protocol):
        @overload
        def __call__(self, fn: _S0, /) -> _Str0[_S0]: ...  # type: ignore[overload-overlap]
        @overload
        def __call__(self, fn: _S1, /) -> _Str1[_S1]: ...  # type: ignore[overload-overlap]
        @overload
        def __call__(self, fn: _S2, /) -> _Str2[_S2]: ...  # type: ignore[overload-overlap]
        @overload
        def __call__(self, fn: _S3, /) -> _Str3[_S3]: ...  # pyright: ignore[reportOverlappingOverload]
        @overload
        def __call__(  # pyright: ignore[reportOverlappingOverload]
            self, fn: Callable[Concatenate[_OP, _OP, _OP, P], None], /
        ) -> ParamComponent[P, UseOutputs, Any]: ...
        @overload
        def __call__(self, fn: Callable[Concatenate[_OP, _OP, P], None], /) -> ParamComponent[P, UseOutputs, Any]: ...  # pyright: ignore[reportOverlappingOverload]
        @overload
        def __call__(self, fn: Callable[Concatenate[OutputPath[T], P], None], /) -> ParamComponent[P, T, Any]: ...  # pyright: ignore[reportOverlappingOverload]
        @overload
        def __call__(self, fn: Callable[P, None], /) -> ParamComponent[P, Any, Any]: ...  # type: ignore[overload-overlap]
        @overload
        def __call__(self, fn: Callable[P, R], /) -> Component[P, R]: ...


if TYPE_CHECKING:  # the first one is what editors show at `@component(`

    @overload
    def component(
        fn: None = None,
        /,
        *,
        base_image: str = ...,
        packages_to_install: list[str] = ...,
        pip_index_urls: list[str] = ...,
        pip_trusted_hosts: list[str] = ...,
        include: list[Any] = ...,
        additional_funcs: list[Callable[..., Any]] = ...,
        name: str = ...,
        description: str = ...,
        target_image: str = ...,
        output_component_file: str = ...,
        install_kfp_package: bool = ...,
        kfp_package_path: str = ...,
        use_venv: bool = ...,
    ) -> _Decorator: ...
    @overload
    def component(fn: _S0, /) -> _Str0[_S0]: ...  # type: ignore[overload-overlap]
    @overload
    def component(fn: _S1, /) -> _Str1[_S1]: ...  # type: ignore[overload-overlap]
    @overload
    def component(fn: _S2, /) -> _Str2[_S2]: ...  # type: ignore[overload-overlap]
    @overload
    def component(fn: _S3, /) -> _Str3[_S3]: ...  # pyright: ignore[reportOverlappingOverload]
    @overload
    def component(fn: Callable[Concatenate[_OP, _OP, _OP, P], None], /) -> ParamComponent[P, UseOutputs, Any]: ...  # pyright: ignore[reportOverlappingOverload]
    @overload
    def component(fn: Callable[Concatenate[_OP, _OP, P], None], /) -> ParamComponent[P, UseOutputs, Any]: ...  # pyright: ignore[reportOverlappingOverload]
    @overload
    def component(fn: Callable[Concatenate[OutputPath[T], P], None], /) -> ParamComponent[P, T, Any]: ...  # pyright: ignore[reportOverlappingOverload]
    @overload
    def component(fn: Callable[P, None], /) -> ParamComponent[P, Any, Any]: ...  # type: ignore[overload-overlap]
    @overload
    def component(fn: Callable[P, R], /) -> Component[P, R]: ...


def component(fn: Any = None, /, **options: Any) -> Any:
    """Create a component from a plain function with type hints.

    Its source is shipped with the pipeline. It can use its own imports and the classes of its signature; functions
    and classes of the module must be listed to be shipped: ``include=[helper]``.

    Args:
        fn: The function, if the decorator is used without arguments.
        base_image: The container image that it runs in. Default: ``python:3.11``.
        packages_to_install: Requirements that pip installs at the start of the task, such as ``["pandas==2.3.3"]``.
        pip_index_urls: Package indexes for pip.
        pip_trusted_hosts: Hosts that pip trusts without TLS.
        include: Functions and classes of the module that the function uses.
        additional_funcs: KFP's name for ``include``.
        name: The component's name; Default: the function's name.
        description: Its description. Default: the docstring's first paragraph.
        target_image: An image that holds the function's requirements: used instead of ``base_image``.
        output_component_file: KFP's option; not supported: an error suggests an alternative.
        install_kfp_package: Accepted for KFP and ignored; typedpipe is not installed at the start of a task.
        kfp_package_path: Accepted for KFP and ignored, as above.
        use_venv: Accepted for KFP and ignored, as above.

    Raises:
        PipelineError: The definition has errors (under ``typedpipe compile`` they are collected instead).

    >>> from typedpipe import dsl
    >>> @dsl.component(base_image="python:3.11-slim")
    ... def double(n: int) -> int:
    ...     return 2 * n
    """
    if fn is not None:
        return _define(fn, options)
    return lambda function: _define(function, options)


_OPTIONS: dict[str, Any] = {
    "base_image": str,
    "target_image": str,
    "name": str,
    "description": str,
    "packages_to_install": list,
    "pip_index_urls": list,
    "pip_trusted_hosts": list,
    "include": list,
    "additional_funcs": list,
}
_IGNORED = frozenset({"install_kfp_package", "kfp_package_path", "use_venv"})


def _define(fn: Any, options: dict[str, Any]) -> Any:
    from typedpipe.dsl.signature import component_signature
    from typedpipe.dsl.source.capture import capture
    from typedpipe.dsl.source.files import span_of_function
    from typedpipe.dsl.tracing import reporting

    if isinstance(fn, staticmethod):
        fn = fn.__func__
    problem = not_a_function(fn, "component")
    if problem is not None:
        span = span_of_function(fn)
        error("TP107", problem[0], span if span.file else None, help=problem[1])
        return ParamComponent(fn, None, None) if callable(fn) else lambda function: ParamComponent(function, None, None)
    with reporting() as report:
        options = _checked_options(fn, options)
        signature = component_signature(fn)
        include = [*options.get("include", ()), *options.get("additional_funcs", ())]
        shipped, undefined = signature.classes, signature.undefined
        source = capture(fn, include=include, shipped=shipped, undefined=undefined, report=report)
        definition = callee = None
        if source is not None and not report.has_errors:
            name = options.get("name") or fn.__name__
            impl = ir.PythonImpl(
                source.entry,
                source.chunks,
                signature.returns,
                source.min_python,
                tuple(options.get("packages_to_install", ())),
                tuple(options.get("pip_index_urls", ())),
                tuple(options.get("pip_trusted_hosts", ())),
            )
            image = options.get("target_image") or options.get("base_image") or DEFAULT_IMAGE
            description = options.get("description") or signature.description
            span = span_of_function(fn)
            definition = ir.Component(name, signature.inputs, signature.outputs, impl, image, description, span)
            callee = component_callee(definition, signature.whole)
    if any(port.how in {"path", "artifact"} for port in signature.outputs) or not signature.outputs:
        return ParamComponent(fn, callee, definition)
    return Component(fn, callee, definition)


def component_callee(definition: ir.Component, whole: Type | None = None) -> Callee:
    """The callable interface of a component."""
    outputs = {port.name: port.type for port in definition.outputs}
    callee = Callee(definition.name, new_key(definition.name), definition.inputs, outputs, definition.span)
    callee.whole = whole
    callee.output_params = frozenset(p.name for p in definition.outputs if p.how in {"path", "artifact"})
    return callee


_PIP = {
    "-i": "pip_index_urls",
    "--index-url": "pip_index_urls",
    "--extra-index-url": "pip_index_urls",
    "--trusted-host": "pip_trusted_hosts",
}


def _refuse_options(name: str, items: Sequence[str], span: Span) -> None:
    """Reject options of pip, and what it could not read, among packages, indexes and hosts, which are its arguments."""
    for item in items:
        if item.lstrip().startswith("-"):
            instead = _PIP.get(item.lstrip().partition("=")[0].partition(" ")[0])
            help_ = "remove it; each item is a requirement such as `pandas==2.3.3`, or the URL or path of a package"
            if instead is not None:
                help_ = f"pass its value as an item of `{instead}` instead"
            error("TP106", f"`{item}` in `{name}` is an option of pip", span, help=help_)
        elif name == "packages_to_install" and not is_requirement(item):
            help_ = "each item is a requirement such as `pandas==2.3.3`, or the URL or path of a package"
            error("TP106", f"{json.dumps(item)} in `{name}` is not a requirement", span, help=help_)
        elif not item.strip() or (len(item.split()) > 1 and name != "packages_to_install"):
            error(
                "TP106",
                f"{json.dumps(item)} in `{name}` is not one value",
                span,
                help="pass each value as an item of its own",
            )


def _checked_options(fn: Any, options: dict[str, Any]) -> dict[str, Any]:
    from typedpipe.diagnostics.words import nearest
    from typedpipe.dsl.source.files import span_of_function

    span = span_of_function(fn)
    good: dict[str, Any] = {}
    value: Any
    for name, value in options.items():
        if value is None or name in _IGNORED:
            continue
        wanted = _OPTIONS.get(name)
        if name == "output_component_file":
            error(
                "TP106",
                "`output_component_file` is not supported",
                span,
                help="remove it; `typedpipe ir save` writes the IR",
            )
        elif wanted is None:
            guess = nearest(name, list(_OPTIONS))
            help_ = f"did you mean `{guess}`?" if guess else "the options are: " + ", ".join(_OPTIONS)
            error("TP106", f"`@dsl.component` has no option `{name}`", span, help=help_)
        elif wanted is list and isinstance(value, (list, tuple)):
            if name in {"include", "additional_funcs"} or all(isinstance(item, str) for item in value):
                good[name] = list(value)
                if name.startswith("p"):
                    _refuse_options(name, value, span)
            else:
                error(
                    "TP106", f"`{name}` must be a list of strings", span, help=f'for example `{name}=["pandas==2.3.3"]`'
                )
        elif isinstance(value, wanted):
            good[name] = value
            if name.endswith("_image") and value and not is_image(value):
                error(
                    "TP106",
                    f"`{value}` is not the name of an image",
                    span,
                    help='for example `base_image="python:3.12"`',
                )
        else:
            kind = "a string" if wanted is str else "a list of strings"
            help_ = f'for example `{name}="…"`' if wanted is str else f'for example `{name}=["…"]`'
            error("TP106", f"`{name}` must be {kind}, not `{type(value).__name__}`", span, help=help_)
    return good
