"""Inputs and outputs from a function's signature. No ``inspect``: it costs more than all the rest of decoration."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, replace
from typing import Any, Literal

from typedpipe.diagnostics.model import Label, Span
from typedpipe.dsl.nodes.task import Outputs, Task
from typedpipe.dsl.source.files import source_of, span_of_function
from typedpipe.dsl.tracing import Site, Trace, enclosing_names, error, listed
from typedpipe.dsl.values.lifting import operand
from typedpipe.dsl.values.value import POISON, PipelineValue, is_poison, operand_of
from typedpipe.ir import nodes as ir
from typedpipe.types.annotations import Resolved, Returned, resolve, resolve_return
from typedpipe.types.assignable import mismatch
from typedpipe.types.display import enum_members, show
from typedpipe.types.model import ANY, NULL, ListType, StructType, Type, is_artifact, union, without_none
from typedpipe.types.problems import Problem
from typedpipe.types.values import NotAConstant, constant

_VARARGS, _VARKEYWORDS = 0x04, 0x08
_ARGUMENT = r"^\s*(\w+)\s*(?:\([^)]*\))?\s*:\s*(.*)$"
_HEADING = r"^\s*(Args|Arguments|Parameters|Returns|Raises|Yields|Example|Examples|Note|Notes)\s*:\s*$"


@dataclass(slots=True)
class ComponentSignature:
    """The signature of a component's function."""

    inputs: tuple[ir.InputPort, ...] = ()
    outputs: tuple[ir.OutputPort, ...] = ()
    returns: Literal["none", "one", "fields"] = "none"
    classes: tuple[type, ...] = ()
    description: str = ""
    whole: Type | None = None
    """The type of the returned class as one value, if its fields are the outputs."""
    undefined: frozenset[str] = frozenset()
    """Names in annotations that are not defined, which was reported."""


@dataclass(slots=True)
class PipelineSignature:
    """The signature of a pipeline's function."""

    inputs: tuple[ir.InputPort, ...]
    outputs: dict[str, Type]
    returns: Returned | None
    spans: ParameterSpans

    def bind_outputs(self, result: object, trace: Trace) -> list[tuple[str, ir.Operand, Type, Site | None]]:
        """Bind the function's return value to outputs by name."""
        return _bind_outputs(self, result, trace)

    def at_return(self) -> Span:
        """The ``return`` of the function; its name if there is none."""
        return self.spans.of(_RETURN)


def component_signature(fn: Any, *, container: bool = False) -> ComponentSignature:
    """Inputs and outputs of a component's function. Errors are reported parameter by parameter."""
    spans = ParameterSpans(fn)
    made = ComponentSignature(description=summary(fn.__doc__))
    texts = _argument_texts(fn.__doc__)
    inputs: list[ir.InputPort] = []
    outputs: list[ir.OutputPort] = []
    classes: dict[type, None] = {}
    for name, annotation, default in _parameters(fn, spans):
        found = _resolved(fn, name, annotation, default, spans)
        if found is None:
            continue
        classes.update(dict.fromkeys(found.classes))
        text, span = texts.get(name, ""), spans.of(name)
        if found.direction == "out":
            how: ir.OutputHow = "path" if found.how == "path" else "artifact"
            outputs.append(ir.OutputPort(name, found.type, how, text, span))
        else:
            port = ir.InputPort(name, found.type, _default(fn, name, found, default, spans), found.how, text, span)
            inputs.append(port)
    if not container:
        _returns(fn, made, outputs, classes, spans)
    names = [port.name for port in outputs]
    for name in dict.fromkeys(n for n in names if names.count(n) > 1):
        error("TP105", f"`{fn.__name__}` has two outputs named `{name}`", spans.of(name), help="rename one of them")
    made.inputs, made.outputs, made.classes = tuple(inputs), tuple(outputs), tuple(classes)
    made.undefined = frozenset(spans.undefined)
    return made


