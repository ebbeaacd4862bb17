"""Fakes: a value, a function or an exception instead of a component, and a record of its calls."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from contextvars import Token
from pathlib import Path
from types import TracebackType
from typing import Any, Generic, NoReturn, ParamSpec, Self, TypeVar, overload

from typedpipe.diagnostics.words import nearest
from typedpipe.dsl.component import BaseComponent, Component
from typedpipe.dsl.tracing import fatal, listed
from typedpipe.ir import nodes as ir
from typedpipe.local.replacements import REPLACEMENTS
from typedpipe.runtime.task import WireError, encode
from typedpipe.testing.answers import delivered, forget, inputs_of, parts_of, stub
from typedpipe.types.artifacts import Artifact
from typedpipe.types.data import to_data
from typedpipe.types.display import show
from typedpipe.types.model import is_artifact, is_optional, without_none

P = ParamSpec("P")
R = TypeVar("R")


class Fake:
    """The replacement of a component, active inside its ``with`` block. It records its calls."""

    def __init__(self, component: BaseComponent, answer: Callable[[Mapping[str, Any]], Any]) -> None:
        self.name = component.name
        self.calls: list[dict[str, Any]] = []
        """The inputs of each call by name, in the order of the calls."""
        self._component = component
        self._answer = answer
        self._stub = ""
        self._token: Token[Mapping[int, tuple[ir.Component, ir.Component]]] | None = None

    def __enter__(self) -> Self:
        definition = self._component.definition
        assert definition is not None
        new, self._stub = stub(definition, self._called)
        self._token = REPLACEMENTS.set({**REPLACEMENTS.get({}), id(definition): (definition, new)})
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._token is not None:
            REPLACEMENTS.reset(self._token)
            forget(self._stub)
            self._token = None

    def _called(self, given: Mapping[str, Any]) -> Any:
        definition = self._component.definition
        assert definition is not None
        inputs = inputs_of(definition, given, self._component._classes)  # noqa: SLF001 - its own package
        self.calls.append(inputs)
        return self._answer({**given, **inputs})

    def assert_called(self, times: int | None = None) -> None:
        """Assert that it was called ``times`` times, or at least once."""
        __tracebackhide__ = True
        found = len(self.calls)
        if found == times or (times is None and found):
            return
        wanted = "at least once" if times is None else _times(times)
        raise AssertionError(
            f"expected `{self.name}` to be called {wanted}, but it was called {_times(found)}{self._said()}"
        )

    def assert_called_with(self, **inputs: Any) -> None:
        """Assert that one of its calls had these inputs; other inputs may have any value.

        An artifact input is compared by content if text or bytes are passed for it.
        """
        __tracebackhide__ = True
        if not any(
            all(name in call and _same(call[name], value) for name, value in inputs.items()) for call in self.calls
        ):
            wanted = ", ".join(f"{name}={value!r}" for name, value in inputs.items())
            raise AssertionError(f"`{self.name}` was not called with {wanted}{self._said()}")

    def _said(self) -> str:
        lines = [", ".join(f"{name}={value!r}" for name, value in call.items()) for call in self.calls[:10]]
        return "".join(f"\n  call {number}: {line}" for number, line in enumerate(lines, 1))

    def __repr__(self) -> str:
        return f"<fake {self.name}: called {_times(len(self.calls))}>"


def _times(number: int) -> str:
    return "once" if number == 1 else f"{number} times"


def _same(found: Any, wanted: Any) -> bool:
    if isinstance(wanted, str | bytes) and hasattr(found, "__fspath__") and not isinstance(wanted, Artifact):
        return _content(found) == (wanted.encode() if isinstance(wanted, str) else wanted)
    if hasattr(found, "artifact") and isinstance(found, str) and isinstance(wanted, str | bytes):
        return _content(found) == (wanted.encode() if isinstance(wanted, str) else wanted)
    return bool(found == wanted)


def _content(path: Any) -> bytes:
    return Path(path).read_bytes()


class Faking(Generic[P, R]):
    """The replacement of a component, still to be chosen. Created by :func:`fake`."""

    def __init__(self, component: BaseComponent, use: Callable[[Fake], Fake] | None = None) -> None:
        if not isinstance(component, BaseComponent):
            _refuse(f"only a component can be faked, not {component!r}", "pass the component: `fake(train)`")
        if component.definition is None:
            _refuse(f"`{component.name}` has errors in its definition", "fix the errors in its definition first")
        self._component = component
        self._definition = component.definition
        self._use = use or (lambda made: made)

    def by(self, function: Callable[P, R], /) -> Fake:
        """Call a function instead, with the component's inputs by name.

        If it has parameters with the names of the component's output parameters, it receives these, too, and writes
        them.
        """
        outputs = frozenset(port.name for port in self._definition.outputs if port.how in ("path", "artifact"))
        taken, names = _parameters(self._definition, function, outputs)
        called: Callable[..., Any] = function

        def answer(given: Mapping[str, Any]) -> Any:
            result = called(**{name: given[name] for name in names if name in given})
            return delivered(self._definition, result, given, taken)

        return self._use(Fake(self._component, answer))

    def returns(self, value: R | Mapping[str, Any], /) -> Fake:
        """Return this value. Text or bytes for an artifact are its content; a mapping sets several outputs by name."""
        self._check(value)
        return self._use(Fake(self._component, lambda given: delivered(self._definition, value, given, frozenset())))

    def writes(self, content: str | bytes, /) -> Fake:
        """Return an artifact with this content, for a component whose single output is an artifact."""
        outputs = self._definition.outputs
        if len(outputs) != 1 or not is_artifact(outputs[0].type):
            found = listed([port.name for port in outputs]) or "nothing"
            _refuse(
                f"`{self._component.name}` does not return one artifact, but {found}",
                "pass all outputs: `.returns(…)` accepts a mapping by name",
            )
        return self._use(Fake(self._component, lambda given: delivered(self._definition, content, given, frozenset())))

    def raises(self, exception: BaseException | type[BaseException], /) -> Fake:
        """Raise this exception, so that the task fails."""
        given: Any = exception  # untyped: the value comes from a test
        if not isinstance(given, BaseException) and not (isinstance(given, type) and issubclass(given, BaseException)):
            _refuse(f"a fake cannot raise {exception!r}", 'pass an exception, such as `ValueError("no data")`')

        def answer(_given: Mapping[str, Any]) -> NoReturn:
            raise exception

        return self._use(Fake(self._component, answer))

    def _check(self, value: Any) -> None:
        """Reject a value that cannot be the component's outputs as soon as it is set."""
        ports = {port.name: port for port in self._definition.outputs}
        names = list(ports)
        who = f"the fake of `{self._component.name}`"
        if isinstance(value, Mapping) and len(names) > 1:
            for name in value:
                if name not in ports:
                    near = nearest(str(name), names)
                    help_ = f"did you mean `{near}`?" if near else f"the outputs are {listed(names)}"
                    _refuse(f"{who} returns `{name}`, which is not an output", help_)
        if type(value) is tuple and len(names) > 1 and len(value) != len(names):
            _refuse(f"{who} returns {len(value)} values instead of {len(names)}", f"the outputs are {listed(names)}")
        parts = parts_of(value, names)
        missing = [port.name for port in ports.values() if port.name not in parts and _is_required(port)]
        if missing:
            _refuse(f"{who} does not return {listed(missing)}", f"the outputs are {listed(names)}")
        for name, part in parts.items():
            self._check_part(ports[name], part)

    def _check_part(self, port: ir.OutputPort, value: Any) -> None:
        said = f"the fake of `{self._component.name}` returns an invalid output: `{port.name}`"
        if is_artifact(port.type):
            absent = value is None and (port.how in ("path", "artifact") or is_optional(port.type))
            if not absent and not isinstance(value, Artifact | str | bytes):
                reason = f"{said} expected `{show(port.type)}`, found `{type(value).__name__}`"
                _refuse(reason, f"return a `{show(without_none(port.type))}`, or its content as text or bytes")
            return
        if value is None and port.how == "path":
            return
        try:
            encode(value, to_data(port.type), port.name)
        except WireError as problem:
            _refuse(f"{said} {problem.reason}", f"return a `{show(port.type)}`")


