"""F-strings with pipeline values: their markers are read back when the text is used."""

from __future__ import annotations

from typing import Any

from typedpipe.dsl.tracing import Trace, error
from typedpipe.dsl.values import markers
from typedpipe.dsl.values.subjects import Subject, span_of_subject
from typedpipe.dsl.values.value import PipelineValue, derived
from typedpipe.ir import nodes as ir
from typedpipe.types.model import STR
from typedpipe.types.values import NotAConstant, constant


def read(trace: Trace, text: str, subject: Subject) -> Any:
    """The text as a constant, or as a reference to assemble; None after an error was reported."""
    if not markers.present(text):
        try:
            return ir.Const(*constant(text))
        except NotAConstant as problem:
            error("TP114", f"{subject} cannot be passed to a task", span_of_subject(subject), str(problem))
            return None
    found = markers.pieces(trace, text)
    if found == "foreign":
        _foreign(subject)
        return None
    if found == "damaged":
        _damaged(trace, subject)
        return None
    return text_value(trace, found)


def text_value(trace: Trace, parts: markers.Pieces) -> PipelineValue:
    """The value of an f-string."""
    children = tuple(part[0] for part in parts if not isinstance(part, str))

    def build(ops: tuple[Any, ...]) -> ir.Expr:
        left = iter(ops)
        return ir.Format(tuple(p if isinstance(p, str) else ir.FormatPart(next(left), p[1]) for p in parts))

    return derived(trace, STR, build, children)


def _damaged(trace: Trace, subject: Subject) -> None:
    markers.told(trace)
    error(
        "TP159",
        f"{subject} is text that contains a pipeline value and was changed after the f-string created it",
        span_of_subject(subject),
        help='pass the f-string unchanged: `f"{a}-{b}"`; split, replace, slice, wrap or escape the text in a component',
    )


def _foreign(subject: Subject) -> None:
    error(
        "TP158",
        f"{subject} is text that contains a value of another pipeline",
        span_of_subject(subject),
        help="add an input to this pipeline, and pass the value when you call the pipeline",
    )