def _returns(
    fn: Any, made: ComponentSignature, outputs: list[ir.OutputPort], classes: dict[type, None], spans: ParameterSpans
) -> None:
    found = _resolved_return(fn, spans)
    if found is None:
        return
    classes.update(dict.fromkeys(found.classes))
    made.returns = found.kind
    made.whole = None if outputs else found.whole
    _no_artifact_lists(fn, found, spans)
    if found.kind == "one":
        outputs.append(ir.OutputPort("Output", found.fields[0][1], "return", "", spans.of("return")))
    for name, type_ in found.fields if found.kind == "fields" else ():
        outputs.append(ir.OutputPort(name, type_, "field", "", spans.of("return")))


def _no_artifact_lists(fn: Any, returned: Returned, spans: ParameterSpans) -> None:
    """Reject lists of output artifacts: their number is unknown before the task runs, so each artifact is an output."""
    for name, type_ in returned.fields:
        core = without_none(type_)
        if isinstance(core, ListType) and is_artifact(core):
            what = "it" if returned.kind == "one" else f"its field `{name}`"
            error(
                "TP102",
                f"the return type of `{fn.__name__}`: {what} is a list of artifacts, which only a pipeline can return",
                spans.of("return"),
                f"`{show(type_)}`",
                help="return one artifact, which can be a directory, or a NamedTuple for several outputs; "
                "`dsl.ParallelFor` with `dsl.Collected` creates a list",
            )


def pipeline_signature(fn: Any, trace: Trace) -> PipelineSignature:
    """Inputs and outputs of a pipeline's function."""
    spans = ParameterSpans(fn)
    texts = _argument_texts(fn.__doc__)
    inputs: list[ir.InputPort] = []
    for name, annotation, default in _parameters(fn, spans):
        found = _resolved(fn, name, annotation, default, spans)
        if found is None:
            inputs.append(ir.InputPort(name, ANY, None, "value", "", spans.of(name)))
        elif found.direction == "out" or found.how == "status":
            kind = "an output parameter" if found.direction == "out" else "a status parameter"
            error(
                "TP118",
                f"the pipeline `{trace.name}` has {kind}: `{name}`",
                spans.of(name),
                help="return the outputs of the pipeline instead"
                if found.direction == "out"
                else "only the component of an exit task can have one",
            )
        else:
            default_ = _default(fn, name, found, default, spans)
            inputs.append(ir.InputPort(name, found.type, default_, found.how, texts.get(name, ""), spans.of(name)))
    returns = _resolved_return(fn, spans)
    outputs: dict[str, Type] = {}
    if returns is not None and returns.kind != "none":
        outputs = {"Output": returns.fields[0][1]} if returns.kind == "one" else dict(returns.fields)
    return PipelineSignature(tuple(inputs), outputs, returns, spans)


# ----------------------------------------------------------------------------------------------- parameters

_MISSING = object()


def _parameters(fn: Any, spans: ParameterSpans) -> list[tuple[str, object, object]]:
    """Name, annotation and default of each parameter."""
    code = fn.__code__
    count = code.co_argcount + code.co_kwonlyargcount
    names = code.co_varnames[:count]
    hints = getattr(fn, "__annotations__", {})
    defaults: dict[str, object] = dict(getattr(fn, "__kwdefaults__", None) or {})
    given = fn.__defaults__ or ()
    defaults.update(zip(names[code.co_argcount - len(given) : code.co_argcount], given, strict=True))
    if code.co_flags & (_VARARGS | _VARKEYWORDS):
        extra = code.co_varnames[count]
        error(
            "TP103",
            f"`{fn.__name__}` takes a variable number of arguments: `*{extra}`",
            spans.of(extra),
            help="declare each input with a name and a type; use `list[T]` for several values of one type",
        )
    found = []
    for name in names:
        if name in hints:
            found.append((name, hints[name], defaults.get(name, _MISSING)))
        elif name not in {"self", "cls"} or not _is_method(fn):  # a method is reported as a method
            error(
                "TP103",
                f"`{name}` of `{fn.__name__}` has no type annotation",
                spans.of(name),
                help=f"add an annotation: `{name}: int`, `{name}: Input[Dataset]`, `{name}: OutputPath[Model]`, …",
            )
    return found