def _is_required(port: ir.OutputPort) -> bool:
    """Whether a component that does not set this output fails. An output artifact exists anyway."""
    if is_optional(port.type) and port.how == "path":
        return False
    return port.how in ("return", "field") or not is_artifact(port.type)


class FakingOutputs(Faking[..., Any]):
    """A :class:`Faking` for a component with output parameters: their names are not in its static type."""

    def by(self, function: Callable[..., Any], /) -> Fake:
        """See :meth:`Faking.by`."""
        return super().by(function)


def _parameters(
    component: ir.Component, function: Any, outputs: frozenset[str]
) -> tuple[frozenset[str], tuple[str, ...]]:
    """Output parameters that a fake accepts, and all parameters that it is called with."""
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):
        _refuse(f"the fake of `{component.name}` is {function!r}, which is not callable", "pass a function")
    kinds = {parameter.kind for parameter in parameters.values()}
    named = {n for n, p in parameters.items() if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}
    inputs = [port.name for port in component.inputs]
    needed = {
        n for n, p in parameters.items() if p.default is p.empty and p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)
    }
    lacking = [] if inspect.Parameter.VAR_KEYWORD in kinds else [name for name in inputs if name not in named]
    extra = sorted(needed - set(inputs) - outputs)
    if lacking or extra:
        said = f"it does not accept {listed(lacking)}" if lacking else ""
        also = (
            f"it requires {listed(extra)}, which {'is' if len(extra) == 1 else 'are'} not among the inputs"
            if extra
            else ""
        )
        _refuse(
            f"the fake of `{component.name}` does not match the component: {' and '.join(part for part in (said, also) if part)}",
            f"it is called with {listed(inputs)}" if inputs else "it is called without arguments",
        )
    taken = frozenset(name for name in outputs if name in named)
    return taken, (*inputs, *sorted(taken))


def _refuse(message: str, help_: str) -> NoReturn:
    fatal("TP661", message, help=help_)


@overload
def fake(component: Component[P, R], /) -> Faking[P, R]: ...  # type: ignore[overload-overlap]  # the first match wins
@overload
def fake(component: BaseComponent, /) -> FakingOutputs: ...
def fake(component: Any, /) -> Any:
    """Replace a component in the runs that are started inside a ``with`` block. They run in this process.

    >>> from typedpipe import dsl
    >>> @dsl.component
    ... def load(rows: int) -> int:
    ...     raise OSError("there is no network")
    >>> @dsl.pipeline
    ... def main(n: int) -> int:
    ...     return load(rows=n).output
    >>> with fake(load).returns(7) as loaded:
    ...     main.local(n=3)
    7
    >>> loaded.calls
    [{'rows': 3}]
    """
    return FakingOutputs(component)