def _is_method(fn: Any) -> bool:
    owner = fn.__qualname__.rpartition(".")[0]
    return bool(owner) and not owner.endswith("<locals>")


def _resolved(fn: Any, name: str, annotation: object, default: object, spans: ParameterSpans) -> Resolved | None:
    found = resolve(annotation, fn.__globals__, spans.names)
    if isinstance(found, Problem):
        spans.report(found, spans.of(name), f"`{name}` of `{fn.__name__}`: ")
        return None
    if default is None and found.direction == "in" and is_artifact(found.type):
        return replace(found, type=union(found.type, NULL))  # KFP's form of an optional artifact
    return found


def _resolved_return(fn: Any, spans: ParameterSpans) -> Returned | None:
    hints = getattr(fn, "__annotations__", {})
    found = resolve_return(hints.get("return"), fn.__globals__, spans.names)
    if isinstance(found, Problem):
        spans.report(found, spans.of("return"), f"the return type of `{fn.__name__}`: ")
        return None
    return found


def _default(fn: Any, name: str, found: Resolved, default: object, spans: ParameterSpans) -> ir.Const | None:
    if default is _MISSING or found.how == "status" or found.direction == "out":
        return None
    if default is None and is_artifact(found.type):
        return None
    try:
        text, own = constant(default)
    except NotAConstant as problem:
        error(
            "TP104",
            f"the default of `{name}` of `{fn.__name__}` cannot be passed to a task",
            spans.of(name),
            problem.reason,
            help="use plain values as the default, or None with `T | None`",
        )
        return POISON
    why = mismatch(own, found.type)
    if why is not None:
        help_ = (
            f"change the annotation to `{name}: {show(found.type)} | None`"
            if default is None
            else "; ".join(filter(None, ("change the default or the annotation", enum_members(found.type))))
        )
        error(
            "TP104",
            f"the default of `{name}` of `{fn.__name__}` does not match its type `{show(found.type)}`",
            spans.of(name),
            why,
            help=help_,
        )
        return POISON
    return ir.Const(text, own)


# -------------------------------------------------------------------------------------------------- outputs


def _bind_outputs(
    signature: PipelineSignature, result: object, trace: Trace
) -> list[tuple[str, ir.Operand, Type, Site | None]]:
    """Every declared output; poison if an error was reported."""
    declared = signature.outputs
    values = {} if is_poison(result) or _unfit(signature, result, trace) else _values(signature, result, trace)
    bound: list[tuple[str, ir.Operand, Type, Site | None]] = []
    for name, type_ in declared.items():
        value = values.get(name, POISON)
        made: ir.Operand | None
        if isinstance(value, PipelineValue) and value._tp_trace is trace:
            made, site = operand_of(trace.root, value), value._tp_site
        else:
            made = operand(trace.root, value, f"the output `{name}` of the pipeline")
            site = value._tp_site if isinstance(value, PipelineValue) else None
        bound.append((name, POISON if made is None else made, type_, site))
    return bound


def _unfit(signature: PipelineSignature, result: object, trace: Trace) -> bool:
    """Report a result that does not match the ``def`` as a whole; return whether it does not."""
    if signature.returns is None:  # the error in its annotation was reported
        return True
    title, at = f"the pipeline `{trace.name}`", signature.at_return()
    if isinstance(result, Task):
        error(
            "TP118",
            f"{title} returns a task instead of a value",
            result._site,
            help="return the task's output: `return task.output`",
        )
    elif result is None and signature.outputs:
        one = signature.returns.kind == "one"
        names = f"`{show(signature.outputs['Output'])}`" if one else listed(list(signature.outputs))
        error(
            "TP118",
            f"{title} returns nothing, but its signature declares {names}",
            at,
            help="end the function with `return …`",
        )
    elif result is not None and not signature.outputs:
        help_ = "add a return type: `-> int`, `-> Model`, or a NamedTuple for several outputs"
        error("TP118", f"{title} returns a value, but its signature declares none", at, help=help_)
    else:
        return not signature.outputs
    return True


def _values(signature: PipelineSignature, result: object, trace: Trace) -> dict[str, object]:
    declared = signature.outputs
    if signature.returns is not None and signature.returns.kind == "one":
        return {"Output": result}
    if isinstance(result, PipelineValue) and isinstance(result._tp_type, StructType):
        found = {field.name: getattr(result, field.name) for field in result._tp_type.fields if field.name in declared}
    elif isinstance(result, Outputs):
        known = result._tp_task._callee is not None  # otherwise its error was reported, and each output is poison
        found = {name: result[name] for name in declared if name in result or not known}
    elif isinstance(result, dict):
        found = {name: value for name, value in result.items() if name in declared}
    else:
        found = {
            name: getattr(result, name)
            for name in declared
            if not isinstance(result, PipelineValue) and hasattr(result, name)
        }
    missing = [name for name in declared if name not in found]
    if missing:
        error(
            "TP118",
            f"the pipeline `{trace.name}` does not return {listed(missing)}",
            signature.at_return(),
            help="return an instance of the class in the return annotation",
        )
    return found


# ------------------------------------------------------------------------------------------------ in the file


_RETURN = "return …"  # no parameter can have this name


class ParameterSpans:
    """Spans of a function's parameters, read from its file on first use."""

    def __init__(self, fn: Any) -> None:
        self._fn = fn
        self.names = enclosing_names()
        self.undefined: set[str] = set()
        """Names that were reported as undefined."""
        self._found: dict[str, Span] | None = None

    def of(self, name: str) -> Span:
        """The span of a parameter, or of the ``return`` annotation; the ``def`` if it cannot be found."""
        if self._found is None:
            self._found = self._read()
        return self._found.get(name) or span_of_function(self._fn)

    def report(self, problem: Problem, span: Span, where: str) -> None:
        """Report a problem in an annotation; a class that is defined further below is shown."""
        name, message, help_, others = problem.undefined, problem.message, problem.help, []
        self.undefined.add(name)
        code = self._fn.__code__
        parsed = source_of(self._fn) if name else None
        later = parsed.definition(name) if parsed is not None else None
        if parsed is not None and later is not None and later.lineno > code.co_firstlineno:
            message = f"`{name}` in the annotation is defined below `{self._fn.__name__}`, so it does not exist yet"
            help_ = f"move the definition of `{name}` above `{self._fn.__name__}`"
            others = [Label(parsed.header(later), "defined here")]
        error(problem.code, where + message, span, problem.label, others=others, help=help_)

    def _read(self) -> dict[str, Span]:
        code = self._fn.__code__
        parsed = source_of(self._fn)
        node = parsed.functions.get((code.co_firstlineno, self._fn.__name__)) if parsed is not None else None
        if parsed is None or node is None:
            return {}
        arguments = node.args
        every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
        found = {arg.arg: parsed.span(arg) for arg in every if arg is not None}
        found[_RETURN] = next(
            (parsed.span(n) for n in ast.walk(node) if isinstance(n, ast.Return)), parsed.header(node)
        )
        found["return"] = parsed.span(node.returns) if node.returns is not None else parsed.header(node)
        return found


def summary(doc: str | None) -> str:
    """The first paragraph of a docstring, on one line."""
    return " ".join((doc or "").strip().partition("\n\n")[0].split())


def _argument_texts(doc: str | None) -> dict[str, str]:
    """Descriptions of parameters in the ``Args:`` section of a docstring."""
    if not doc or "Args" not in doc:
        return {}
    texts: dict[str, str] = {}
    inside, last, indent = False, "", 0
    for line in doc.splitlines():
        heading = re.match(_HEADING, line)
        if heading:
            inside = heading[1] in {"Args", "Arguments", "Parameters"}
            last = ""
            continue
        if not inside or not line.strip():
            continue
        depth = len(line) - len(line.lstrip())
        match = re.match(_ARGUMENT, line)
        if match and (not last or depth <= indent):
            last, indent = match[1], depth
            texts[last] = match[2].strip()
        elif last:
            texts[last] = f"{texts[last]} {line.strip()}".strip()
    return texts
